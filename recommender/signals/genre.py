"""The genre signal: how much of their genres two artists share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.types import Rows, SignalName, Similarities


class GenreSignal:
    """Weighted Jaccard (Ruzicka) of genre weights: sum of minima over sum of maxima.

    With weights of 1 it is the Jaccard index. It needs nothing but the two artists, so a new artist changes no other
    score. For an artist without genres there is no opinion: empty with empty is NaN, not 1. Source: Ruzicka 1958;
    docs/decisions/0004.
    """

    name = SignalName.GENRE

    def __init__(self, weights: csr_array) -> None:
        """``weights``: ``[artist, genre]``, entries in (0, 1]."""
        self._rows = weights if weights.has_sorted_indices else weights.sorted_indices()
        self._postings = weights.tocsc()
        self._totals = np.asarray(weights.sum(axis=1), dtype=np.float64).reshape(-1)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._totals > 0

    def raw(self, row: int, rows: Rows | None = None) -> Similarities:
        if not self._totals[row] > 0:
            return np.full(len(self._totals if rows is None else rows), np.nan)
        shared = self._shared(row) if rows is None else self._shared_with(row, rows)
        totals = self._totals if rows is None else self._totals[rows]
        opinions: Similarities = np.full(len(totals), np.nan)
        np.divide(shared, totals + self._totals[row] - shared, out=opinions, where=totals > 0)
        opinions[row if rows is None else rows == row] = 1.0
        return opinions

    def _shared(self, row: int) -> Similarities:
        """Sum of minima with every artist."""
        shared = np.zeros(len(self._totals))
        for genre, weight in zip(*self.genres(row), strict=True):
            start, stop = self._postings.indptr[genre : genre + 2]
            artists = self._postings.indices[start:stop]
            shared[artists] += np.minimum(self._postings.data[start:stop], weight)
        return shared

    def _shared_with(self, row: int, rows: Rows) -> Similarities:
        """Sum of minima with the artists at ``rows``, added up in the order of :meth:`_shared`."""
        ours = np.zeros(self._rows.shape[1])
        columns, weights = self.genres(row)
        ours[columns] = weights
        entries, owner = self._entries(rows)
        minima = np.minimum(self._rows.data[entries], ours[self._rows.indices[entries]])
        return np.bincount(owner, weights=minima, minlength=len(rows)).astype(np.float64)

    def raw_of_pairs(self, seeds: Sequence[int], rows: Sequence[Rows]) -> Similarities:
        """Raw measure of each of ``seeds`` with the artists at its ``rows``, one after the other: as :meth:`raw`, but
        for an artist with itself, and in one go, which takes less time than a call each.
        """
        sizes = np.array([len(each) for each in rows], dtype=np.int64)
        others = np.concatenate([*rows, np.empty(0, np.int64)])
        ours = np.zeros((len(seeds), self._rows.shape[1]))
        for number, seed in enumerate(seeds):
            columns, weights = self.genres(seed)
            ours[number, columns] = weights
        place = np.repeat(np.arange(len(seeds)), sizes)
        entries, owner = self._entries(others)
        minima = np.minimum(self._rows.data[entries], ours[place[owner], self._rows.indices[entries]])
        shared = np.bincount(owner, weights=minima, minlength=len(others)).astype(np.float64)
        totals, own = self._totals[others], self._totals[list(seeds)][place]
        opinions: Similarities = np.full(len(others), np.nan)
        np.divide(shared, totals + own - shared, out=opinions, where=(totals > 0) & (own > 0))
        return opinions

    def _entries(self, rows: Rows) -> tuple[Rows, Rows]:
        """Entries of the matrix that belong to the artists at ``rows``, and for each the place in ``rows``."""
        starts = self._rows.indptr[rows].astype(np.int64)
        sizes = self._rows.indptr[rows + 1] - starts
        ends = np.cumsum(sizes)
        entries = np.arange(sizes.sum()) + np.repeat(starts - (ends - sizes), sizes)
        return entries, np.repeat(np.arange(len(rows)), sizes)

    def value(self, raw: Similarities) -> Similarities:
        return np.clip(raw, 0.0, 1.0)

    def strength(self, raw: Similarities) -> Similarities:
        """The similarity itself."""
        return np.clip(raw, 0.0, 1.0)

    def genres(self, row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Genre columns and weights of artist ``row``."""
        start, stop = self._rows.indptr[row : row + 2]
        return self._rows.indices[start:stop].astype(np.int64), self._rows.data[start:stop]

    def entries(self, row: int) -> tuple[slice, npt.NDArray[np.int64]]:
        """The entries of artist ``row`` in the matrix, and their genre columns."""
        start, stop = (int(end) for end in self._rows.indptr[row : row + 2])
        return slice(start, stop), self._rows.indices[start:stop].astype(np.int64)

    def having(self, genre: int | None, rows: Rows | None = None) -> npt.NDArray[np.bool_]:
        """Which artists, of all or of ``rows``, have the genre column ``genre``; none has the genre None."""
        having = np.zeros(len(self._totals if rows is None else rows), dtype=bool)
        if genre is None:
            return having
        start, stop = self._postings.indptr[genre : genre + 2]
        artists = self._postings.indices[start:stop]
        if rows is None:
            having[artists] = True
        elif artists.size:
            having = artists[np.minimum(np.searchsorted(artists, rows), artists.size - 1)] == rows
        return having
