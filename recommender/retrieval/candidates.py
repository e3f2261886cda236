"""Retrieves candidate artists: the union of what each signal finds; only these are scored, exactly.

::

    candidates.L11.faiss      codes of the calibrated artist vectors, one file a layer of the default mix
    candidates.genre.*.npy    artists of each genre, those with similar genres side by side

Scene and collaborations need no files: the rows of their matrices are lists of neighbours. Candidates are made and
measured when a generation is built (indexer/build/candidates.py), for its default profile and its default mix; where
they do not find what a full scan finds, there are none. See docs/decisions/0009-candidates.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from recommender.calibration.cohort import CalibratedLayer
from recommender.calibration.scores import inner_product_query
from recommender.generation.candidate_files import Candidates
from recommender.generation.contents import Contents
from recommender.generation.genre_neighbours import sorted_unique
from recommender.generation.manifest import CandidatesEntry
from recommender.signals.panel import RelationSignals
from recommender.types import Rows
from recommender.vectors import top


class CandidateRetriever:
    """Finds the candidates of a seed. It has no state but what it reads; safe to share between threads."""

    def __init__(
        self,
        candidates: Candidates,
        *,
        relations: RelationSignals,
        layers: Mapping[str, CalibratedLayer],
        contents: Contents,
    ) -> None:
        """
        Args:
            candidates: files of the generation.
            relations: the signals over its matrices.
            layers: its calibrated layers.
            contents: its artists.
        """
        for codes in candidates.codes.values():
            codes.set_nprobe(candidates.entry.lists)
        self._candidates = candidates
        self._relations = relations
        self._layers = layers
        self._vector_row = vector_row = contents.artists.vector_row
        self._fillers = _first_of_each(_coverage(contents, relations), candidates.entry.first)
        embedded = np.flatnonzero(vector_row >= 0)
        self._artist_of = embedded[np.argsort(vector_row[embedded], kind="stable")]

    @property
    def entry(self) -> CandidatesEntry:
        """What was measured when the generation was built."""
        return self._candidates.entry

    def of(self, seed: int) -> Rows:
        """Rows of the candidates of ``seed``, rising; at least ``first`` where there are as many artists.

        Where the signals find fewer, the scores of all other artists depend only on which signals know them. So the
        first artists by id of each such kind are added, and ties have the same order as among all artists.
        """
        entry = self._candidates.entry
        listed = (self._relations.scene.neighbours(seed), self._relations.collaboration.neighbours(seed))
        parts = [
            *(self._by_audio(layer, seed) for layer in self._candidates.codes),
            *(rows[top(strengths, entry.listed)] for rows, strengths in listed),
            self._by_genre(seed),
        ]
        found = sorted_unique(np.concatenate(parts))
        return found if len(found) > entry.first else sorted_unique(np.concatenate([found, self._fillers]))

    def _by_audio(self, layer: str, seed: int) -> Rows:
        """The nearest by the calibrated score of one layer."""
        own = int(self._vector_row[seed])
        if own < 0:
            return np.empty(0, np.int64)
        measured = self._layers[layer].artists.at(own)
        if np.isnan(measured.sd):
            return np.empty(0, np.int64)
        found: Rows = self._artist_of[
            self._candidates.codes[layer].search(inner_product_query(measured), self._candidates.entry.nearest)
        ]
        return found

    def _by_genre(self, seed: int) -> Rows:
        """The nearest by genre among the artists around the seed in the orders of its genres."""
        entries, genres = self._relations.genre.entries(seed)
        near = self._candidates.genres.around(entries, genres, width=self._candidates.entry.around)
        best: Rows = near[top(self._relations.genre.raw(seed, near), self._candidates.entry.alike)]
        return best


def _coverage(contents: Contents, relations: RelationSignals) -> npt.NDArray[np.int64]:
    """``[artist]``: a number for which signals have data on it, equal for artists with the same signals."""
    flags = (
        contents.artists.vector_row >= 0,
        contents.relations.scene_listed,
        *(signal.known for signal in relations.all()),
    )
    kinds: npt.NDArray[np.int64] = np.sum([flag.astype(np.int64) << bit for bit, flag in enumerate(flags)], axis=0)
    return kinds


def _first_of_each(kinds: npt.NDArray[np.int64], count: int) -> Rows:
    """The first ``count`` rows of each kind, rising.

    >>> _first_of_each(np.array([1, 0, 1, 1, 0]), 2).tolist()
    [0, 1, 2, 4]
    """
    ordered = np.argsort(kinds, kind="stable")
    starts = np.searchsorted(kinds[ordered], kinds[ordered])
    chosen: Rows = np.sort(ordered[np.arange(len(kinds)) - starts < count]).astype(np.int64)
    return chosen
