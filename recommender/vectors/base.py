"""The interface of every vector index, and the exact index in numpy that the others are tested against."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from recommender.types import Rows, Similarities, Vectors
from recommender.vectors.cosines import checked_query, checked_rows, count_bad_rows, order

_BLOCK = 1 << 12
"""Rows that are checked at a time when a whole index is read."""


class VectorIndex(Protocol):
    """A searchable set of unit vectors ``[item, dim]``. Row i is the i-th vector that was added."""

    @property
    def size(self) -> int:
        """Number of vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        """The ``min(k, size)`` nearest items to ``query`` ``[dim]``: rows and cosines, best first, ties by row.

        The cosines are bit-identical to those of :meth:`cosines`.
        """

    def cosines(self, query: npt.NDArray[np.float32], rows: Rows | None = None) -> Similarities:
        """Cosines of ``query`` ``[dim]`` with every item, or with those at ``rows``: ``[item]`` in [-1, 1].

        The cosine of an item is bit-identical whichever other items are asked for.
        """

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors at ``rows``, ``[row, dim]``."""


class ExactIndex:
    """Exact search in numpy. Every other implementation is compared with it in the tests."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = checked_rows(vectors)

    @property
    def size(self) -> int:
        return int(self._vectors.shape[0])

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        cosines = self.cosines(query)
        rows = order(cosines)[: max(k, 0)]
        return rows, cosines[rows]

    def cosines(self, query: npt.NDArray[np.float32], rows: Rows | None = None) -> Similarities:
        # Each row is summed by itself: in a BLAS product the last bit depends on the position of the row in its block,
        # so that two equal vectors could get different cosines and break ties in another order.
        compared = self._vectors if rows is None else self._vectors[rows]
        products: Similarities = np.einsum("ij,j->i", compared, checked_query(query, self.dim)).astype(np.float64)
        return products

    def vectors(self, rows: Rows) -> Vectors:
        return self._vectors[rows]


def count_bad(index: VectorIndex) -> int:
    """How many vectors of ``index`` are not finite or not of unit length; 0 in a valid index."""
    blocks = (np.arange(start, min(start + _BLOCK, index.size)) for start in range(0, index.size, _BLOCK))
    return sum(count_bad_rows(index.vectors(rows)) for rows in blocks)
