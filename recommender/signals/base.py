"""The protocol of a signal: an opinion on how alike two artists are, or NaN where it has no data."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.types import Rows, SignalName, Similarities


def sparse_opinions(
    pairs: csr_array, row: int, unlisted: npt.NDArray[np.bool_], *, rows: Rows | None = None
) -> Similarities:
    """Opinion of ``row`` on every artist, or those at ``rows``: the stored pair; else 0 where ``unlisted`` is
    true; else NaN. 1 for itself.

    Args:
        pairs: ``[artist, artist]``, symmetric, values above 0.
        unlisted: ``[artist]``: the source would have listed the pair, so not being listed with ``row`` means 0.
    """
    start, stop = pairs.indptr[row : row + 2]
    neighbours, values = pairs.indices[start:stop], pairs.data[start:stop]
    if rows is None:
        opinions = np.where(unlisted, 0.0, np.nan)
        opinions[neighbours] = values
        opinions[row] = 1.0
        return opinions
    opinions = np.where(unlisted[rows], 0.0, np.nan)
    here, there = positions(rows, np.asarray(neighbours))
    opinions[here] = values[there]
    opinions[rows == row] = 1.0
    return opinions


def positions(rows: Rows, wanted: npt.NDArray[np.integer]) -> tuple[Rows, Rows]:
    """Positions in ``rows`` of the entries that are in ``wanted``, and their positions in ``wanted``; in any order.

    >>> [found.tolist() for found in positions(np.array([7, 2, 9]), np.array([9, 5, 7]))]
    [[0, 2], [2, 0]]
    """
    if not wanted.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    sorted_ = np.argsort(wanted, kind="stable")
    nearest = np.minimum(np.searchsorted(wanted, rows, sorter=sorted_), wanted.size - 1)
    among = sorted_[nearest]
    here = np.flatnonzero(wanted[among] == rows)
    return here.astype(np.int64), among[here].astype(np.int64)


class Signal(Protocol):
    """One signal. It reads arrays of one generation and nothing else, so removing it changes no other signal.

    For every pair: symmetric, ``value`` in [0, 1], NaN where the signal has no opinion, and ``raw`` 1 for an artist it
    knows with itself.
    """

    @property
    def name(self) -> SignalName:
        """Which of the four signals it is."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """``[artist]``: the signal has data on this artist. It may still have no opinion on a given pair."""

    def raw(self, row: int, rows: Rows | None = None) -> Similarities:
        """The signal's own measure of artist ``row`` with every artist, or those at ``rows``; NaN is "no opinion".

        The same to the bit whichever artists are asked for; for few it costs no more than they do.
        """

    def value(self, raw: Similarities) -> Similarities:
        """Calibrate raw measures to comparable similarities in [0, 1]; monotone; NaN stays NaN."""


class RelationSignal(Signal, Protocol):
    """A signal whose raw measure alone says how strong an opinion is."""

    def strength(self, raw: Similarities) -> Similarities:
        """Raw measures as strengths, at least 0, which add up over signals once weighted; monotone; NaN stays NaN."""
