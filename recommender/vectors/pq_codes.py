"""Short codes that lead to the rows of largest inner product: a list of candidates, to be compared exactly elsewhere.

Unlike an index of unit vectors (mapped.py) it keeps no vectors, for whoever asks has them, and gives no cosines. A
million rows of 257 numbers take 70 MB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidArgument
from recommender.types import Rows
from recommender.vectors.faiss_build import lists_for, one_thread, spread
from recommender.vectors.faiss_index import open_mapped, write_whole

LISTS_FROM = 50_000
"""Rows from which codes are kept in inverted lists; reading all of fewer takes a tenth of a millisecond."""

_TRAINED = 1 << 16
_TRAINED_PER_LIST = 40
_BLOCK = 1 << 16
_PIECE = 2
"""Numbers that one code of 4 bits stands for."""


class CodeIndex:
    """Codes of rows ``[row, dim]``, of any length."""

    def __init__(self, index: Any) -> None:  # Any: the stubs FAISS ships know no types that are named at run time
        self._index = index

    @staticmethod
    def write(path: Path, rows: npt.NDArray[np.float32], *, lists_from: int = LISTS_FROM) -> None:
        """Write codes of ``rows`` ``[row, dim]`` to ``path``, in inverted lists where there are ``lists_from`` or more.

        The same rows give the same file.

        Raises OSError when the disk did not take all of it.
        """
        size, dim = rows.shape
        width = padded_width(dim)
        kind = f"PQ{width // _PIECE}x4fs"
        lists = lists_for(size) if size >= lists_from else 0
        index: Any = faiss.index_factory(width, f"IVF{lists},{kind}" if lists else kind, faiss.METRIC_INNER_PRODUCT)
        with one_thread():
            _train(index, _padded(rows[spread(size, max(_TRAINED, _TRAINED_PER_LIST * lists))], width))
            for start in range(0, size, _BLOCK):
                index.add(_padded(rows[start : start + _BLOCK], width))
        write_whole(index, path)

    @classmethod
    def open(cls, path: Path) -> CodeIndex:
        """Map ``path``, whose checksum the caller has verified.

        Raises:
            InvalidArgument: it is no index of codes.
            Unavailable: this FAISS is too old.
        """
        index = open_mapped(path)
        if not isinstance(index, faiss.IndexPQFastScan | faiss.IndexIVFPQFastScan):
            raise InvalidArgument("index", f"{path.name} holds a {type(index).__name__}, expected codes")
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise InvalidArgument("index", f"{path.name} compares by a distance, expected inner products")
        return cls(index)

    @property
    def dim(self) -> int:
        """Numbers of a row, padding counted."""
        return int(self._index.d)

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self._index.ntotal)

    @property
    def lists(self) -> int:
        """How many inverted lists there are; 0 where all codes are read."""
        return int(getattr(self._index, "nlist", 0))

    def look_into(self, lists: int) -> None:
        """Look into so many inverted lists from now on, all at most; nothing changes where there are none."""
        if self.lists:
            self._index.nprobe = min(max(lists, 1), self.lists)

    def search(self, query: npt.NDArray[np.float32], k: int) -> Rows:
        """Up to ``k`` rows that promise the largest inner products with ``query`` ``[dim]``, in no order."""
        wanted = min(k, self.size)
        if wanted <= 0:
            return np.empty(0, np.int64)
        _, rows = self._index.search(_padded(query[np.newaxis], self.dim), wanted)
        found: Rows = rows[0, (rows[0] >= 0) & (rows[0] < self.size)].astype(np.int64)
        return found


def padded_width(dim: int) -> int:
    """Numbers that rows of ``dim`` take in an index of codes.

    >>> padded_width(257)
    258
    """
    return dim + -dim % _PIECE


def _train(index: Any, rows: npt.NDArray[np.float32]) -> None:  # Any: as above
    if hasattr(index, "cp"):
        index.cp.min_points_per_centroid = 1
    index.pq.cp.min_points_per_centroid = 1  # few are enough; FAISS would print
    index.train(rows)


def _padded(rows: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """``rows`` with zeros up to ``width`` numbers."""
    padded = np.zeros((len(rows), width), dtype=np.float32)
    padded[:, : rows.shape[1]] = rows
    return padded
