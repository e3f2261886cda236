"""The interface of every vector index, and the exact index in numpy that the others are tested against."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities, Vectors

UNIT_TOLERANCE = 1e-3
"""Largest difference from 1 that the length of a stored vector may have."""


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Scale each row of ``[item, dim]`` to length 1.

    Raises:
        InvalidArgument: a row has a value that is not finite, or is so short that it has no direction.
    """
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(norms[..., 0]) | (norms[..., 0] < 1e-12))
    if bad.size:
        raise InvalidArgument("vectors", f"row {bad[0]} is not finite or has no direction ({bad.size} such rows)")
    scaled: Vectors = (wide / norms).astype(np.float32)
    return scaled


def to_similarity(cosines: npt.NDArray[np.float64]) -> Similarities:
    """Similarity in [0, 1] of cosines in [-1, 1]: the positive part. NaN stays NaN.

    A negative cosine means "nothing in common", as 0 does (docs/decisions/0004-raw-similarities.md).

    >>> to_similarity(np.array([-0.2, 0.5, np.nan]))
    array([0. , 0.5, nan])
    """
    return np.clip(cosines, 0.0, 1.0)


def order(scores: npt.NDArray[np.floating]) -> Rows:
    """Rows by falling score; ties by rising row; NaN last. The same on every platform.

    >>> order(np.array([0.1, 0.9, 0.9, np.nan])).tolist()
    [1, 2, 0, 3]
    """
    return np.argsort(-scores, kind="stable").astype(np.int64)


def top(scores: npt.NDArray[np.floating], n: int) -> Rows:
    """The first ``n`` rows of :func:`order` that are not NaN, without sorting all the others.

    >>> top(np.array([0.1, 0.9, np.nan, 0.9, 0.5]), 2).tolist(), top(np.array([0.1, np.nan]), 5).tolist()
    ([1, 3], [0])
    """
    rows: Rows = np.flatnonzero(~np.isnan(scores)).astype(np.int64)
    if not 0 < n < len(rows):
        few: Rows = rows[order(scores[rows])][: max(n, 0)]
        return few
    # The n-th largest score is found in linear time; all rows at or above it, ties included, are then sorted.
    least = np.partition(scores[rows], len(rows) - n)[len(rows) - n]
    rows = rows[scores[rows] >= least]
    best: Rows = rows[order(scores[rows])][:n]
    return best


def checked_query(query: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    """``query`` as a contiguous ``[dim]``. Raises InvalidArgument for another shape or a value that is not finite."""
    row = np.ascontiguousarray(query, dtype=np.float32)
    if row.shape != (dim,):
        raise InvalidArgument("vector", f"has shape {row.shape}, the index has vectors of length {dim}")
    if not np.isfinite(row).all():
        raise InvalidArgument("vector", "has a value that is not finite")
    return row


def checked_rows(vectors: Vectors) -> Vectors:
    """``vectors`` as contiguous rows ``[item, dim]``. Raises InvalidArgument when one is not of unit length."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if count_bad_rows(rows):
        raise InvalidArgument("vectors", "are not all finite and of unit length; pass them through unit()")
    return rows


def count_bad_rows(rows: Vectors) -> int:
    """How many rows of ``[item, dim]`` are not finite or not of unit length."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", rows, rows)  # norm() would need a second array of the same size
    return int(np.count_nonzero(~(np.abs(np.sqrt(squares) - 1.0) <= UNIT_TOLERANCE)))


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
