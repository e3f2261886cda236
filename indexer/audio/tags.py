"""Reads the tags of audio files (ID3, MP4, Vorbis comments): artist, title, genres and MusicBrainz ids."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import mutagen
from mutagen.aac import AAC
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Tags
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from indexer.audio.safe_open import open_regular

_log = logging.getLogger(__name__)

MAX_TEXT = 300
"""Longest artist, title or genre that is kept, in characters."""
MAX_GENRES = 20

_KINDS = (MP3, FLAC, OggVorbis, OggOpus, OggFLAC, MP4, WAVE, AIFF, AAC)
_GENRE_SEPARATORS = re.compile("[;\0]")
_MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags of a file; None or empty where there is none. Text has no control characters, and single spaces."""

    artist: str | None = None
    """The first track artist. Never the album artist: that is often "Various Artists"."""
    title: str | None = None
    genres: tuple[str, ...] = ()
    external_ids: tuple[tuple[str, str], ...] = ()
    """(namespace, value). Only ``("mbid", …)``, and only where there is exactly one id: with two it is not known which
    of them belongs to ``artist``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """The keys of one kind of tag."""

    artist: str
    title: str
    genre: str
    mbid: str


_ID3 = _Keys(artist="TPE1", title="TIT2", genre="TCON", mbid="TXXX:MusicBrainz Artist Id")
_MP4 = _Keys(artist="\xa9ART", title="\xa9nam", genre="\xa9gen", mbid="----:com.apple.iTunes:MusicBrainz Artist Id")
_VORBIS = _Keys(artist="artist", title="title", genre="genre", mbid="musicbrainz_artistid")


def read_tags(path: Path) -> Tags:
    """Read the tags of an audio file; empty where there are none, or where they are damaged.

    Raises BadInput only if the file itself cannot be opened (:func:`indexer.audio.safe_open.open_regular`).
    """
    with open_regular(path) as file:
        return read_tags_open(file)


def read_tags_open(file: BinaryIO) -> Tags:
    """:func:`read_tags` for a file that is open already. Never raises for what the file contains."""
    file.seek(0)
    try:
        opened = mutagen.File(fileobj=file, options=_KINDS)
        return _tags(opened.tags) if opened is not None and opened.tags is not None else Tags()
    except Exception:  # the parser raises any error on damaged bytes; the sound may still be good
        _log.debug("tags cannot be read; going on without", exc_info=True)
        return Tags()


def _tags(tags: Mapping[str, Any]) -> Tags:  # Any: each kind of tag has values of its own type
    keys = _ID3 if isinstance(tags, ID3) else _MP4 if isinstance(tags, MP4Tags) else _VORBIS
    artists, titles = _texts(tags, keys.artist), _texts(tags, keys.title)
    return Tags(
        artist=artists[0] if artists else None,
        title=titles[0] if titles else None,
        genres=_genres(tags, keys.genre),
        external_ids=_external_ids(_texts(tags, keys.mbid)),
    )


def _texts(tags: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Every non-empty value under ``key``, cleaned, in order."""
    return _cleaned(_values(tags, key))


def _values(tags: Mapping[str, Any], key: str) -> list[str]:
    frame = tags.get(key)
    if frame is None:
        return []
    # ID3 genres may be numbers ("(17)"); mutagen gives their names as ``genres``. Other ID3 frames have ``text``.
    content = getattr(frame, "genres", None) or getattr(frame, "text", None) or frame
    values = [content] if isinstance(content, str | bytes) else list(content)
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _genres(tags: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Genres in order, each once; one field may list several, separated by semicolons."""
    parts = [part for value in _values(tags, key) for part in _GENRE_SEPARATORS.split(value)]
    return tuple(dict.fromkeys(_cleaned(parts)))[:MAX_GENRES]


def _external_ids(mbids: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    distinct = {part for value in mbids for part in re.split(r"[;/, ]+", value.lower()) if part}
    if len(distinct) != 1:
        return ()
    mbid = distinct.pop()
    return (("mbid", mbid),) if _MBID.fullmatch(mbid) else ()


def _cleaned(values: Iterable[str]) -> tuple[str, ...]:
    cleaned = (clean_text(value) for value in values)
    return tuple(text for text in cleaned if text)


def clean_text(text: str) -> str:
    """``text`` without control characters and broken surrogates, with single spaces, at most :data:`MAX_TEXT` long.

    >>> clean_text("  Sigur\\x00 Rós\\n")
    'Sigur Rós'
    """
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
    return " ".join(plain.split())[:MAX_TEXT].rstrip()
