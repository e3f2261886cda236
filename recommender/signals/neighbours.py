"""A sparse table of pairs with what its silence means: the shared ground of the scene and collaboration signals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.types import Rows, Similarities


def sparse_opinions(
    pairs: csr_array, row: int, silent: npt.NDArray[np.bool_], *, rows: Rows | None = None
) -> Similarities:
    """Opinion of ``row`` on every artist, or those at ``rows``: the stored pair; else 0 where ``silent`` allows it;
    else NaN. 1 for itself.

    Args:
        pairs: ``[artist, artist]``, symmetric, values in (0, 1].
        silent: ``[artist]``: not being listed with ``row`` is itself evidence.
    """
    start, stop = pairs.indptr[row : row + 2]
    neighbours, values = pairs.indices[start:stop], pairs.data[start:stop]
    if rows is None:
        opinions = np.where(silent, 0.0, np.nan)
        opinions[neighbours] = values
        opinions[row] = 1.0
        return opinions
    opinions = np.where(silent[rows], 0.0, np.nan)
    places, among = positions(rows, np.asarray(neighbours))
    opinions[places] = values[among]
    opinions[rows == row] = 1.0
    return opinions


def positions(rows: Rows, wanted: npt.NDArray[np.integer]) -> tuple[Rows, Rows]:
    """Where in ``rows`` something ``wanted`` stands, and where that stands in ``wanted``, whatever order both are in.

    >>> [found.tolist() for found in positions(np.array([7, 2, 9]), np.array([9, 5, 7]))]
    [[0, 2], [2, 0]]
    """
    if not wanted.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    sorted_ = np.argsort(wanted, kind="stable")
    nearest = np.minimum(np.searchsorted(wanted, rows, sorter=sorted_), wanted.size - 1)
    among = sorted_[nearest]
    places = np.flatnonzero(wanted[among] == rows)
    return places.astype(np.int64), among[places].astype(np.int64)
