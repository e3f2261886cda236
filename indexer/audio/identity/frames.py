"""The sound of formats that are frames one after the other: MPEG audio, FLAC, and those whose every byte is sound."""

from __future__ import annotations

from typing import BinaryIO

from indexer.audio.identity.payload import Payload, one_range, read_at
from indexer.audio.mpeg import free_frame_bytes, parse_frame
from indexer.audio.signatures import HEADER_BYTES

_COUNT_WORDS = (b"Xing", b"Info", b"VBRI")
_COUNT_OFFSETS = (36, 21, 13, 38, 23, 15)
"""Behind the header and side information of MPEG-1 stereo (and VBRI), MPEG-1 mono or MPEG-2 stereo and MPEG-2 mono,
without and with a checksum."""

_MAX_BLOCKS = 4096
_BLOCK_HEADER_BYTES = 4
_FLAC_SYNC = (b"\xff\xf8", b"\xff\xf9")


def mpeg_payload(file: BinaryIO, size: int) -> Payload | None:
    """All frames but the first where that holds a count of frames (Xing, Info, VBRI), which tools add and rewrite."""
    header = read_at(file, 0, HEADER_BYTES)
    frame = parse_frame(header[:4])
    if frame is None:
        return None
    counts = any(header[at : at + 4] in _COUNT_WORDS for at in _COUNT_OFFSETS)
    length = frame.length or free_frame_bytes(header)
    return one_range(length if counts else 0, size)


def flac_payload(file: BinaryIO, size: int) -> Payload | None:
    """The frames behind the last metadata block; None if no frame starts there."""
    position = len(b"fLaC")
    for _ in range(_MAX_BLOCKS):
        header = read_at(file, position, _BLOCK_HEADER_BYTES)
        if len(header) < _BLOCK_HEADER_BYTES:
            return None
        position += _BLOCK_HEADER_BYTES + int.from_bytes(header[1:], "big")
        if header[0] & 0x80:  # the flag of the last block
            break
    return one_range(position, size) if read_at(file, position, 2) in _FLAC_SYNC else None


def whole_payload(file: BinaryIO, size: int) -> Payload | None:
    """Every byte: formats that keep their tags before and behind the sound, where they are cut off already."""
    return one_range(0, size)
