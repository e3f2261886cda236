"""Boxes of MP4 files: their names and places, and the tables in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from indexer.audio.identity.payload import Offsets, read_at

_MAX_BOXES = 100_000
"""Of one box or file; fragments of one second make 43,200 boxes of six hours."""
_MAX_ROWS = 4_000_000
"""Of a table: three times the frames of six hours of AAC."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a file."""

    name: bytes
    start: int
    """Offset of the box in the file."""
    content: int
    """Offset of what it holds."""
    end: int


def children(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets, up to the first whose size cannot be right."""
    position = start
    for _ in range(_MAX_BOXES):
        header = read_at(file, position, 16) if position + 8 <= end else b""
        if len(header) < 8:
            return
        size, content = int.from_bytes(header[:4], "big"), position + 8
        if size == 1:
            size, content = int.from_bytes(header[8:16], "big"), position + 16
        box_end = end if size == 0 else position + size
        if box_end < content:
            return
        yield Box(header[4:8], position, content, min(end, box_end))
        position = box_end


def child(file: BinaryIO, box: Box | None, *names: bytes) -> Box | None:
    """The first box below ``box`` on the path ``names``; None if there is none."""
    for name in names:
        if box is None:
            return None
        box = next((inner for inner in children(file, box.content, box.end) if inner.name == name), None)
    return box


def read_uint32(file: BinaryIO, position: int) -> int:
    """The whole number in four bytes at ``position``."""
    return int.from_bytes(read_at(file, position, 4), "big")


def read_table(file: BinaryIO, position: int, end: int, *, shape: tuple[int, int], width: int = 4) -> Offsets | None:
    """``[row, column]``, numbers of ``width`` bytes; None if they are not all there, or are too many."""
    length = shape[0] * shape[1] * width
    if shape[0] > _MAX_ROWS or position + length > end:
        return None
    content = read_at(file, position, length)
    if len(content) < length:
        return None
    return np.frombuffer(content, f">u{width}").astype(np.int64).reshape(shape)
