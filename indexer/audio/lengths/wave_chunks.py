"""The sound chunk of wav and aiff files: how much of it is missing, and a size that was left open or is a lie."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import BinaryIO, Literal

_CHUNK_HEADER_BYTES = 8
_FIRST_CHUNK = 12
_MAX_CHUNKS = 1000
_STREAMED = 0x7FFF0000
"""A writer that could not go back to fill in the size leaves this or more, commonly 0xFFFFFFFF."""
_OPEN_SIZE = b"\xff\xff\xff\xff"
_TAGS = (b"ID3\x02", b"ID3\x03", b"ID3\x04", b"TAG", b"APETAGEX")
"""Starts of tags that belong behind an mp3 and that some programs put behind a wav too."""
_64_BIT = (b"RF64", b"BW64")


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundChunk:
    """The ``data`` or ``SSND`` chunk of a file."""

    position: int
    """Offset of the first byte behind its header."""
    declared: int
    """Bytes."""
    present: int
    """Bytes from there to the end of the file."""


class OpenSizeView(io.RawIOBase):
    """A wav file whose sound chunk has the size "left open": decoders then read to the end of the file."""

    def __init__(self, view: BinaryIO, chunk: SoundChunk) -> None:
        super().__init__()
        self._view = view
        self._at = chunk.position - len(_OPEN_SIZE)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """As in the file."""
        return self._view.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As in the file."""
        return self._view.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """As in the file, with the four bytes of the size replaced."""
        start = self._view.tell()
        block = bytearray(self._view.read(-1 if size is None else size))
        for number, byte in enumerate(_OPEN_SIZE, self._at - start):
            if 0 <= number < len(block):
                block[number] = byte
        return bytes(block)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # the protocol's type is private
        """As :meth:`read`; returns the number of bytes."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def missing_fraction(view: BinaryIO) -> float:
    """The part of the declared sound of a wav or aiff that is not in the file, in [0, 1].

    0 where the header declares no length: 64-bit files, sizes left open by a streaming writer, no sound chunk.
    """
    chunk = find_sound_chunk(view)
    if chunk is None or chunk.declared == 0 or chunk.declared >= _STREAMED:
        return 0.0
    return max(0.0, 1.0 - chunk.present / chunk.declared)


def wrong_size(view: BinaryIO) -> SoundChunk | None:
    """The sound chunk of a wav whose size is too small to be true: 0, or followed by what is no chunk.

    A recorder that was switched off leaves such files. 64-bit files have their size elsewhere.
    """
    view.seek(0)
    if view.read(4) in _64_BIT:
        return None
    chunk = find_sound_chunk(view)
    if chunk is None or chunk.declared >= chunk.present or _chunks_follow(view, chunk):
        return None
    return chunk


def find_sound_chunk(view: BinaryIO) -> SoundChunk | None:
    """The ``data`` or ``SSND`` chunk, None without one."""
    view.seek(0)
    header = view.read(_FIRST_CHUNK)
    order: Literal["little", "big"] = "big" if header[:4] == b"FORM" else "little"
    end, position = view.seek(0, os.SEEK_END), _FIRST_CHUNK
    for _ in range(_MAX_CHUNKS):
        view.seek(position)
        header = view.read(_CHUNK_HEADER_BYTES)
        if len(header) < _CHUNK_HEADER_BYTES:
            break
        size = int.from_bytes(header[4:], order)
        position += _CHUNK_HEADER_BYTES
        if header[:4] in (b"data", b"SSND"):
            return SoundChunk(position=position, declared=size, present=max(0, end - position))
        position += size + size % 2  # chunks are padded to an even length
    return None


def _chunks_follow(view: BinaryIO, chunk: SoundChunk) -> bool:
    """Whether the end of the file, a tag, or a chunk that fits into the file, is where the sound is declared to end."""
    end = chunk.position + chunk.present
    for odd in (chunk.declared % 2, 0):  # some writers leave the padding byte out
        at = chunk.position + chunk.declared + odd
        view.seek(min(at, end))
        header = view.read(_CHUNK_HEADER_BYTES)
        if len(header) < _CHUNK_HEADER_BYTES or header.startswith(_TAGS):
            return True
        size = int.from_bytes(header[4:], "little")
        if all(0x20 <= byte < 0x7F for byte in header[:4]) and at + _CHUNK_HEADER_BYTES + size <= end:
            return True
    return False
