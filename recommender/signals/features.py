"""Measures a learned ranking reads of a pair of artists: more of each signal than its one strength.

Every feature is symmetric to the bit, belongs to one signal, and is NaN where that signal has no opinion on the pair.
recommender/fusion/boosted_trees.py lists them.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, diags_array

from recommender.calibration.jackknife import Matrix
from recommender.generation.contents import Relations
from recommender.signals.base import positions
from recommender.signals.collaboration import CollaborationSignal
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import Rows, Similarities

MAX_STEPS = 500
"""Listings of one artist that are followed: bounds the work for an artist that thousands list."""
TYPICAL = 10_000
"""Artists among whom a genre's rarity is told. A constant, so that a new artist changes nothing between others."""
_UNIT = 1.0 / (1 << 18)
"""Shares of a walk are whole multiples of this, so that their sums are exact, in whatever order they are added."""


class PairFeatures:
    """The features of one generation. It has no state but what it reads; safe to share between threads."""

    def __init__(
        self, relations: Relations, *, scene: SceneSignal, genre: GenreSignal, collaboration: CollaborationSignal
    ) -> None:
        """``relations`` are the matrices that the three signals were made of."""
        self._scene, self._genre, self._collaboration = scene, genre, collaboration
        self._relations = relations
        self._listed = np.diff(relations.scene_strengths.indptr).astype(np.float64)
        self._partners = np.diff(relations.collaborations.indptr).astype(np.float64)
        self._genres = np.diff(relations.genre_weights.indptr).astype(np.float64)

    # Made when first asked for: most servers answer without a learned ranking.
    @cached_property
    def _links(self) -> csr_array:
        return followed(self._relations.scene_strengths)

    @cached_property
    def _rare(self) -> GenreCosine:
        return GenreCosine(self._relations.genre_weights)

    def read(self, seed: int, audio: Similarities, rows: Rows) -> Matrix:
        """``[feature, artist]`` of ``seed`` with the artists at ``rows``; NaN where a signal has no opinion.

        Args:
            seed: row of the catalog.
            audio: ``[artist]`` strengths of the audio signal.
            rows: artists.
        """
        groups = [self._of_scene(seed, rows), self._of_genres(seed, rows), self._of_collaborations(seed, rows)]
        # The first of each group is the signal's own measure: where that is silent, so is the group.
        return np.vstack([audio[np.newaxis], *(np.where(np.isnan(group[0]), np.nan, group) for group in groups)])

    def _of_scene(self, seed: int, rows: Rows) -> Matrix:
        walk = self._scene.raw(seed, rows)
        both = np.maximum(self._listed[seed] * self._listed[rows], 1.0)
        neighbours = self._links.indices[slice(*self._links.indptr[seed : seed + 2])].astype(np.int64)
        common, three = self._paths(neighbours, rows)
        return np.stack(
            [
                walk,
                walk * both**0.2,  # without a correction for popularity
                walk * both**-0.3,  # corrected for it in full, as a cosine is
                common,
                self._gather(neighbours, np.ones(len(neighbours)), rows) / np.sqrt(both),
                three,
                *_ends(self._listed, seed, rows),
            ]
        )

    def _of_genres(self, seed: int, rows: Rows) -> Matrix:
        return np.stack([self._genre.raw(seed, rows), self._rare.read(seed, rows), *_ends(self._genres, seed, rows)])

    def _of_collaborations(self, seed: int, rows: Rows) -> Matrix:
        return np.stack([self._collaboration.raw(seed, rows), *_ends(self._partners, seed, rows)])

    def _paths(self, neighbours: Rows, rows: Rows) -> tuple[Similarities, Similarities]:
        """Adamic-Adar index, and the share of three-step walks that end at each artist, per listing of theirs."""
        rarity = 1.0 / np.log1p(np.maximum(self._listed[neighbours], 1.0))
        common = self._gather(neighbours, rarity, rows)
        middle, reached = self._all_steps(neighbours, self._shares(neighbours))
        return common, self._gather(middle, reached * self._shares(middle), rows)

    def _shares(self, artists: Rows) -> Similarities:
        """One over the listings of each artist, rounded to :data:`_UNIT`."""
        return np.rint(1.0 / np.maximum(self._listed[artists], 1.0) / _UNIT) * _UNIT

    def _all_steps(self, artists: Rows, weights: Similarities) -> tuple[Rows, Similarities]:
        """Rows one listing away from any of ``artists``, and the sums of the weights that lead there."""
        columns, carried = self._entries(artists, weights)
        reached, place = np.unique(columns, return_inverse=True)
        return reached, np.bincount(place, weights=carried, minlength=len(reached)).astype(np.float64)

    def _gather(self, artists: Rows, weights: Similarities, rows: Rows) -> Similarities:
        """``[row]`` sum of ``weights`` of those of ``artists`` that are listed with it."""
        reached, sums = self._all_steps(artists, weights)
        found = np.zeros(len(rows))
        here, there = positions(rows, reached)
        found[here] = sums[there]
        return found

    def _entries(self, artists: Rows, weights: Similarities) -> tuple[Rows, Similarities]:
        starts = self._links.indptr[artists].astype(np.int64)
        sizes = self._links.indptr[artists + 1] - starts
        ends = np.cumsum(sizes)
        entries = np.arange(sizes.sum()) + np.repeat(starts - (ends - sizes), sizes)
        return self._links.indices[entries].astype(np.int64), np.repeat(weights, sizes)


def followed(strengths: csr_array) -> csr_array:
    """The listings that are among the :data:`MAX_STEPS` strongest of both their artists, equal ones by row.

    Args:
        strengths: ``[artist, artist]``, symmetric.
    """
    links = csr_array(strengths, copy=True)
    links.sort_indices()
    for artist in np.flatnonzero(np.diff(links.indptr) > MAX_STEPS).tolist():
        own = slice(*links.indptr[artist : artist + 2])
        order = np.lexsort((links.indices[own], -links.data[own]))
        links.data[own][order[MAX_STEPS:]] = 0.0
    both = csr_array(links.minimum(links.T))
    both.eliminate_zeros()
    both.sort_indices()
    return both


class GenreCosine:
    """Cosine of genre weights times how rare each genre is."""

    def __init__(self, weights: csr_array) -> None:
        """``weights``: ``[artist, genre]``."""
        having = np.maximum(np.bincount(weights.indices, minlength=weights.shape[1]), 1)
        scaled = csr_array(weights @ diags_array(np.log1p(TYPICAL / having)))
        lengths = np.sqrt(np.asarray(scaled.multiply(scaled).sum(axis=1)).reshape(-1))
        self._unit = csr_array(diags_array(1.0 / np.where(lengths > 0, lengths, 1.0)) @ scaled)
        self._unit.sort_indices()  # the order in which a pair is added up must not depend on who asks

    def read(self, seed: int, rows: Rows) -> Similarities:
        """``[artist]`` in [0, 1]."""
        ours = np.zeros(self._unit.shape[1])
        own = slice(self._unit.indptr[seed], self._unit.indptr[seed + 1])
        ours[self._unit.indices[own]] = self._unit.data[own]
        return np.asarray(self._unit[rows] @ ours, dtype=np.float64)


def _ends(counts: Similarities, seed: int, rows: Rows) -> tuple[Similarities, Similarities]:
    """The smaller and the larger count of each pair."""
    return np.minimum(counts[rows], counts[seed]), np.maximum(counts[rows], counts[seed])
