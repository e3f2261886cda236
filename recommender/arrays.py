"""Columns of text on disk: two plain files a column, mapped on reading, so that a million titles cost no start-up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)
Flags: TypeAlias = npt.NDArray[np.bool_]

_BLOCK = 1 << 16
"""Strings looked at together."""


class TextColumn(Sequence[str]):
    """A read-only list of strings: UTF-8 bytes ``[byte]`` and where each string starts, ``[item + 1]``."""

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
        """Map what :meth:`save` wrote. Raises ValueError when not every entry can be read, and OSError."""
        data, offsets = load_array(folder, f"{name}.utf8", np.uint8), load_array(folder, f"{name}.offsets", np.int64)
        return cls.checked(data, offsets)

    @classmethod
    def checked(cls, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> TextColumn:
        """Of bytes and starts. Raises ValueError when not every entry can be read."""
        if data.ndim != 1 or offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data):
            raise ValueError("the strings do not fill the bytes")
        if (np.diff(offsets) < 0).any():
            raise ValueError("a string ends before it starts")
        starts = offsets[offsets < len(data)]
        if (data[starts] & 0xC0 == 0x80).any():
            raise ValueError("a string starts in the middle of a letter")
        str(data.data, "utf-8")
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
        """Those of ``names`` that are here -> their row, in one pass over the bytes; of several, the last.

        >>> TextColumn.of(["Björk", "坂本", "", "Ada"]).rows_of(["Ada", "坂本", "Bo"])
        {'Ada': 3, '坂本': 1}
        """
        wanted = {name.encode(): name for name in names}
        found: dict[str, int] = {}
        for size in {len(name) for name in wanted}:
            for row in self._of_size(size, [name for name in wanted if len(name) == size]):
                found[self[row]] = row
        return {name: found[name] for name in wanted.values() if name in found}

    def _of_size(self, size: int, names: Sequence[bytes]) -> list[int]:
        """Rows, rising, of the strings of ``size`` bytes that are among ``names``."""
        ours = np.flatnonzero(np.diff(self._offsets) == size)
        if not size:
            return ours.tolist()
        sought = np.sort(np.array(names, dtype=f"S{size}"))
        found = [_among(self._data, self._offsets[part], sought) for part in _blocks(ours)]
        return ours[np.concatenate(found)].tolist() if found else []


def _blocks(rows: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]


def _among(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], sought: npt.NDArray[np.bytes_]) -> Flags:
    """Whether the string at each of ``starts`` is one of ``sought``, which are sorted and as long as it."""
    size = sought.itemsize
    first, last = int(starts[0]), int(starts[-1]) + size
    together = last - first == size * len(starts)  # one after the other, as ids are
    strings = data[first:last] if together else data[starts[:, np.newaxis] + np.arange(size)]
    here = np.ascontiguousarray(strings).view(sought.dtype).ravel()
    near = np.minimum(np.searchsorted(sought, here), len(sought) - 1)
    return np.asarray(sought[near] == here)


def load_array(folder: Path, name: str, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    """Map ``name.npy`` of ``folder`` read-only; a small one is read whole, for an empty file cannot be mapped."""
    path = folder / f"{name}.npy"
    small = path.stat().st_size < 4096
    array: npt.NDArray[Scalar] = np.load(path, mmap_mode=None if small else "r", allow_pickle=False)
    return array.astype(dtype, copy=False)
