"""Indexes of FAISS, read from files that are mapped and never copied."""

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

OLDEST_FAISS = (1, 15)
"""Earlier ones crash on a damaged file (reference/reliability.md, finding 2) and do not map what lies under an IVF."""

FLAT = "Flat"
POOL_FOR = 64
"""Up to so many neighbours come from one short list, so that a longer answer starts with the shorter one."""

_READING = threading.Lock()
"""Held while a file is read: the limits are those of the whole process."""


class FaissIndex:
    """Exact inner product: every vector is compared."""

    def __init__(self, flat: faiss.IndexFlat, owner: faiss.Index | None = None) -> None:
        """Answer from ``flat``. ``owner`` is the index that it is a part of, kept alive with it."""
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
        """Map ``path``. The caller has verified its checksum: FAISS does not notice a flipped bit.

        Raises:
            InvalidArgument: it is none of the two types that are written here.
            Unavailable: this FAISS is too old.
        """
        index = open_mapped(path)
        if isinstance(index, faiss.IndexRefineFlat):
            return RefinedIndex(index)
        if not isinstance(index, faiss.IndexFlatIP):
            raise InvalidArgument("index", f"{path.name} holds a {type(index).__name__}, expected IndexFlatIP")
        return FaissIndex(index)

    @property
    def factory(self) -> str:
        """The type, as FAISS spells it."""
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
            fetched = min(fetched * 2, self.size)  # a tie crosses the cut: fetch until it is whole, then order it
        best = np.lexsort((rows[0], -cosines[0]))[:wanted]
        return rows[0, best].astype(np.int64), cosines[0, best].astype(np.float64)

    def cosines(self, query: npt.NDArray[np.float32], rows: Rows | None = None) -> Similarities:
        compared = self._rows if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
        return self._compare(checked_query(query, self.dim), compared)

    def vectors(self, rows: Rows) -> Vectors:
        return self._matrix[rows]

    def _compare(self, query: npt.NDArray[np.float32], rows: Rows) -> Similarities:
        """Cosine of ``query`` with each of ``rows``."""
        # Row by row, as in ExactIndex; and FAISS reads its file where it lies, which numpy does at half the speed, for
        # the vectors in it are not aligned (benchmarks/scan.py).
        found = np.empty(len(rows), dtype=np.float32)
        if not len(rows):
            return found.astype(np.float64)
        asked, answer, compared = (faiss.swig_ptr(array) for array in (query, found, rows))
        self._flat.compute_distance_subset(  # type: ignore[attr-defined]  # not in the stubs FAISS ships
            1, asked, len(rows), answer, compared
        )
        return found.astype(np.float64)


class RefinedIndex(FaissIndex):
    """Inverted lists of short codes lead to a short list of candidates; those are compared exactly.

    A search may miss a neighbour (how seldom is measured at build); the cosines it gives are exact, to the bit those of
    :meth:`cosines`, which compares with every vector.
    """

    def __init__(self, index: faiss.IndexRefineFlat) -> None:
        base = faiss.downcast_index(index.base_index)
        flat = faiss.downcast_index(index.refine_index)
        if not isinstance(base, faiss.IndexIVFPQFastScan) or not isinstance(flat, faiss.IndexFlat):
            raise InvalidArgument("index", f"refines a {type(base).__name__}, expected IndexIVFPQFastScan")
        metrics = {part.metric_type for part in (index, base, flat)}
        if metrics != {faiss.METRIC_INNER_PRODUCT} or base.ntotal != flat.ntotal:
            raise InvalidArgument("index", f"compares {base.ntotal} codes and {flat.ntotal} vectors, or by a distance")
        if base.d != flat.d or not 1 <= base.nprobe <= base.nlist:
            raise InvalidArgument("index", f"looks into {base.nprobe} of {base.nlist} lists, of {base.d} for {flat.d}")
        super().__init__(flat, owner=index)
        self._base: Any = base  # Any: the stubs FAISS ships know no types that are named at run time
        self.k_factor = int(index.k_factor)

    @property
    def factory(self) -> str:
        """The type, as FAISS spells it."""
        return f"IVF{self._base.nlist},PQ{self._base.pq.M}x4fs,RFlat"

    @property
    def nprobe(self) -> int:
        """How many of the lists are looked into."""
        return int(self._base.nprobe)

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        """As the protocol says, but a neighbour may be missing. Up to :data:`POOL_FOR` a longer answer starts with the
        shorter one; a search for so many that the short list would be long compares with every vector.
        """
        wanted = min(max(k, 0), self.size)
        found = self.from_short_list(query, max(wanted, POOL_FOR))
        if found is None:
            cosines = self.cosines(query)
            rows = order(cosines)[:wanted]
            return rows, cosines[rows]
        return found[0][:wanted], found[1][:wanted]

    def from_short_list(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities] | None:
        """The ``k`` nearest of a short list of ``k * k_factor`` candidates, as :meth:`search` gives them.

        None where that would be no short list, where it is not long enough, or where it may have ended among equal
        vectors that belong into the answer.
        """
        return self.from_short_lists(checked_query(query, self.dim)[np.newaxis], k)[0]

    def from_short_lists(self, queries: Vectors, k: int) -> list[tuple[Rows, Similarities] | None]:
        """:meth:`from_short_list` of each of ``[query, dim]``, asked at once."""
        pool = self.k_factor * k
        if pool * 2 >= self.size:
            return [None] * len(queries)
        codes, rows = self._base.search(queries, pool)
        return [self._exact(*asked, k) for asked in zip(queries, codes, rows, strict=True)]

    def _exact(
        self, query: npt.NDArray[np.float32], codes: npt.NDArray[np.float32], rows: Rows, k: int
    ) -> tuple[Rows, Similarities] | None:
        """The ``k`` nearest of the candidates ``rows``, whose codes promised ``codes``."""
        there = (rows >= 0) & (rows < self.size)  # a row beyond the last would be read past the end of the file
        rows, codes = rows[there], codes[there]
        cosines = self._compare(query, rows)
        best = np.lexsort((rows, -cosines))[:k]
        if len(best) < k or (cosines[codes == codes.min()] >= cosines[best[-1]]).any():
            return None
        return rows[best], cosines[best]


def open_mapped(path: Path) -> faiss.Index:
    """Map ``path``, of whatever type it is.

    Raises:
        InvalidArgument: it is no index.
        Unavailable: this FAISS is too old.
    """
    require_faiss(faiss.__version__)
    try:
        return _read(path)
    except RuntimeError as error:
        raise InvalidArgument("index", f"{path.name} is no index that FAISS can read ({error})") from error


def _read(path: Path) -> faiss.Index:
    """Map ``path``. No part of an index is larger than its file, whatever its header says: nothing more is allocated.

    Raises RuntimeError.
    """
    with _READING:
        size = max(path.stat().st_size, 1)  # none is no limit
        faiss.set_deserialization_vector_byte_limit(size)
        faiss.set_deserialization_loop_limit(size)
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def write_whole(index: faiss.Index, path: Path) -> None:
    """Write ``index`` to ``path``, and map it once to see that all of it is there.

    FAISS tells of a full disk by a RuntimeError and, where only the end of a file is missing, on stderr alone.

    Raises OSError when the file is not whole.
    """
    try:
        faiss.write_index(index, str(path))
        _read(path)
    except RuntimeError as error:
        raise OSError(errno.EIO, f"could not be written whole; is the disk full? ({error})", str(path)) from error


def require_faiss(version: str) -> None:
    """Refuse a FAISS that is too old to trust files to. Raises Unavailable."""
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_FAISS:
        oldest = ".".join(map(str, OLDEST_FAISS))
        raise Unavailable(
            f"FAISS {version} is too old to open a generation; install faiss-cpu or faiss-gpu >= {oldest}"
        )
