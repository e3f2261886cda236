"""Short PQ codes that find rows with a large inner product: candidates, which the caller compares exactly.

Unlike the indexes of faiss_index.py this one does not keep the vectors, because the caller has them, and it returns no
cosines. The codes of a million rows of 257 numbers take 70 MB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities
from recommender.vectors.faiss_build import evenly_spaced_rows, number_of_lists, one_thread
from recommender.vectors.faiss_index import open_mapped, write_whole

MIN_ROWS_FOR_LISTS = 50_000
"""From this many rows on the codes are kept in inverted lists. Reading all codes of fewer rows takes 0.1 ms."""

_TRAINING_ROWS = 1 << 16
_TRAINING_PER_LIST = 40
_BLOCK = 1 << 16
"""Rows that are padded and added at a time, to bound the memory."""

_DIMENSIONS_PER_CODE = 2
"""Dimensions that one 4-bit code encodes."""


class CodeIndex:
    """PQ codes of rows ``[row, dim]``, which need not have unit length."""

    def __init__(self, index: Any) -> None:  # Any: the FAISS stubs have no type for it
        self._index = index

    @staticmethod
    def write(path: Path, rows: npt.NDArray[np.float32], *, min_rows_for_lists: int = MIN_ROWS_FOR_LISTS) -> None:
        """Write the codes of ``rows`` ``[row, dim]`` to ``path``. The same rows give the same file.

        From ``min_rows_for_lists`` rows on, the codes are kept in inverted lists.

        Raises OSError when the file could not be written completely.
        """
        size, dim = rows.shape
        width = padded_width(dim)
        kind = f"PQ{width // _DIMENSIONS_PER_CODE}x4fs"
        lists = number_of_lists(size) if size >= min_rows_for_lists else 0
        index: Any = faiss.index_factory(width, f"IVF{lists},{kind}" if lists else kind, faiss.METRIC_INNER_PRODUCT)
        with one_thread():
            _train(
                index, _padded(rows[evenly_spaced_rows(size, max(_TRAINING_ROWS, _TRAINING_PER_LIST * lists))], width)
            )
            for start in range(0, size, _BLOCK):
                index.add(_padded(rows[start : start + _BLOCK], width))
        write_whole(index, path)

    @classmethod
    def open(cls, path: Path) -> CodeIndex:
        """Map ``path``, whose checksum the caller has verified.

        Raises:
            InvalidArgument: the file is not an index of codes.
            Unavailable: the installed FAISS is too old.
        """
        index = open_mapped(path)
        if not isinstance(index, faiss.IndexPQFastScan | faiss.IndexIVFPQFastScan):
            raise InvalidArgument("index", f"{path.name} has the type {type(index).__name__}, expected PQ codes")
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise InvalidArgument("index", f"{path.name} does not use inner products")
        return cls(index)

    @property
    def dim(self) -> int:
        """Numbers of a row, including padding."""
        return int(self._index.d)

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self._index.ntotal)

    @property
    def lists(self) -> int:
        """Number of inverted lists; 0 when a search reads all codes."""
        return int(getattr(self._index, "nlist", 0))

    def set_nprobe(self, lists: int) -> None:
        """Make searches read so many inverted lists, at most all; no effect on an index without lists."""
        if self.lists:
            self._index.nprobe = min(max(lists, 1), self.lists)

    def search(self, queries: npt.NDArray[np.float32], k: int) -> list[tuple[Rows, Similarities]]:
        """Up to ``k`` rows of the largest estimated inner products with each of ``queries`` ``[query, dim]``, and
        these products; in no order. Several queries at once cost less than one after the other.
        """
        wanted = min(k, self.size)
        if wanted <= 0 or not len(queries):
            return [(np.empty(0, np.int64), np.empty(0)) for _ in queries]
        products, rows = self._index.search(_padded(queries, self.dim), wanted)
        # FAISS fills up with -1. A row beyond the last would come from a damaged file.
        valid = (rows >= 0) & (rows < self.size)
        return [
            (found[kept].astype(np.int64), product[kept].astype(np.float64))
            for found, product, kept in zip(rows, products, valid, strict=True)
        ]


def padded_width(dim: int) -> int:
    """Numbers of a row of ``dim`` in an index of codes: ``dim`` rounded up to a whole number of codes.

    >>> padded_width(257)
    258
    """
    return dim + -dim % _DIMENSIONS_PER_CODE


def _train(index: Any, rows: npt.NDArray[np.float32]) -> None:  # Any: as above
    if hasattr(index, "cp"):
        index.cp.min_points_per_centroid = 1
    index.pq.cp.min_points_per_centroid = 1  # FAISS prints a warning for few points
    index.train(rows)


def _padded(rows: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """``rows`` ``[row, dim]`` with zeros appended up to ``width`` numbers, which change no inner product."""
    padded = np.zeros((len(rows), width), dtype=np.float32)
    padded[:, : rows.shape[1]] = rows
    return padded
