"""Who made a file and what it is called: the manifest first, then the file's tags, then where it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from indexer.audio.tags import Tags
from indexer.ingest.tracklist import ManifestRow
from indexer.tabular import fields
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput
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


MANIFEST = "manifest"
TAGS = "tags"
"""The sources that genres found by a scan are recorded under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a file is taken to be."""

    artist: ArtistRef
    title: str
    genres: tuple[str, ...] | None
    """Folded; None when nobody said."""
    source: str
    """Who gave the genres."""


def identify(relative: str, row: ManifestRow | None, tags: Tags, *, current_id: str | None = None) -> Identity:
    """Make up one's mind about a file. ``current_id``: the artist it belonged to so far.

    Raises BadInput ``no_artist`` when nobody names an artist.
    """
    artist = _artist(relative, row, tags)
    title = row.title if row and row.title else tags.title
    from_row = row is not None and row.genres is not None
    return Identity(
        artist=ArtistRef(name=artist.name, external_ids=artist.external_ids, current_id=current_id),
        title=title or title_from_path(relative, artist.name),
        genres=row.genres if row and from_row else _folded(tags.genres),
        source=MANIFEST if from_row else TAGS,
    )


def _artist(relative: str, row: ManifestRow | None, tags: Tags) -> ArtistRef:
    if row:
        return row.artist
    if tags.artist:
        return ArtistRef(name=tags.artist, external_ids=tags.external_ids)
    name = artist_from_path(relative)
    if name is None:
        layouts = "Artist/Title.ext or Artist - Title.ext"
        detail = f"no tag names an artist, nor does the path ({layouts}); tag it, or give a manifest"
        raise BadInput("no_artist", detail)
    return ArtistRef(name=name)


def _folded(genres: tuple[str, ...]) -> tuple[str, ...] | None:
    named = [name for name in map(_genre, genres) if name]
    return tuple(dict.fromkeys(named)) or None


def _genre(name: str) -> str:
    try:
        return fields.genre(name)
    except BadInput:
        return ""  # a genre tag that cannot be stored is no reason to lose the file
