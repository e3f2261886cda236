"""Arrays and columns of text in the files of a generation, memory-mapped so that a million titles load in no time.

A column of text is two .npy files: the UTF-8 bytes of all strings, and where each string starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)
Flags: TypeAlias = npt.NDArray[np.bool_]

_BLOCK = 1 << 16
"""Strings compared at a time, to bound the memory of a search."""


class TextColumn(Sequence[str]):
    """A read-only list of strings, kept as UTF-8 bytes ``[byte]`` and the start of each string ``[item + 1]``."""

    def __init__(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        self._data = data
        self._offsets = offsets

    @classmethod
    def of(cls, strings: Iterable[str]) -> TextColumn:
        """Pack strings in memory.

        >>> list(TextColumn.of(["Björk", "", "坂本"]))
        ['Björk', '', '坂本']
        """
        encoded = [text.encode() for text in strings]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(item) for item in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)

    def save(self, folder: Path, name: str) -> None:
        """Write ``name.utf8.npy`` and ``name.offsets.npy``."""
        np.save(folder / f"{name}.utf8.npy", self._data, allow_pickle=False)
        np.save(folder / f"{name}.offsets.npy", self._offsets, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, name: str) -> TextColumn:
        """Map the files that :meth:`save` wrote.

        Raises:
            ValueError: an entry cannot be read.
            OSError: a file is missing or cannot be read.
        """
        data, offsets = load_array(folder, f"{name}.utf8", np.uint8), load_array(folder, f"{name}.offsets", np.int64)
        return cls.checked(data, offsets)

    @classmethod
    def checked(cls, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> TextColumn:
        """A column of bytes and starts that come from a file. Raises ValueError when an entry cannot be read."""
        if data.ndim != 1 or offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data):
            raise ValueError("the strings do not fill the bytes")
        if (np.diff(offsets) < 0).any():
            raise ValueError("a string ends before it starts")
        # In UTF-8 a byte 10xxxxxx continues a character, so no string may start with one.
        starts = offsets[offsets < len(data)]
        if (data[starts] & 0xC0 == 0x80).any():
            raise ValueError("a string starts in the middle of a character")
        str(data.data, "utf-8")  # raises UnicodeDecodeError, a ValueError, when the bytes are not UTF-8
        return cls(data, offsets)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, item: int) -> str: ...
    @overload
    def __getitem__(self, item: slice) -> list[str]: ...
    def __getitem__(self, item: int | slice) -> str | list[str]:
        if isinstance(item, slice):
            return [self[row] for row in range(*item.indices(len(self)))]
        if not 0 <= item < len(self):
            raise IndexError(f"row {item} of a column of {len(self)}")
        return self._data[self._offsets[item] : self._offsets[item + 1]].tobytes().decode()

    def take(self, rows: Iterable[int]) -> list[str]:
        """The strings at ``rows``, in that order.

        >>> TextColumn.of(["Björk", "", "坂本"]).take([2, 0])
        ['坂本', 'Björk']
        """
        return [self[row] for row in rows]

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def rows_of(self, names: Iterable[str]) -> dict[str, int]:
        """Row of each of ``names`` that the column has. Of several equal strings the last row counts.

        >>> TextColumn.of(["Björk", "坂本", "", "Ada"]).rows_of(["Ada", "坂本", "Bo"])
        {'Ada': 3, '坂本': 1}
        """
        # Strings of one length are compared as fixed-width bytes in numpy: decoding a million of them takes far longer.
        wanted = {name.encode(): name for name in names}
        rows: dict[str, int] = {}
        for size in {len(name) for name in wanted}:
            for row in self._rows_of_size(size, [name for name in wanted if len(name) == size]):
                rows[self[row]] = row
        return {name: rows[name] for name in wanted.values() if name in rows}

    def _rows_of_size(self, size: int, names: Sequence[bytes]) -> list[int]:
        """Rows, in rising order, of the strings of ``size`` bytes that are among ``names``."""
        rows = np.flatnonzero(np.diff(self._offsets) == size)
        if not size:
            return rows.tolist()
        wanted = np.sort(np.array(names, dtype=f"S{size}"))
        matches = [_matches(self._data, self._offsets[block], wanted) for block in _blocks(rows)]
        return rows[np.concatenate(matches)].tolist() if matches else []


def _blocks(rows: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]


def _matches(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], wanted: npt.NDArray[np.bytes_]) -> Flags:
    """Whether the string at each of ``starts`` is one of ``wanted``, which are sorted and all of the same length."""
    size = wanted.itemsize
    first, last = int(starts[0]), int(starts[-1]) + size
    adjacent = last - first == size * len(starts)  # true of ids, which all have one length: a slice needs no copy
    block = data[first:last] if adjacent else data[starts[:, np.newaxis] + np.arange(size)]
    strings = np.ascontiguousarray(block).view(wanted.dtype).ravel()
    nearest = np.minimum(np.searchsorted(wanted, strings), len(wanted) - 1)
    return np.asarray(wanted[nearest] == strings)


def load_array(folder: Path, name: str, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    """Map ``name.npy`` of ``folder`` read-only. A small file is read whole, because an empty array cannot be mapped."""
    path = folder / f"{name}.npy"
    small = path.stat().st_size < 4096
    array: npt.NDArray[Scalar] = np.load(path, mmap_mode=None if small else "r", allow_pickle=False)
    return array.astype(dtype, copy=False)
