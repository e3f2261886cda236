"""The sound of WAV, AIFF, Wave64, CAF and AU files: the chunk of samples, and the format that they are read by."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from indexer.audio.identity.payload import Payload, one_range, read_at

_MAX_CHUNKS = 10_000
_STREAMED = 0x7FFF0000
"""A writer that could not go back to fill in the size leaves 0, or this or more."""
_EXTENSIBLE = 0xFFFE
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
"""Behind the four letters in the name of a Wave64 chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How the chunks of a format are laid out."""

    first: int
    """Offset of the first chunk."""
    name: int
    length: int
    """Bytes of a chunk's name and of its size."""
    order: Literal["little", "big"]
    padding: int
    """Chunks start at multiples of it."""
    counts_itself: bool = False
    """Whether the size of a chunk counts its name and size too."""


_RIFF = _Layout(first=12, name=4, length=4, order="little", padding=2)
_AIFF = _Layout(first=12, name=4, length=4, order="big", padding=2)
_W64 = _Layout(first=40, name=16, length=8, order="little", padding=8, counts_itself=True)
_CAF = _Layout(first=8, name=4, length=8, order="big", padding=1)


@dataclass(frozen=True, slots=True)
class _Chunk:
    name: bytes
    start: int
    length: int
    """As it is claimed."""


def wav_payload(file: BinaryIO, size: int) -> Payload | None:
    """The ``data`` chunk of a WAV, RF64 or BW64 file with the fields of ``fmt``."""
    long_length, form = 0, b""
    for chunk in _chunks(file, _RIFF):
        if chunk.name == b"ds64":
            long_length = int.from_bytes(read_at(file, chunk.start + 8, 8), "little")
        elif chunk.name == b"fmt ":
            form = _wav_form(read_at(file, chunk.start, min(40, chunk.length)))
        elif chunk.name == b"data":
            length = long_length if chunk.length == 0xFFFFFFFF and long_length else chunk.length
            return one_range(chunk.start, _end(chunk.start, length, size), form=form)
    return None


def w64_payload(file: BinaryIO, size: int) -> Payload | None:
    """The ``data`` chunk of a Wave64 file with the fields of ``fmt``."""
    form = b""
    for chunk in _chunks(file, _W64):
        if chunk.name[4:] == _W64_TAIL and chunk.name[:4] == b"fmt ":
            form = _wav_form(read_at(file, chunk.start, min(40, chunk.length)))
        elif chunk.name[4:] == _W64_TAIL and chunk.name[:4] == b"data":
            return one_range(chunk.start, min(size, chunk.start + chunk.length), form=form)
    return None


def aiff_payload(file: BinaryIO, size: int) -> Payload | None:
    """The ``SSND`` chunk of an AIFF or AIFC file with the channels, bits, rate and compression of ``COMM``."""
    form, samples = b"", None
    for chunk in _chunks(file, _AIFF):
        if chunk.name == b"COMM":
            fields = read_at(file, chunk.start, min(22, chunk.length))
            compression = fields[18:22] or b"NONE"
            form = b"aiff" + fields[:2] + fields[6:18] + compression
        elif chunk.name == b"SSND" and samples is None:
            samples = (chunk.start + 8, _end(chunk.start, chunk.length, size))  # behind an offset and a block size
    return None if samples is None else one_range(*samples, form=form)


def caf_payload(file: BinaryIO, size: int) -> Payload | None:
    """The ``data`` chunk of a Core Audio file with all of ``desc``."""
    form = b""
    for chunk in _chunks(file, _CAF):
        if chunk.name == b"desc":
            form = b"caff" + read_at(file, chunk.start, min(32, chunk.length))
        elif chunk.name == b"data":
            end = size if chunk.length >= 1 << 63 else min(size, chunk.start + chunk.length)  # -1: to the end
            return one_range(chunk.start + 4, end, form=form)  # behind the count of edits
    return None


def au_payload(file: BinaryIO, size: int) -> Payload | None:
    """What is behind the header of a Sun audio file, with its encoding, rate and channels."""
    header = read_at(file, 0, 24)
    if len(header) < 24:
        return None
    start, length, *fields = struct.unpack(">5I", header[4:])
    return one_range(start, _end(start, length, size), form=b".snd" + struct.pack(">3I", *fields))


def _chunks(file: BinaryIO, layout: _Layout) -> Iterator[_Chunk]:
    position, head = layout.first, layout.name + layout.length
    for _ in range(_MAX_CHUNKS):
        header = read_at(file, position, head)
        if len(header) < head:
            return
        length = int.from_bytes(header[layout.name :], layout.order)
        if layout.counts_itself:
            length = max(0, length - head)
        yield _Chunk(header[: layout.name], position + head, length)
        end = position + head + length
        position = end + -end % layout.padding


def _end(start: int, length: int, size: int) -> int:
    return size if length == 0 or length >= _STREAMED else min(size, start + length)


def _wav_form(fields: bytes) -> bytes:
    """Format tag, channels, rate and bits; the extensible form of a plain format is that format."""
    if len(fields) < 16:
        return b"wav" + fields
    tag, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", fields[:16])
    if tag == _EXTENSIBLE and len(fields) >= 26:
        tag = int.from_bytes(fields[24:26], "little")
    return b"wav" + struct.pack("<HHIH", tag, channels, rate_hz, bits)
