"""Vector indexes in memory-mapped FAISS files: exact search, and approximate search that is refined exactly."""

from __future__ import annotations

import errno
import re
import threading
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidArgument, Unavailable
from recommender.types import Rows, Similarities, Vectors
from recommender.vectors.base import checked_query, checked_rows, order

MIN_FAISS = (1, 15)
"""Earlier versions crash on some damaged files and do not memory-map the parts of an IVF index."""

FLAT = "Flat"
SHORT_LIST_NEIGHBOURS = 64
"""Searches for up to this many neighbours use one short list, so that a longer answer starts with the shorter one."""

_READ_LOCK = threading.Lock()
"""Held while a file is read: FAISS has one set of read limits for the whole process."""


class FaissIndex:
    """Exact search: the query is compared with every vector."""

    def __init__(self, flat: faiss.IndexFlat, owner: faiss.Index | None = None) -> None:
        """Search ``flat``. ``owner`` is the index that ``flat`` is a part of; it is kept alive as long as this one."""
        self._flat = flat
        self._owner = owner
        shared = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d)
        self._matrix: Vectors = shared.reshape(flat.ntotal, flat.d)
        self._rows = np.arange(flat.ntotal, dtype=np.int64)

    @classmethod
    def write(cls, path: Path, vectors: Vectors) -> None:
        """Write unit vectors ``[item, dim]`` to ``path``.

        Raises:
            InvalidArgument: a vector is not of unit length.
            OSError: as :func:`write_whole`.
        """
        rows = checked_rows(vectors)
        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)
        write_whole(index, path)

    @staticmethod
    def open(path: Path) -> FaissIndex:
        """Map ``path``. The caller has verified its checksum, because FAISS does not notice a flipped bit.

        Raises:
            InvalidArgument: the file has neither of the two index types that are written here.
            Unavailable: the installed FAISS is too old.
        """
        index = open_mapped(path)
        if isinstance(index, faiss.IndexRefineFlat):
            return RefinedIndex(index)
        if not isinstance(index, faiss.IndexFlatIP):
            raise InvalidArgument("index", f"{path.name} has the type {type(index).__name__}, expected IndexFlatIP")
        return FaissIndex(index)

    @property
    def factory(self) -> str:
        """The index type as a FAISS factory string."""
        return FLAT

    @property
    def size(self) -> int:
        return int(self._flat.ntotal)

    @property
    def dim(self) -> int:
        return int(self._flat.d)

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        row = checked_query(query, self.dim)[np.newaxis]
        wanted = min(max(k, 0), self.size)
        if wanted == 0:
            return np.empty(0, np.int64), np.empty(0, np.float64)
        fetched = min(wanted + 1, self.size)
        while True:
            cosines, rows = self._flat.search(row, fetched)
            if fetched == self.size or cosines[0, wanted - 1] > cosines[0, -1]:
                break
            # Items with the cosine of the last one may be missing. FAISS orders ties arbitrarily, so fetch until all of
            # them are there, then order them by row.
            fetched = min(fetched * 2, self.size)
        best = np.lexsort((rows[0], -cosines[0]))[:wanted]
        return rows[0, best].astype(np.int64), cosines[0, best].astype(np.float64)

    def cosines(self, query: npt.NDArray[np.float32], rows: Rows | None = None) -> Similarities:
        compared = self._rows if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
        return self._compare(checked_query(query, self.dim), compared)

    def vectors(self, rows: Rows) -> Vectors:
        return self._matrix[rows]

    def _compare(self, query: npt.NDArray[np.float32], rows: Rows) -> Similarities:
        """Cosine of ``query`` with each of ``rows``."""
        # Row by row, as in ExactIndex. FAISS does it, because numpy takes twice as long on vectors that are not aligned
        # in memory, as those in the mapped file are not (benchmarks/scan.py).
        cosines = np.empty(len(rows), dtype=np.float32)
        if not len(rows):
            return cosines.astype(np.float64)
        query_pointer, cosines_pointer, rows_pointer = (faiss.swig_ptr(array) for array in (query, cosines, rows))
        self._flat.compute_distance_subset(  # type: ignore[attr-defined]  # not in the stubs FAISS ships
            1, query_pointer, len(rows), cosines_pointer, rows_pointer
        )
        return cosines.astype(np.float64)


class RefinedIndex(FaissIndex):
    """Approximate search, refined exactly: inverted lists of PQ codes give a short list, which is compared exactly.

    A search may miss a neighbour; its recall is measured when the index is built. The cosines it returns are exact, and
    bit-identical to those of :meth:`cosines`.
    """

    def __init__(self, index: faiss.IndexRefineFlat) -> None:
        base = faiss.downcast_index(index.base_index)
        flat = faiss.downcast_index(index.refine_index)
        if not isinstance(base, faiss.IndexIVFPQFastScan) or not isinstance(flat, faiss.IndexFlat):
            raise InvalidArgument("index", f"refines the type {type(base).__name__}, expected IndexIVFPQFastScan")
        metrics = {part.metric_type for part in (index, base, flat)}
        if metrics != {faiss.METRIC_INNER_PRODUCT} or base.ntotal != flat.ntotal:
            raise InvalidArgument(
                "index", f"has {base.ntotal} codes and {flat.ntotal} vectors, or does not use inner products"
            )
        if base.d != flat.d or not 1 <= base.nprobe <= base.nlist:
            raise InvalidArgument(
                "index", f"has nprobe {base.nprobe} of {base.nlist} lists, and dimension {base.d} for {flat.d}"
            )
        super().__init__(flat, owner=index)
        self._base: Any = base  # Any: the FAISS stubs have no type for it
        self.k_factor = int(index.k_factor)

    @property
    def factory(self) -> str:
        """The index type as a FAISS factory string."""
        return f"IVF{self._base.nlist},PQ{self._base.pq.M}x4fs,RFlat"

    @property
    def nprobe(self) -> int:
        """How many of the inverted lists a search reads."""
        return int(self._base.nprobe)

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        """As in the protocol, but a neighbour may be missing.

        Up to :data:`SHORT_LIST_NEIGHBOURS` a longer answer starts with the shorter one. A search for so many neighbours
        that the short list would not be short compares with every vector.
        """
        wanted = min(max(k, 0), self.size)
        nearest = self.from_short_list(query, max(wanted, SHORT_LIST_NEIGHBOURS))
        if nearest is None:
            cosines = self.cosines(query)
            rows = order(cosines)[:wanted]
            return rows, cosines[rows]
        return nearest[0][:wanted], nearest[1][:wanted]

    def from_short_list(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities] | None:
        """The ``k`` nearest of a short list of ``k * k_factor`` items: rows and cosines, as in :meth:`search`.

        None when the list would be half of all items or more, when it gives fewer than ``k``, or when items that tie
        with the last of the answer may be missing from it.
        """
        return self.from_short_lists(checked_query(query, self.dim)[np.newaxis], k)[0]

    def from_short_lists(self, queries: Vectors, k: int) -> list[tuple[Rows, Similarities] | None]:
        """:meth:`from_short_list` for each of ``queries`` ``[query, dim]``, in one FAISS call."""
        pool = self.k_factor * k
        if pool * 2 >= self.size:
            return [None] * len(queries)
        codes, rows = self._base.search(queries, pool)
        return [self._refine(*query, k) for query in zip(queries, codes, rows, strict=True)]

    def _refine(
        self, query: npt.NDArray[np.float32], codes: npt.NDArray[np.float32], rows: Rows, k: int
    ) -> tuple[Rows, Similarities] | None:
        """The ``k`` nearest of the short list ``rows``, whose estimated cosines are ``codes``; None as above."""
        valid = (rows >= 0) & (rows < self.size)  # a row beyond the last would be read past the end of the file
        rows, codes = rows[valid], codes[valid]
        cosines = self._compare(query, rows)
        best = np.lexsort((rows, -cosines))[:k]
        # Items outside the list may have the lowest estimate of the list too. If an item with that estimate is in the
        # answer, or ties with its last item, those outside could belong there as well.
        if len(best) < k or (cosines[codes == codes.min()] >= cosines[best[-1]]).any():
            return None
        return rows[best], cosines[best]


def open_mapped(path: Path) -> faiss.Index:
    """Map the index in ``path``, of any type.

    Raises:
        InvalidArgument: the file is not an index.
        Unavailable: the installed FAISS is too old.
    """
    require_faiss(faiss.__version__)
    try:
        return _read(path)
    except RuntimeError as error:
        raise InvalidArgument("index", f"{path.name} is not an index that FAISS can read ({error})") from error


def _read(path: Path) -> faiss.Index:
    """Map ``path``. Raises RuntimeError when FAISS cannot read it.

    The limits stop a damaged header from allocating more memory than the file has bytes.
    """
    with _READ_LOCK:
        size = max(path.stat().st_size, 1)  # to FAISS 0 means "no limit"
        faiss.set_deserialization_vector_byte_limit(size)
        faiss.set_deserialization_loop_limit(size)
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def write_whole(index: faiss.Index, path: Path) -> None:
    """Write ``index`` to ``path``, then map it once to check that the file is complete.

    FAISS reports a full disk as a RuntimeError or, when only the end of the file is missing, as a line on stderr alone.

    Raises OSError when the file is not complete.
    """
    try:
        faiss.write_index(index, str(path))
        _read(path)
    except RuntimeError as error:
        raise OSError(errno.EIO, f"could not be written whole; is the disk full? ({error})", str(path)) from error


def require_faiss(version: str) -> None:
    """Refuse a FAISS version that cannot read files safely. Raises Unavailable."""
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < MIN_FAISS:
        oldest = ".".join(map(str, MIN_FAISS))
        raise Unavailable(
            f"FAISS {version} is too old to open a generation; install faiss-cpu or faiss-gpu >= {oldest}"
        )
