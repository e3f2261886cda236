"""Reads all the tags of an audio file, by the format that its first bytes show and never by its name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
from mutagen.apev2 import APENoHeaderError, APEv2, _APEv2Data
from mutagen.asf import ASF
from mutagen.id3 import ID3, ID3NoHeaderError
from mutagen.mp4 import MP4

from indexer.audio.mpeg import skip_tags
from indexer.audio.safe_open import open_regular
from indexer.audio.sound_range import find_tags
from indexer.audio.tags.bounded_view import BoundedView
from indexer.audio.tags.id3_frames import MAX_FRAMES, raw_id3, require_few_frames
from indexer.audio.tags.riff_chunks import read_aiff_id3, read_aiff_texts, read_wav_id3, read_wav_info
from indexer.audio.tags.tag_fields import RawTags, file_tags, joined
from indexer.audio.tags.vorbis_comments import read_flac, read_ogg
from recommender.catalog.file_facts import FileTags
from recommender.errors import BadInput

_log = logging.getLogger(__name__)

_Reader = Callable[[BoundedView], Iterable[RawTags]]

_MP4_KEYS = {
    "\xa9ART": "artist",
    "aART": "albumartist",
    "\xa9nam": "title",
    "\xa9alb": "album",
    "\xa9gen": "genre",
    "\xa9day": "date",
    "trkn": "tracknumber",
    "disk": "discnumber",
}
_MP4_FREE = "----:com.apple.iTunes:"

_MAX_ID3 = 4
"""ID3v2 tags of one file that are read."""

_FFMPEG_KINDS = {b"caff": "caf", b".snd": "au", b"\x1a\x45\xdf\xa3": "matroska", b"riff": "w64"}
"""First bytes -> demuxer, for the formats that mutagen does not read."""


def read_tags(path: Path) -> FileTags:
    """Read the tags of an audio file; empty where there are none, or where they are damaged.

    Raises BadInput only if the file itself cannot be opened (:func:`indexer.audio.safe_open.open_regular`).
    """
    with open_regular(path) as file:
        return read_tags_open(file)


def read_tags_open(file: BinaryIO) -> FileTags:
    """:func:`read_tags` for a file that is open already. Never raises for what the file contains.

    The format's own tags come first, also behind padding and unknown bytes. APEv2 behind the sound and ID3 around it
    (also around FLAC, WAV and Ogg, where it does not belong) give what those lack.
    """
    start, id3 = _places(file)
    file.seek(start)
    own = [(reader, start) for reader in _own_readers(file.read(16))]
    # Without ID3v2 the same reader finds ID3v1 at the end of the file.
    sources = [*own, *((_read_id3, offset) for offset in id3[:_MAX_ID3] or (0,)), (_read_apev2, 0)]
    return joined(file_tags(raw) for reader, offset in sources for raw in _all(reader, file, offset))


def _places(file: BinaryIO) -> tuple[int, tuple[int, ...]]:
    """(offset of the sound, offsets of ID3v2 tags); of what is no sound, behind the first tags."""
    try:
        places = find_tags(file)
    except BadInput:
        return skip_tags(file), ()
    return places.start, places.id3


def _all(reader: _Reader, file: BinaryIO, start: int) -> list[RawTags]:
    """What ``reader`` reads before the first error."""
    found: list[RawTags] = []
    try:
        found.extend(reader(BoundedView(file, start)))
    except (APENoHeaderError, ID3NoHeaderError):
        pass
    except Exception:  # the parser raises any error on damaged bytes; the sound may still be good
        _log.debug("tags cannot be read; going on without", exc_info=True)
    return found


def _own_readers(head: bytes) -> tuple[_Reader, ...]:
    """Readers of the tags that belong to a format; none for formats whose tags are ID3 or APEv2."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return read_wav_id3, read_wav_info
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return read_aiff_id3, read_aiff_texts
    if head[4:8] == b"ftyp":
        return (_read_mp4,)
    if head[:4] in _FFMPEG_KINDS:
        return (_read_by_ffmpeg,)
    readers: dict[bytes, _Reader] = {b"fLaC": read_flac, b"OggS": read_ogg, b"\x30\x26\xb2\x75": _read_asf}
    return (readers[head[:4]],) if head[:4] in readers else ()


def _read_id3(view: BoundedView) -> Iterator[RawTags]:
    require_few_frames(cast(BinaryIO, view))
    yield raw_id3(ID3(view))


def _read_apev2(view: BoundedView) -> Iterator[RawTags]:
    if (_APEv2Data(view).items or 0) > MAX_FRAMES:
        raise ValueError("too many items of APEv2")
    view.seek(0)
    yield {key: str(value).split("\0") for key, value in APEv2(view).items() if value.kind == 0}


def _read_asf(view: BoundedView) -> Iterator[RawTags]:
    raw: dict[str, list[str]] = {}
    for key, value in ASF(view).tags or ():
        raw.setdefault(key, []).append(str(value))
    yield raw


def _read_mp4(view: BoundedView) -> Iterator[RawTags]:
    raw: dict[str, list[str]] = {}
    tags: Mapping[str, Any] | None = MP4(view).tags  # Any: text, bytes, or pairs of numbers
    for key, value in (tags or {}).items():
        if key in _MP4_KEYS or key.startswith(_MP4_FREE):
            values = value if isinstance(value, list) else [value]
            raw[_MP4_KEYS.get(key, key.removeprefix(_MP4_FREE))] = [_mp4_text(item) for item in values]
    yield raw


def _mp4_text(value: Any) -> str:  # Any: text, bytes, or a pair of numbers
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value[0]) if isinstance(value, tuple) else str(value)


def _read_by_ffmpeg(view: BoundedView) -> Iterator[RawTags]:
    """The format is fixed and no protocol is allowed, so nothing in the file can make FFmpeg open another."""
    demuxer = _FFMPEG_KINDS[view.read(4)]
    view.seek(0)
    limits = {"protocol_whitelist": "none", "format_whitelist": demuxer}
    with av.open(view, mode="r", format=demuxer, options=limits, metadata_errors="replace") as source:
        yield {key: [value] for key, value in source.metadata.items()}
        for stream in source.streams.audio[:1]:
            yield {key: [value] for key, value in stream.metadata.items()}
