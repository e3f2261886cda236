"""Nearest neighbours among unit vectors: the only FAISS, and the only place where a score is a cosine.

All vectors are unit length, so the inner product is the cosine, and "nearest" means largest. Two implementations of
one protocol: :class:`ExactIndex` (numpy, the yardstick) and :class:`FaissIndex` (exact inner product, memory mapped).
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import faiss
import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities, Vectors

UNIT_TOLERANCE = 1e-3
"""How far from 1 the length of a stored vector may be."""

faiss.set_deserialization_vector_byte_limit(1 << 40)
faiss.set_deserialization_loop_limit(1 << 26)


class VectorIndex(Protocol):
    """Unit vectors ``[item, dim]`` that can be searched. Rows are dense: row i is the i-th vector that went in."""

    @property
    def size(self) -> int:
        """Number of vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        """The ``min(k, size)`` nearest items to ``query`` ``[dim]``: rows and cosines, best first, ties by row."""

    def cosines(self, query: npt.NDArray[np.float32]) -> Similarities:
        """Cosine of ``query`` ``[dim]`` with every item, ``[item]``, in [-1, 1]."""

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


def _checked(query: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    row = np.ascontiguousarray(query, dtype=np.float32)
    if row.shape != (dim,):
        raise InvalidArgument("vector", f"has shape {row.shape}, the index holds vectors of length {dim}")
    if not np.isfinite(row).all():
        raise InvalidArgument("vector", "holds a value that is not finite")
    return row


def _checked_rows(vectors: Vectors) -> Vectors:
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1)
    if not np.all(np.abs(lengths - 1.0) <= UNIT_TOLERANCE):
        raise InvalidArgument("vectors", "are not all finite and of unit length; pass them through unit()")
    return rows


class ExactIndex:
    """Brute force in numpy: what every other implementation is compared with."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = _checked_rows(vectors)

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

    def cosines(self, query: npt.NDArray[np.float32]) -> Similarities:
        # Summed row by row: in a BLAS product the last bit depends on where in a block a row stands, which would let
        # equal artists come out of id order.
        products: Similarities = np.einsum("ij,j->i", self._vectors, _checked(query, self.dim)).astype(np.float64)
        return products

    def vectors(self, rows: Rows) -> Vectors:
        return self._vectors[rows]


class FaissIndex:
    """FAISS inner product, exact, read from a file that is mapped and never copied."""

    def __init__(self, index: faiss.IndexFlatIP) -> None:
        self._index = index
        shared = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
        self._matrix: Vectors = shared.reshape(index.ntotal, index.d)
        self._rows = np.arange(index.ntotal, dtype=np.int64)

    @classmethod
    def write(cls, path: Path, vectors: Vectors) -> None:
        """Write unit vectors ``[item, dim]`` to ``path``. Raises InvalidArgument when one is not of unit length."""
        rows = _checked_rows(vectors)
        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)
        faiss.write_index(index, str(path))

    @classmethod
    def open(cls, path: Path) -> FaissIndex:
        """Map ``path``. The caller has verified its checksum: FAISS does not notice a flipped bit."""
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        if not isinstance(index, faiss.IndexFlatIP):
            raise InvalidArgument("index", f"{path.name} holds a {type(index).__name__}, expected IndexFlatIP")
        return cls(index)

    @property
    def size(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        return int(self._index.d)

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        row = _checked(query, self.dim)[np.newaxis]
        wanted = min(max(k, 0), self.size)
        if wanted == 0:
            return np.empty(0, np.int64), np.empty(0, np.float64)
        fetched = min(wanted + 1, self.size)
        while True:
            cosines, rows = self._index.search(row, fetched)
            if fetched == self.size or cosines[0, wanted - 1] > cosines[0, -1]:
                break
            fetched = min(fetched * 2, self.size)  # a tie crosses the cut: fetch until it is whole, then order it
        best = np.lexsort((rows[0], -cosines[0]))[:wanted]
        return rows[0, best].astype(np.int64), cosines[0, best].astype(np.float64)

    def cosines(self, query: npt.NDArray[np.float32]) -> Similarities:
        # Row by row, as in ExactIndex; and FAISS reads its file where it lies, which numpy does at half the speed, for
        # the vectors in it are not aligned (benchmarks/scan.py).
        row, found = _checked(query, self.dim), np.empty(self.size, dtype=np.float32)
        asked, answer, rows = (faiss.swig_ptr(array) for array in (row, found, self._rows))
        self._index.compute_distance_subset(  # type: ignore[attr-defined]  # not in the stubs FAISS ships
            1, asked, self.size, answer, rows
        )
        return found.astype(np.float64)

    def vectors(self, rows: Rows) -> Vectors:
        return self._matrix[rows]
