"""MPEG audio (MP1, MP2, MP3) and AAC in ADTS: recognises frames and skips ID3 tags.

Frame layouts and tables: docs/methods.md, "Audio files".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

_ID3_HEADER_BYTES = 10
_MAX_TAGS = 8
_MAX_PADDING_BYTES = 4096

_ADTS_HEADER_BYTES = 7
_ADTS_RATES = 13
"""Number of sample rate indices that are assigned (ISO/IEC 13818-7, table 35)."""

_HEADER_BYTES = 4
_MIN_FREE_BYTES, _MAX_FREE_BYTES = 24, 4608
"""Shortest and longest frame in free format that is searched for."""
_SLOT_BYTES = 4

_BITRATES_KBPS = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""(MPEG-1 or MPEG-2, layer) -> bit rates by index. ISO/IEC 11172-3 and 13818-3, table of ``bitrate_index``."""

_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Version bits (3 MPEG-1, 2 MPEG-2, 0 MPEG-2.5) -> sample rates by index."""


def skip_tags(file: BinaryIO) -> int:
    """Offset of the first byte after any ID3v2 tags and the zeros that pad them; 0 without a tag.

    Reads headers only; the file position afterwards is undefined. A tag that claims to be longer than the file gives an
    offset after its end.
    """
    offset = 0
    for _ in range(_MAX_TAGS):
        file.seek(offset)
        header = file.read(_ID3_HEADER_BYTES)
        if not header.startswith(b"ID3") or len(header) < _ID3_HEADER_BYTES:
            break
        offset += id3_bytes(header)
    return offset + _padding(file, offset) if offset else 0


def id3_bytes(header: bytes) -> int:
    """Size of an ID3v2 tag with its header (these ten bytes) and footer; stored as four bytes of seven bits (ID3v2.4,
    section 3.1)."""
    size = 0
    for byte in header[6:10]:
        size = size << 7 | byte & 0x7F
    footer = _ID3_HEADER_BYTES if header[5] & 0x10 else 0
    return _ID3_HEADER_BYTES + size + footer


def _padding(file: BinaryIO, offset: int) -> int:
    file.seek(offset)
    following = file.read(_MAX_PADDING_BYTES)
    return len(following) - len(following.lstrip(b"\0"))


def looks_like_adts(header: bytes, *, following: int = 1) -> bool:
    """Whether ``header`` (8 KiB or more, where the file has them) starts with an ADTS frame and more of them."""
    for _ in range(following):
        length = adts_frame_bytes(header)
        if not length:
            return False
        header = header[length:]
    return adts_frame_bytes(header) > 0


def adts_frame_bytes(header: bytes) -> int:
    """Length of the frame that starts at ``header``, 0 if none does."""
    if len(header) < _ADTS_HEADER_BYTES or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    # Layout of the header: 12 sync bits, version, layer (always 0); the length has 13 bits in bytes 3 to 5.
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    rate = header[2] >> 2 & 0xF
    return length if rate < _ADTS_RATES and length >= _ADTS_HEADER_BYTES else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The fields of a frame header of four bytes."""

    length: int
    """Bytes from this header to the next; 0 in free format, where the header does not give it."""
    samples: int
    """Samples per channel."""
    sample_rate_hz: int
    kind: int
    """Version and layer bits: the same in every frame of a stream."""


def parse_frame(header: bytes) -> Frame | None:
    """Read a frame header; None if these four bytes cannot be one."""
    if len(header) < _HEADER_BYTES or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    # 11 sync bits, then version, layer, protection; bit rate, sample rate, padding (ISO/IEC 11172-3, 2.4.1.3).
    version, layer = header[1] >> 3 & 3, _layer(header)
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate == 15 or rate == 3:  # values that the standard reserves
        return None
    mpeg = 1 if version == 3 else 2
    kbps, rate_hz = _BITRATES_KBPS[mpeg, layer][bitrate], _RATES_HZ[version][rate]
    samples = 384 if layer == 1 else 576 if (mpeg, layer) == (2, 3) else 1152
    length = _frame_bytes(samples, kbps, rate_hz=rate_hz, layer=layer, padding=header[2] >> 1 & 1)
    return Frame(length=length, samples=samples, sample_rate_hz=rate_hz, kind=header[1] & 0x1E)


def _frame_bytes(samples: int, kbps: int, *, rate_hz: int, layer: int, padding: int) -> int:
    if kbps == 0:
        return 0
    slot = 4 if layer == 1 else 1  # layer I counts in slots of four bytes
    return (samples // 8 // slot * kbps * 1000 // rate_hz + padding) * slot


def looks_like_mpeg_audio(header: bytes, *, following: int = 1) -> bool:
    """Whether ``header`` (2 KiB or more, where the file has them) starts with a frame and ``following`` more of its
    stream behind it.

    One frame header is eleven set bits and little else: the byte order mark of UTF-16 text looks the same. Two do not
    occur by chance. A frame in free format does not give its length: there the next ones are searched for.
    """
    first = parse_frame(header)
    if first is None:
        return False
    if not first.length:
        return free_frame_bytes(header) > 0
    position = first.length
    for _ in range(following):
        frame = parse_frame(header[position : position + _HEADER_BYTES])
        if frame is None or not frame.length or not same_stream(frame, first):
            return False
        position += frame.length
    return True


def free_frame_bytes(header: bytes) -> int:
    """Length, without padding, of the frame in free format that starts at ``header``; 0 if no others follow it.

    All frames of such a stream have one length, but for a padding slot: found where the header occurs again, and once
    more at the same distance.
    """
    sync, rate = header[:2], header[2] & 0xFC
    distance = header.find(sync, _MIN_FREE_BYTES)
    while 0 < distance <= _MAX_FREE_BYTES:
        seconds = (header[at : at + 3] for at in range(2 * distance - _SLOT_BYTES, 2 * distance + _SLOT_BYTES + 1))
        third = any(other[:2] == sync and len(other) > 2 and other[2] & 0xFC == rate for other in seconds)
        if third and header[distance + 2] & 0xFC == rate:
            padding = header[2] >> 1 & 1
            return distance - padding * (_SLOT_BYTES if _layer(header) == 1 else 1)
        distance = header.find(sync, distance + 1)
    return 0


def _layer(header: bytes) -> int:
    return 4 - (header[1] >> 1 & 3)


def same_stream(a: Frame, b: Frame) -> bool:
    """Whether two frames have one version, layer and rate."""
    return (a.kind, a.sample_rate_hz) == (b.kind, b.sample_rate_hz)
