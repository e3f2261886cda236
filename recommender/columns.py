"""Columns of text on disk: two plain files a column, mapped on reading, so that a million titles cost no start-up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


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
        """Map what :meth:`save` wrote."""
        return cls(load_array(folder, f"{name}.utf8", np.uint8), load_array(folder, f"{name}.offsets", np.int64))

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

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))


def load_array(folder: Path, name: str, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    """Map ``name.npy`` of ``folder`` read-only; a small one is read whole, for an empty file cannot be mapped."""
    path = folder / f"{name}.npy"
    small = path.stat().st_size < 4096
    array: npt.NDArray[Scalar] = np.load(path, mmap_mode=None if small else "r", allow_pickle=False)
    return array.astype(dtype, copy=False)
