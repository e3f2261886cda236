"""The audio format of a file, by its first bytes and never by its name; and the suffixes that a scan looks at.

Signatures of the formats: docs/methods.md, "Audio files".
"""

from __future__ import annotations

import enum
import io
from pathlib import Path
from typing import BinaryIO

from indexer.audio.mpeg import looks_like_adts, looks_like_mpeg_audio, skip_tags
from indexer.audio.rejection_reasons import Reason
from indexer.audio.safe_open import open_regular
from recommender.errors import BadInput


def _suffixes(*groups: str) -> frozenset[str]:
    return frozenset(f".{word}" for group in groups for word in group.split())


_DECODED = "wav wave rf64 bwf aif aiff aifc flac ogg oga opus mp3 mp2 mp1 m4a m4b mp4 aac"
_NOT_DECODED = "wma asf ape wv mka webm caf au snd w64 dsf dff tta mpc spx ac3 eac3 dts mid midi"

DECODED_SUFFIXES = _suffixes(_DECODED)
"""File name suffixes of formats that are decoded, in lower case with the dot."""

AUDIO_SUFFIXES = _suffixes(_DECODED, _NOT_DECODED)
"""File name suffixes of audio, in lower case with the dot. Formats that are not decoded are among them, so that such a
file is rejected with a reason and not passed over."""

_IMAGES = "jpg jpeg png gif bmp webp tif tiff svg ico heic"
_TEXTS = "txt md rst nfo log pdf rtf doc docx odt html htm xml lrc srt"
_DATA = "csv tsv json jsonl ndjson yaml yml toml ini cfg db sqlite"
_PLAYLISTS = "m3u m3u8 pls xspf cue wpl asx"
_CHECKSUMS = "sfv md5 sha1 sha256 ffp accurip par2 torrent"
_LEFTOVERS = "url lnk zip 7z rar gz tar py pyc sh als asd reapeaks pk sfk part crdownload tmp bak"

IGNORED_SUFFIXES = _suffixes(_IMAGES, _TEXTS, _DATA, _PLAYLISTS, _CHECKSUMS, _LEFTOVERS)
"""File name suffixes of what lies beside audio, in lower case with the dot. Such files are not reported."""

_HEADER_BYTES = 8200
"""The longest frame there is (ADTS, 8191 bytes) and the header of the next."""

_UNSUPPORTED = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF)"),
    (b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvpk", "WavPack"),
    (b"caff", "Core Audio (CAF)"),
    (b".snd", "Sun audio (AU)"),
    (b"DSD ", "DSD"),
    (b"FRM8", "DSD"),
    (b"TTA1", "True Audio"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"MThd", "MIDI"),
    (b"\x0b\x77", "AC-3"),
    (b"riff\x2e\x91\xcf\x11", "Wave64"),
)


class Container(enum.StrEnum):
    """The formats that Soundkin decodes. A file of any other format is given to no decoder."""

    WAV = "wav"
    AIFF = "aiff"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"
    """MPEG audio of layer I, II or III, with or without tags."""
    MP4 = "mp4"
    ADTS = "adts"
    """AAC frames without a file around them."""


def sniff(file: BinaryIO) -> Container:
    """The format of ``file``. Reads a few kilobytes; the file position afterwards is undefined.

    Playlists, concatenation scripts and other text are never audio here, even under a name like a.mp3, so no file can
    make a decoder open another file or a network address.

    Raises BadInput: ``not_audio``, or ``unsupported`` for audio of a format Soundkin does not decode.
    """
    file.seek(skip_tags(file))
    header = file.read(_HEADER_BYTES)
    container = _container(header)
    if container is not None:
        return container
    other = next((name for magic, name in _UNSUPPORTED if header.startswith(magic)), None)
    if other is not None:
        raise BadInput(Reason.UNSUPPORTED, f"{other} is not decoded; convert it to flac, mp3, ogg, m4a or wav")
    raise BadInput(Reason.NOT_AUDIO, "its first bytes belong to no audio format Soundkin reads, whatever its name says")


def looks_like_audio(source: Path | bytes) -> bool:
    """Whether the first bytes of a file (or a header already read) are those of any audio format, decoded or not.

    A file that cannot be opened does not look like audio.
    """
    try:
        if isinstance(source, bytes):
            sniff(io.BytesIO(source))
        else:
            _sniff_path(source)
    except BadInput as error:
        return error.reason == Reason.UNSUPPORTED
    return True


def _sniff_path(path: Path) -> None:
    with open_regular(path) as file:
        sniff(file)


def _container(header: bytes) -> Container | None:
    if header[:4] in (b"RIFF", b"RF64", b"BW64") and header[8:12] == b"WAVE":
        return Container.WAV
    if header[:4] == b"FORM" and header[8:12] in (b"AIFF", b"AIFC"):
        return Container.AIFF
    if header[4:8] == b"ftyp":
        return Container.MP4
    by_magic = {b"fLaC": Container.FLAC, b"OggS": Container.OGG}.get(header[:4])
    return by_magic or _bare_frames(header)


def _bare_frames(header: bytes) -> Container | None:
    """Formats without a file header: the first frame must have a valid header, and so must the one after it."""
    if looks_like_adts(header):
        return Container.ADTS
    return Container.MP3 if looks_like_mpeg_audio(header) else None
