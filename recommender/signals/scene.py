"""The scene signal: artists with the same listeners, as listed by maps such as music-map, and as reached over them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.signals.base import sparse_opinions
from recommender.types import Rows, SignalName, Similarities

HALF = 0.03
"""Walk value of one doubling: the strength is ``log(1 + M / HALF)``. On a real graph the median value above 0 is .007,
and a listed pair has .09, .15 or .29 (5 %, 50 %, 95 %; docs/methods.md)."""
LISTED = 0.15
"""Walk value of a pair that is listed with the strength 1, where a generation has no walk."""


class SceneSignal:
    """How well a random walk over the listings leads from one artist to the other (indexer/build/scene_walk.py).

    Three states, kept apart: reached (the value of the walk); covered and not reached (0: the source knows both
    artists, gave the list of at least one, and does not lead to the other); unknown (NaN). The strengths of direct
    listings are kept beside the walk, for the profile ``seed`` and for explanations.
    """

    name = SignalName.SCENE

    def __init__(
        self,
        strengths: csr_array,
        mentioned: npt.NDArray[np.bool_],
        listed: npt.NDArray[np.bool_],
        *,
        walk: csr_array | None = None,
    ) -> None:
        """
        Args:
            strengths: ``[artist, artist]`` of the listings, symmetric, in (0, 1].
            mentioned: ``[artist]`` some source names the artist at all.
            listed: ``[artist]`` some source gave the artist's own list.
            walk: ``[artist, artist]``, symmetric, above 0; None in generations of earlier releases, where a listing
                stands in for it.
        """
        self._strengths = strengths
        self._mentioned = mentioned
        self._listed = listed
        self._walk = strengths if walk is None else walk
        self._scale = LISTED if walk is None else 1.0

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._mentioned

    def raw(self, row: int, rows: Rows | None = None) -> Similarities:
        opinions = self._read(self._walk, row, rows) * self._scale
        opinions[row if rows is None else rows == row] = 1.0 if self._mentioned[row] else np.nan
        return opinions

    def listing(self, row: int, rows: Rows | None = None) -> Similarities:
        """Strengths of the direct listings of ``row``, in [0, 1]: what the profile ``seed`` reads."""
        return self._read(self._strengths, row, rows)

    def _read(self, pairs: csr_array, row: int, rows: Rows | None) -> Similarities:
        if not self._mentioned[row]:
            return np.full(len(self._mentioned if rows is None else rows), np.nan)
        # A pair is covered when the source gave the list of at least one of the two and mentions the other.
        unlisted = self._mentioned if self._listed[row] else self._listed
        return sparse_opinions(pairs, row, unlisted, rows=rows)

    def value(self, raw: Similarities) -> Similarities:
        """The walk on a scale from 0 to 1, about one half at :data:`HALF`; without a walk, the listing's strength."""
        if self._scale == LISTED:
            return np.clip(raw / LISTED, 0.0, 1.0)
        walked = np.clip(raw, 0.0, 1.0)
        return np.asarray(walked * (1.0 + HALF) / (walked + HALF), dtype=np.float64)

    def strength(self, raw: Similarities) -> Similarities:
        return np.log1p(np.maximum(raw, 0.0) / HALF)

    def neighbours(self, row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Rows and strengths of the artists listed with ``row``."""
        return _entries(self._strengths, row)

    def reached(self, row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Rows and walk values of the artists that the walk from ``row`` reaches."""
        rows, values = _entries(self._walk, row)
        return rows, values * self._scale


def _entries(pairs: csr_array, row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    start, stop = pairs.indptr[row : row + 2]
    return pairs.indices[start:stop].astype(np.int64), pairs.data[start:stop].astype(np.float64)
