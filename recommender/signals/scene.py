"""The scene signal: artists with the same listeners, as listed by maps such as music-map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.signals.base import sparse_opinions
from recommender.types import Rows, SignalName, Similarities


class SceneSignal:
    """Strength of the listing, the larger of the two directions.

    Three states, kept apart: listed (the strength); covered and not listed (0: the source
    knows both artists, gave the list of at least one, and did not name the other); unknown (NaN).
    """

    name = SignalName.SCENE

    def __init__(self, strengths: csr_array, mentioned: npt.NDArray[np.bool_], listed: npt.NDArray[np.bool_]) -> None:
        """
        Args:
            strengths: ``[artist, artist]``, symmetric, in (0, 1].
            mentioned: ``[artist]`` some source names the artist at all.
            listed: ``[artist]`` some source gave the artist's own list.
        """
        self._strengths = strengths
        self._mentioned = mentioned
        self._listed = listed

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._mentioned

    def raw(self, row: int, rows: Rows | None = None) -> Similarities:
        if not self._mentioned[row]:
            return np.full(len(self._mentioned if rows is None else rows), np.nan)
        # A pair is covered when the source gave the list of at least one of the two and mentions the other.
        unlisted = self._mentioned if self._listed[row] else self._listed
        return sparse_opinions(self._strengths, row, unlisted, rows=rows)

    def value(self, raw: Similarities) -> Similarities:
        return np.clip(raw, 0.0, 1.0)

    def neighbours(self, row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Rows and strengths of the artists listed with ``row``."""
        start, stop = self._strengths.indptr[row : row + 2]
        return self._strengths.indices[start:stop].astype(np.int64), self._strengths.data[start:stop]
