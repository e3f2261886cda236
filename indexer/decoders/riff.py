"""What a wav or aiff header promises: the size of its sound, against the bytes that are there."""

from __future__ import annotations

import os
from typing import BinaryIO, Literal

_CHUNK_HEADER_BYTES = 8
_FIRST_CHUNK = 12
_MAX_CHUNKS = 1000
_STREAMED = 0x7FFF0000
"""A writer that could not go back to fill in the size leaves this or more, commonly 0xFFFFFFFF."""


def missing_fraction(file: BinaryIO) -> float:
    """The part of the promised sound that the file does not hold, in [0, 1].

    Decoders quietly correct the size of a file that was cut off, so the header is read here. 0 where it promises
    nothing: 64-bit files, sizes left open by a streaming writer, no sound chunk.
    """
    file.seek(0)
    header = file.read(_FIRST_CHUNK)
    order: Literal["little", "big"] = "big" if header[:4] == b"FORM" else "little"
    end = file.seek(0, os.SEEK_END)
    declared, present = _sound_bytes(file, end, order=order)
    if declared == 0 or declared >= _STREAMED:
        return 0.0
    return max(0.0, 1.0 - present / declared)


def _sound_bytes(file: BinaryIO, end: int, *, order: Literal["little", "big"]) -> tuple[int, int]:
    """(promised, present) bytes of the ``data`` or ``SSND`` chunk; (0, 0) without one."""
    position = _FIRST_CHUNK
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(_CHUNK_HEADER_BYTES)
        if len(header) < _CHUNK_HEADER_BYTES:
            break
        size = int.from_bytes(header[4:], order)
        position += _CHUNK_HEADER_BYTES
        if header[:4] in (b"data", b"SSND"):
            return size, max(0, end - position)
        position += size + size % 2
    return 0, 0
