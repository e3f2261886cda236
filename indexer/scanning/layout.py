"""Artist and title out of a path, for files that neither a manifest nor tags speak for."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from recommender.names import fold

_DASH = re.compile(r"\s+[-\u2013\u2014]\s+")
_TRACK_NUMBER = re.compile(r"\d{1,3}")
_COLLECTIONS = frozenset({"various artists", "various", "va", "compilations", "compilation", "unknown artist"})


def artist_from_path(relative: str) -> str | None:
    """The artist a relative path names, if it is of one of two layouts.

    ``Artist/Title.ext``, one folder deep, unless the folder is a collection ("Various Artists"); else
    ``Artist - Title.ext`` at any depth, unless what stands before the dash is a track number. Deeper folders mean too
    many things to guess at: such files want tags or a manifest.

    >>> artist_from_path("Mono/Ashes.flac"), artist_from_path("in/box/Mono - Ashes.flac"), artist_from_path("a/b/c.ogg")
    ('Mono', 'Mono', None)
    """
    path = PurePosixPath(relative)
    if len(path.parts) == 2 and fold(path.parts[0]) not in _COLLECTIONS:
        return path.parts[0]
    before, *after = _DASH.split(path.stem, maxsplit=1)
    return before if after and not _TRACK_NUMBER.fullmatch(before) else None


def title_from_path(relative: str, artist: str) -> str:
    """The file's name without suffix, and without "Artist - " where that stands before it.

    >>> title_from_path("Mono/Mono - Ashes.flac", "MONO"), title_from_path("Mono/Ashes - Live.flac", "Mono")
    ('Ashes', 'Ashes - Live')
    """
    stem = PurePosixPath(relative).stem
    before, *after = _DASH.split(stem, maxsplit=1)
    return after[0] if after and fold(before) == fold(artist) and fold(after[0]) else stem
