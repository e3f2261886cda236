"""The genre signal: how much of their genres two artists share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.types import SignalName, Similarities


class GenreSignal:
    """Weighted Jaccard (Ruzicka) of genre weights: sum of minima over sum of maxima.

    With weights of 1 it is the Jaccard index of the first experiment. It needs nothing but the two artists, so a new
    artist moves nobody else's score. An artist without genres has no opinion; empty with empty is missing, not 1
    (reference/science.md 2.5). Source: Ruzicka 1958; docs/decisions/0004.
    """

    name = SignalName.GENRE

    def __init__(self, weights: csr_array) -> None:
        """``weights``: ``[artist, genre]``, entries in (0, 1]."""
        self._rows = weights
        self._postings = weights.tocsc()
        self._totals = np.asarray(weights.sum(axis=1), dtype=np.float64).reshape(-1)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._totals > 0

    def raw(self, row: int) -> Similarities:
        opinions = np.full(len(self._totals), np.nan)
        if not self._totals[row] > 0:
            return opinions
        shared = np.zeros(len(self._totals))
        for genre, weight in zip(*self.genres(row), strict=True):
            start, stop = self._postings.indptr[genre : genre + 2]
            artists = self._postings.indices[start:stop]
            shared[artists] += np.minimum(self._postings.data[start:stop], weight)
        known = self.known
        opinions[known] = shared[known] / (self._totals[known] + self._totals[row] - shared[known])
        opinions[row] = 1.0
        return opinions

    def value(self, raw: Similarities) -> Similarities:
        return np.clip(raw, 0.0, 1.0)

    def genres(self, row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Genre columns and weights of artist ``row``."""
        start, stop = self._rows.indptr[row : row + 2]
        return self._rows.indices[start:stop].astype(np.int64), self._rows.data[start:stop]

    def having(self, genre: int) -> npt.NDArray[np.int64]:
        """Rows of the artists that have the genre column ``genre``."""
        start, stop = self._postings.indptr[genre : genre + 2]
        return self._postings.indices[start:stop].astype(np.int64)
