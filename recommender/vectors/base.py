"""What every index of vectors is, and the arithmetic around it: unit length, cosine to similarity, order of scores."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities, Vectors


class ExactIndex:
    """Brute force in numpy: what every other implementation is compared with."""

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
        # Summed row by row: in a BLAS product the last bit depends on where in a block a row stands, which would let
        # equal artists come out of id order.
        compared = self._vectors if rows is None else self._vectors[rows]
        products: Similarities = np.einsum("ij,j->i", compared, checked_query(query, self.dim)).astype(np.float64)
        return products

    def vectors(self, rows: Rows) -> Vectors:
        return self._vectors[rows]


UNIT_TOLERANCE = 1e-3
"""How far from 1 the length of a stored vector may be."""

_BLOCK = 1 << 12
"""Rows looked at together where a whole index is gone through."""


class VectorIndex(Protocol):
    """Unit vectors ``[item, dim]`` that can be searched. Rows are dense: row i is the i-th vector that went in."""

    @property
    def size(self) -> int:
        """Number of vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        """The ``min(k, size)`` nearest items to ``query`` ``[dim]``: rows and cosines, best first, ties by row.

        The cosines are those of :meth:`cosines`, to the bit.
        """

    def cosines(self, query: npt.NDArray[np.float32], rows: Rows | None = None) -> Similarities:
        """Cosine of ``query`` ``[dim]`` with every item, or with those at ``rows``, ``[item]``, in [-1, 1].

        The same to the bit whichever items are asked for.
        """

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors at ``rows``, ``[row, dim]``."""


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Scale each row of ``[item, dim]`` to length 1.

    Raises:
        InvalidArgument: a row is not finite, or so short that it has no direction.
    """
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(norms[..., 0]) | (norms[..., 0] < 1e-12))
    if bad.size:
        raise InvalidArgument("vectors", f"row {bad[0]} is not finite or has no direction ({bad.size} such rows)")
    scaled: Vectors = (wide / norms).astype(np.float32)
    return scaled


def to_similarity(cosines: npt.NDArray[np.float64]) -> Similarities:
    """Cosine in [-1, 1] -> similarity in [0, 1]: negative cosines are 0 ("nothing in common"), NaN stays NaN.

    The positive part keeps the scale of the first experiment (docs/decisions/0004).

    >>> to_similarity(np.array([-0.2, 0.5, np.nan]))
    array([0. , 0.5, nan])
    """
    return np.clip(cosines, 0.0, 1.0)


def order(scores: npt.NDArray[np.floating]) -> Rows:
    """Rows by falling score, ties by rising row, NaN last. Stable on every platform.

    >>> order(np.array([0.1, 0.9, 0.9, np.nan])).tolist()
    [1, 2, 0, 3]
    """
    return np.argsort(-scores, kind="stable").astype(np.int64)


def top(scores: npt.NDArray[np.floating], n: int) -> Rows:
    """The first ``n`` rows of :func:`order` that are not NaN, without putting all the others in order.

    >>> top(np.array([0.1, 0.9, np.nan, 0.9, 0.5]), 2).tolist(), top(np.array([0.1, np.nan]), 5).tolist()
    ([1, 3], [0])
    """
    rows: Rows = np.flatnonzero(~np.isnan(scores)).astype(np.int64)
    if not 0 < n < len(rows):
        few: Rows = rows[order(scores[rows])][: max(n, 0)]
        return few
    least = np.partition(scores[rows], len(rows) - n)[len(rows) - n]
    rows = rows[scores[rows] >= least]
    best: Rows = rows[order(scores[rows])][:n]
    return best


def checked_query(query: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    """``query`` as a contiguous ``[dim]``. Raises InvalidArgument for another shape, or a value that is not finite."""
    row = np.ascontiguousarray(query, dtype=np.float32)
    if row.shape != (dim,):
        raise InvalidArgument("vector", f"has shape {row.shape}, the index holds vectors of length {dim}")
    if not np.isfinite(row).all():
        raise InvalidArgument("vector", "holds a value that is not finite")
    return row


def checked_rows(vectors: Vectors) -> Vectors:
    """``vectors`` as contiguous rows. Raises InvalidArgument when one is not of unit length."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if bad_rows(rows):
        raise InvalidArgument("vectors", "are not all finite and of unit length; pass them through unit()")
    return rows


def bad_rows(rows: Vectors) -> int:
    """How many rows of ``[item, dim]`` are not finite or not of unit length."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", rows, rows)  # without a second array of that size, as norm() would make
    return int(np.count_nonzero(~(np.abs(np.sqrt(squares) - 1.0) <= UNIT_TOLERANCE)))


def count_bad(index: VectorIndex) -> int:
    """How many vectors of ``index`` are not finite or not of unit length; 0 in a sound one."""
    blocks = (np.arange(start, min(start + _BLOCK, index.size)) for start in range(0, index.size, _BLOCK))
    return sum(bad_rows(index.vectors(rows)) for rows in blocks)
