"""The signatures of audio formats: which format starts at a given place of a file.

Signatures and frame layouts: docs/methods.md, "Audio files".
"""

from __future__ import annotations

import enum

from indexer.audio.mpeg import looks_like_adts, looks_like_mpeg_audio

HEADER_BYTES = 16_400
"""Bytes that a format is recognised by: two of the longest frames (ADTS, 8191 bytes) and the header of a third."""


class Container(enum.StrEnum):
    """The formats that Soundkin decodes. A file of any other format is given to no decoder."""

    WAV = "wav"
    """RIFF/WAVE and its 64-bit forms RF64 and BW64."""
    AIFF = "aiff"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"
    """MPEG audio of layer I, II or III, with or without tags."""
    MP4 = "mp4"
    ADTS = "adts"
    """AAC frames without a file around them."""
    MATROSKA = "matroska"
    """Matroska and WebM."""
    CAF = "caf"
    AU = "au"
    W64 = "w64"
    ASF = "asf"
    """Windows Media."""
    WAVPACK = "wavpack"
    TTA = "tta"
    APE = "ape"
    """Monkey's Audio."""
    AC3 = "ac3"
    EAC3 = "eac3"


_UNSUPPORTED = (
    (b"DSD ", "DSD"),
    (b"FRM8", "DSD"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"MThd", "MIDI"),
    (b"\x7f\xfe\x80\x01", "DTS"),
)

_OTHER_FILES = (
    b"PK\x03\x04",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"\x7fELF",
    b"MZ",
    b"\x00\x00\x01\xba",
    b"\x00\x00\x01\xb3",
    b"SQLite format 3",
)
"""Archives, pictures, programs and films. A whole mp3 may lie inside one, which does not make it an audio file."""

_BY_MAGIC = (
    (b"fLaC", Container.FLAC),
    (b"OggS", Container.OGG),
    (b"\x1a\x45\xdf\xa3", Container.MATROSKA),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container.ASF),
    (b"riff\x2e\x91\xcf\x11", Container.W64),
    (b"caff\x00\x01", Container.CAF),
    (b"TTA1\x01\x00", Container.TTA),
    (b"TTA1\x02\x00", Container.TTA),
)
_MP4_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip")
"""First boxes of QuickTime files from before ``ftyp``."""

_AC3_SYNC = b"\x0b\x77"
_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES_HZ = (48_000, 44_100, 32_000)
_AC3_SAMPLES = 1536
_AC3_MAX_BSID, _EAC3_MAX_BSID = 10, 16
"""Bit stream versions (ATSC A/52, 5.4.2.1 and E.2.3.1.6)."""

_APE_VERSIONS = range(3800, 4000)
_AU_ENCODINGS = range(1, 28)
_AU_MIN_OFFSET = 24


def container_at(header: bytes) -> Container | None:
    """The decoded format that starts with ``header`` (:data:`HEADER_BYTES`, or all there is), None if none does.

    Formats without a file header (MPEG audio, ADTS, AC-3) need a valid frame, followed by another.
    """
    return _by_magic(header) or _by_header(header) or _bare_frames(header)


def unsupported_at(header: bytes) -> str | None:
    """Name of the audio format, not decoded, that starts with ``header``; None if none does."""
    return next((name for magic, name in _UNSUPPORTED if header.startswith(magic)), None)


def is_other_file(header: bytes) -> bool:
    """Whether a file that starts with ``header`` is an archive, a picture, a program, a film or a text."""
    return header.startswith(_OTHER_FILES) or _is_text(header[:512])


def confirmed_frame(block: bytes, position: int) -> Container | None:
    """The format of a frame at ``position`` of ``block`` that two more of its stream follow, None if there is none.

    Three frames in a row do not occur by chance: about once in 10^14 positions of random bytes.
    """
    window = block[position : position + HEADER_BYTES]
    if looks_like_mpeg_audio(window, following=2):
        return Container.MP3
    return Container.ADTS if looks_like_adts(window, following=2) else None


def _by_magic(header: bytes) -> Container | None:
    if header[:4] in (b"RIFF", b"RF64", b"BW64") and header[8:12] == b"WAVE":
        return Container.WAV
    if header[:4] == b"FORM" and header[8:12] in (b"AIFF", b"AIFC"):
        return Container.AIFF
    # The first bytes of the other boxes are a size, of which a zero tells them from text.
    if header[4:8] == b"ftyp" or (header[4:8] in _MP4_BOXES and 0 in header[:4]):
        return Container.MP4
    return next((container for magic, container in _BY_MAGIC if header.startswith(magic)), None)


def _by_header(header: bytes) -> Container | None:
    """Formats whose magic word a text may start with too: the fields behind it must be valid."""
    if header[:4] == b"wvpk" and header[9:10] == b"\x04":  # the high byte of the version, 0x402 to 0x410
        return Container.WAVPACK
    if header[:4] == b"MAC " and int.from_bytes(header[4:6], "little") in _APE_VERSIONS:
        return Container.APE
    offset, encoding = int.from_bytes(header[4:8], "big"), int.from_bytes(header[12:16], "big")
    if header[:4] == b".snd" and offset >= _AU_MIN_OFFSET and encoding in _AU_ENCODINGS:
        return Container.AU
    return None


def _bare_frames(header: bytes) -> Container | None:
    if looks_like_adts(header):
        return Container.ADTS
    if looks_like_mpeg_audio(header):
        return Container.MP3
    return _ac3(header)


def _ac3(header: bytes) -> Container | None:
    length = ac3_frame_bytes(header)
    if not length or not ac3_frame_bytes(header[length:]):
        return None
    return Container.AC3 if header[5] >> 3 <= _AC3_MAX_BSID else Container.EAC3


def ac3_frame_bytes(header: bytes) -> int:
    """Length of the AC-3 or E-AC-3 frame that starts at ``header``, 0 if none does (ATSC A/52, 5.3.1 and E.2.2)."""
    if len(header) < 6 or not header.startswith(_AC3_SYNC):
        return 0
    version = header[5] >> 3
    if version > _AC3_MAX_BSID:
        words = ((header[2] & 7) << 8 | header[3]) + 1
        return 2 * words if version <= _EAC3_MAX_BSID else 0
    rate, size = header[4] >> 6, header[4] & 0x3F
    if rate >= len(_AC3_RATES_HZ) or size >> 1 >= len(_AC3_KBPS):
        return 0
    words = _AC3_KBPS[size >> 1] * 1000 * _AC3_SAMPLES // _AC3_RATES_HZ[rate] // 16
    padded = words + (size & 1 if _AC3_RATES_HZ[rate] == 44_100 else 0)
    return 2 * padded


def _is_text(head: bytes) -> bool:
    """Whether ``head`` has no control characters but those of text, or is UTF-16 by its byte order mark.

    Compressed sound of this length without one such byte does not occur.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return all(byte > 0x1F or byte in b"\t\n\f\r\x1b" for byte in head)
