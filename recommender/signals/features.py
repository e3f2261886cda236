"""Measures a learned ranking reads of a pair of artists: more of each signal than its one strength.

Every feature is symmetric, belongs to one signal, and is NaN where that signal has no data on one of the two. Those
that are marked rising say more for a pair the higher they are; a learned ranking may not turn them round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

from recommender.calibration.jackknife import Matrix
from recommender.generation.contents import Relations
from recommender.signals.base import positions
from recommender.signals.collaboration import CollaborationSignal
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import Rows, SignalName, Similarities

MAX_STEPS = 500
"""Listings of one artist that are followed: bounds the work for an artist that thousands list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One measure of a pair."""

    name: str
    signal: SignalName
    rising: bool
    """It says more for the pair the higher it is."""


def _of(signal: SignalName, rising: str, free: str = "") -> tuple[Feature, ...]:
    made = [Feature(name=name, signal=signal, rising=True) for name in rising.split()]
    return (*made, *(Feature(name=name, signal=signal, rising=False) for name in free.split()))


FEATURES = (
    *_of(SignalName.AUDIO, "audio_strength"),
    *_of(
        SignalName.SCENE,
        "walk walk_popular walk_even common_rare common_cosine three_steps",
        "fewer_listed more_listed",
    ),
    *_of(SignalName.GENRE, "genre_shared genre_rare", "fewer_genres more_genres"),
    *_of(SignalName.COLLABORATION, "collaboration", "fewer_partners more_partners"),
)
"""The features in the order of their axis."""


class PairFeatures:
    """The features of one generation. It has no state but what it reads; safe to share between threads."""

    def __init__(
        self, relations: Relations, *, scene: SceneSignal, genre: GenreSignal, collaboration: CollaborationSignal
    ) -> None:
        """``relations`` are the matrices that the three signals were made of."""
        self._scene, self._genre, self._collaboration = scene, genre, collaboration
        self._links = relations.scene_strengths
        self._listed = np.diff(relations.scene_strengths.indptr).astype(np.float64)
        self._partners = np.diff(relations.collaborations.indptr).astype(np.float64)
        self._genres = np.diff(relations.genre_weights.indptr).astype(np.float64)
        self._rare = GenreCosine(relations.genre_weights)

    def read(self, seed: int, audio: Similarities, rows: Rows) -> Matrix:
        """``[feature, artist]`` of ``seed`` with the artists at ``rows``; NaN where a signal has no data on one.

        Args:
            seed: row of the catalog.
            audio: ``[artist]`` strengths of the audio signal.
            rows: artists.
        """
        return np.vstack(
            [
                audio[np.newaxis],
                self._of_scene(seed, rows),
                self._of_genres(seed, rows),
                self._of_collaborations(seed, rows),
            ]
        )

    def _of_scene(self, seed: int, rows: Rows) -> Matrix:
        walk = self._scene.raw(seed, rows)
        both = np.maximum(self._listed[seed] * self._listed[rows], 1.0)
        neighbours = self._steps(seed)
        common, three = self._paths(neighbours, rows)
        found = np.stack(
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
        return _known(found, self._scene.known, seed, rows)

    def _of_genres(self, seed: int, rows: Rows) -> Matrix:
        found = np.stack([self._genre.raw(seed, rows), self._rare.read(seed, rows), *_ends(self._genres, seed, rows)])
        return _known(found, self._genre.known, seed, rows)

    def _of_collaborations(self, seed: int, rows: Rows) -> Matrix:
        found = np.stack([self._collaboration.raw(seed, rows), *_ends(self._partners, seed, rows)])
        return _known(found, self._collaboration.known, seed, rows)

    def _paths(self, neighbours: Rows, rows: Rows) -> tuple[Similarities, Similarities]:
        """Adamic-Adar index, and the share of three-step walks that end at each artist, per listing of theirs."""
        rarity = 1.0 / np.log1p(np.maximum(self._listed[neighbours], 1.0))
        common = self._gather(neighbours, rarity, rows)
        middle, reached = self._all_steps(neighbours, 1.0 / np.maximum(self._listed[neighbours], 1.0))
        three = self._gather(middle, reached / np.maximum(self._listed[middle], 1.0), rows)
        return common, three

    def _steps(self, artist: int) -> Rows:
        """Rows listed with ``artist``, the strongest :data:`MAX_STEPS` of them."""
        rows, strengths = self._scene.neighbours(artist)
        if len(rows) <= MAX_STEPS:
            return rows
        return rows[np.lexsort((rows, -strengths))[:MAX_STEPS]]

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


class GenreCosine:
    """Cosine of genre weights times how rare each genre is."""

    def __init__(self, weights: csr_array) -> None:
        """``weights``: ``[artist, genre]``."""
        having = np.maximum(np.bincount(weights.indices, minlength=weights.shape[1]), 1)
        scaled = csr_array(weights @ diags_array(np.log1p(weights.shape[0] / having)))
        lengths = np.sqrt(np.asarray(scaled.multiply(scaled).sum(axis=1)).reshape(-1))
        self._unit = csr_array(diags_array(1.0 / np.where(lengths > 0, lengths, 1.0)) @ scaled)

    def read(self, seed: int, rows: Rows) -> Similarities:
        """``[artist]`` in [0, 1]."""
        ours = np.zeros(self._unit.shape[1])
        own = slice(self._unit.indptr[seed], self._unit.indptr[seed + 1])
        ours[self._unit.indices[own]] = self._unit.data[own]
        return np.asarray(self._unit[rows] @ ours, dtype=np.float64)


def _ends(counts: Similarities, seed: int, rows: Rows) -> tuple[Similarities, Similarities]:
    """The smaller and the larger count of each pair."""
    return np.minimum(counts[rows], counts[seed]), np.maximum(counts[rows], counts[seed])


def _known(found: Matrix, known: npt.NDArray[np.bool_], seed: int, rows: Rows) -> Matrix:
    """``found`` with NaN where the signal does not know both artists."""
    if not known[seed]:
        return np.full(found.shape, np.nan)
    return np.where(known[rows], found, np.nan)
