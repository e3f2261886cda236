"""The length of a FLAC file by the number of its last frame: the total in its header may be wrong or left open.

Layout of frames: RFC 9639, section 9; docs/methods.md, "Audio files".
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import BinaryIO

from indexer.audio.lengths.byte_length import AGREEMENT_S, ByteLength

_MAGIC = b"fLaC"
_STREAMINFO_BYTES = 34
_MAX_BLOCKS = 200
_TAIL_BYTES = (64 << 10, 2 << 20)
"""Of the end of the file that are searched for the last frame: most frames are short, the longest may be 2 MiB."""
_MAX_HEADER_BYTES = 16
_BLOCK_SIZES = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768)
_RATES_HZ = (0, 88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_CRC8_POLYNOMIAL, _CRC16_POLYNOMIAL = 0x07, 0x8005


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """The fields of the STREAMINFO block that give the length, and where the first frame starts."""

    sample_rate_hz: int
    channels: int
    total: int
    """Samples per channel; 0 where the header leaves it open."""
    first_frame: int
    """Offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHeader:
    """A frame header whose checksum is right."""

    number: int
    """Of the frame in a stream of fixed block size, else of its first sample."""
    is_fixed: bool
    block_size: int
    sample_rate_hz: int
    """0 where the frame refers to STREAMINFO."""
    channels: int


def flac_length(view: BinaryIO) -> ByteLength | None:
    """Length of the FLAC in ``view`` by its last frame; None where no frame is found.

    ``is_cut`` when the last frame is not whole, by its checksum. That is computed only where the total in the header is
    open or does not fit.
    """
    info = _stream_info(view)
    first = None if info is None else _header_at(_read(view, info.first_frame, _MAX_HEADER_BYTES))
    if info is None or first is None or not info.sample_rate_hz:
        return None
    last = _last_frame(view, info, first)
    if last is None:
        return None
    frame, content = last
    end = _start_sample(frame, first) + frame.block_size
    fits = abs(end - info.total) <= AGREEMENT_S * info.sample_rate_hz
    return ByteLength(
        duration_s=end / info.sample_rate_hz,
        sample_rate_hz=info.sample_rate_hz,
        is_cut=not fits and _crc(content, _CRC16_POLYNOMIAL, 16) != 0,
        changes=_differs(first, info) or _differs(frame, info),
    )


def _stream_info(view: BinaryIO) -> StreamInfo | None:
    if _read(view, 0, 4) != _MAGIC:
        return None
    position, fields = len(_MAGIC), b""
    for _ in range(_MAX_BLOCKS):
        header = _read(view, position, 4)
        if len(header) < 4:
            return None
        size = int.from_bytes(header[1:], "big")
        if header[0] & 0x7F == 0:
            fields = _read(view, position + 4, _STREAMINFO_BYTES)
        position += 4 + size
        if header[0] & 0x80:
            break
    if len(fields) < _STREAMINFO_BYTES:
        return None
    packed = int.from_bytes(fields[10:18], "big")  # 20 bits rate, 3 channels - 1, 5 bits a sample - 1, 36 total
    return StreamInfo(
        sample_rate_hz=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        total=packed & (1 << 36) - 1,
        first_frame=position,
    )


def _last_frame(view: BinaryIO, info: StreamInfo, first: FrameHeader) -> tuple[FrameHeader, bytes] | None:
    """The last frame and its bytes to the end of the file.

    A header's checksum has eight bits: where a header that fits the total occurs, it is taken before one that does not.
    """
    size = view.seek(0, os.SEEK_END)
    for reach in _TAIL_BYTES:
        start = max(info.first_frame, size - reach)
        tail = _read(view, start, reach)
        at = tail.rfind(b"\xff")
        while at >= 0:
            header = _header_at(tail[at : at + _MAX_HEADER_BYTES])
            if header is not None and _is_plausible(header, info, first, bytes_before=start + at - info.first_frame):
                return header, tail[at:]
            at = tail.rfind(b"\xff", 0, at)
        if start == info.first_frame:
            break
    return None


def _is_plausible(header: FrameHeader, info: StreamInfo, first: FrameHeader, *, bytes_before: int) -> bool:
    """Whether a frame may be the last: of the first one's kind, and not of a number that no file of this size reaches.

    The shortest frame has ten bytes.
    """
    if header.is_fixed != first.is_fixed or (header.number == 0) != (bytes_before == 0):
        return False
    end = _start_sample(header, first) + header.block_size
    return end == info.total or (header.number if header.is_fixed else header.number // first.block_size) <= (
        bytes_before // 10
    )


def _start_sample(frame: FrameHeader, first: FrameHeader) -> int:
    return frame.number * first.block_size if frame.is_fixed else frame.number


def _differs(frame: FrameHeader, info: StreamInfo) -> bool:
    return frame.channels != info.channels or frame.sample_rate_hz not in (0, info.sample_rate_hz)


def _header_at(data: bytes) -> FrameHeader | None:
    """The frame header that ``data`` starts with, None if it is none."""
    if len(data) < 6 or data[0] != 0xFF or data[1] & 0xFE != 0xF8:
        return None
    block_code, rate_code, channel_code = data[2] >> 4, data[2] & 15, data[3] >> 4
    if block_code == 0 or rate_code == 15 or channel_code > 10 or data[3] & 1:
        return None
    number, at = _coded_number(data)
    size_bytes, rate_bytes = max(0, block_code - 5) if block_code in (6, 7) else 0, (0, 1, 2, 2)[max(0, rate_code - 11)]
    end = at + size_bytes + rate_bytes
    if number is None or len(data) <= end or _crc(data[: end + 1], _CRC8_POLYNOMIAL, 8) != 0:
        return None
    block_size = int.from_bytes(data[at : at + size_bytes], "big") + 1 if size_bytes else _BLOCK_SIZES[block_code]
    return FrameHeader(
        number=number,
        is_fixed=not data[1] & 1,
        block_size=block_size,
        sample_rate_hz=_rate_hz(rate_code, int.from_bytes(data[end - rate_bytes : end], "big")),
        channels=channel_code + 1 if channel_code < 8 else 2,
    )


def _rate_hz(code: int, stored: int) -> int:
    if code < len(_RATES_HZ):
        return _RATES_HZ[code]
    return stored * {12: 1000, 13: 1, 14: 10}[code]


def _coded_number(data: bytes) -> tuple[int | None, int]:
    """The number behind the first four bytes, coded like UTF-8 with up to seven bytes; and the offset behind it."""
    lead = data[4]
    ones = 8 - (lead ^ 0xFF).bit_length()
    if ones == 0:
        return lead, 5
    if ones in (1, 8) or len(data) < 4 + ones or any(byte & 0xC0 != 0x80 for byte in data[5 : 4 + ones]):
        return None, 5
    number = lead & (0x7F >> ones)
    for byte in data[5 : 4 + ones]:
        number = number << 6 | byte & 0x3F
    return number, 4 + ones


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    """Remainder of ``data``, which ends with its checksum: 0 when that is right."""
    table = _crc_table(polynomial, bits)
    mask, shift, crc = (1 << bits) - 1, bits - 8, 0
    for byte in data:
        crc = (crc << 8 & mask) ^ table[(crc >> shift) ^ byte]
    return crc


@functools.cache
def _crc_table(polynomial: int, bits: int) -> list[int]:
    return [_crc_of(byte, polynomial, bits) for byte in range(256)]


def _crc_of(byte: int, polynomial: int, bits: int) -> int:
    crc, top = byte << bits - 8, 1 << bits - 1
    for _ in range(8):
        crc = crc << 1 ^ polynomial if crc & top else crc << 1
    return crc & (1 << bits) - 1


def _read(view: BinaryIO, position: int, length: int) -> bytes:
    view.seek(position)
    return view.read(length)
