"""What the walkers return: the byte ranges of a file that hold its sound, and the format they are read by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_NO_OFFSET = 1 << 62
"""Sizes of 64 bits that lie lead to offsets that no system call takes."""

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Byte ranges of a file, in the order in which they are hashed; positions count from the start of its sound."""

    starts: Offsets
    ends: Offsets
    """``[range]``, exclusive; never before its start."""
    form: bytes = b""
    """Hashed before them: the format of samples that do not say themselves how they are to be read."""

    @property
    def is_sorted(self) -> bool:
        """Whether each range starts where the one before it ends, or later: one pass reads them all."""
        return bool(np.all(self.starts[1:] >= self.ends[:-1]))


def one_range(start: int, end: int, *, form: bytes = b"") -> Payload | None:
    """The payload ``[start, end)``; None if that is empty."""
    if start >= end:
        return None
    return Payload(starts=np.array([start], np.int64), ends=np.array([end], np.int64), form=form)


def joined(starts: Offsets, ends: Offsets, size: int) -> Payload | None:
    """The ranges without the empty ones; neighbours that touch are made one.

    None if nothing is left, or if the ranges do not fit into ``size`` bytes: then the table that gave them is damaged.
    So hostile tables cannot make anybody read more than the file has.
    """
    kept = ends > starts
    starts, ends = starts[kept], ends[kept]
    if not len(starts) or int(starts.min()) < 0 or int(ends.max()) > size or int((ends - starts).sum()) > size:
        return None
    first = np.concatenate(([True], starts[1:] != ends[:-1]))
    last = np.concatenate((first[1:], [True]))
    return Payload(starts=starts[first], ends=ends[last])


def read_at(file: BinaryIO, position: int, length: int) -> bytes:
    """At most ``length`` bytes at ``position``, fewer at the end of the file; none behind any file there can be."""
    if position >= _NO_OFFSET:
        return b""
    file.seek(position)
    return file.read(length)
