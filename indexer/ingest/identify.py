"""Decides the artist, title and genres of an audio file: from its tracklist row, else its tags, else its path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from indexer.ingest.tracklist import TracklistRow
from recommender.catalog.file_facts import FileTags
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput
from recommender.genres import split_genres
from recommender.names import fold

TRACKLIST = "manifest"
"""Source name of genres from a tracklist. The word is stored in catalogs, so it keeps its old form."""
TAGS = "tags"
"""Source name of genres from tags."""

_DASH = re.compile(r"\s+[-\u2013\u2014]\s+")
_TRACK_NUMBER = re.compile(r"\d{1,3}")
_COLLECTIONS = frozenset({"various artists", "various", "va", "compilations", "compilation", "unknown artist"})
"""Folded folder names that are not artists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The artist, title and genres of a file."""

    artist: ArtistRef
    title: str
    genres: tuple[str, ...] | None
    """Folded; None when neither tracklist nor tags give any."""
    source: str
    """Source of the genres: :data:`TRACKLIST` or :data:`TAGS`."""


def identify(relative: str, row: TracklistRow | None, tags: FileTags, *, current_id: str | None = None) -> Identity:
    """Decide the identity of the file at path ``relative``. ``current_id``: the artist it belonged to before.

    Raises BadInput ``no_artist`` when neither row, tags nor path name an artist.
    """
    artist = _artist(relative, row, tags)
    title = row.title if row and row.title else tags.title
    from_row = row is not None and row.genres is not None
    return Identity(
        artist=ArtistRef(name=artist.name, external_ids=artist.external_ids, current_id=current_id),
        title=title or title_from_path(relative, artist.name),
        genres=row.genres if row and from_row else split_genres(tags.genres) or None,
        source=TRACKLIST if from_row else TAGS,
    )


def artist_from_path(relative: str) -> str | None:
    """The artist that a relative path names, if the path has one of two layouts; else None.

    ``Artist/Title.ext``, one folder deep, unless the folder is a collection ("Various Artists"); else
    ``Artist - Title.ext`` at any depth, unless the part before the dash is a track number. Deeper folders can mean
    many things (label, year, genre), so they are not used: such files need tags or a tracklist.

    >>> artist_from_path("Mono/Ashes.flac"), artist_from_path("in/box/Mono - Ashes.flac"), artist_from_path("a/b/c.ogg")
    ('Mono', 'Mono', None)
    """
    path = PurePosixPath(relative)
    if len(path.parts) == 2 and fold(path.parts[0]) not in _COLLECTIONS:
        return path.parts[0]
    before, *after = _DASH.split(path.stem, maxsplit=1)
    return before if after and not _TRACK_NUMBER.fullmatch(before) else None


def title_from_path(relative: str, artist: str) -> str:
    """The file's name without its suffix, and without a leading "Artist - ".

    >>> title_from_path("Mono/Mono - Ashes.flac", "MONO"), title_from_path("Mono/Ashes - Live.flac", "Mono")
    ('Ashes', 'Ashes - Live')
    """
    stem = PurePosixPath(relative).stem
    before, *after = _DASH.split(stem, maxsplit=1)
    return after[0] if after and fold(before) == fold(artist) and fold(after[0]) else stem


def _artist(relative: str, row: TracklistRow | None, tags: FileTags) -> ArtistRef:
    if row:
        return row.artist
    if tags.artists:
        ids = set(tags.artist_ids)  # with two it is not known which of them belongs to the first name
        return ArtistRef(name=tags.artists[0], external_ids=tuple(("mbid", mbid) for mbid in ids if len(ids) == 1))
    name = artist_from_path(relative)
    if name is None:
        layouts = "Artist/Title.ext or Artist - Title.ext"
        detail = f"neither its tags nor its path ({layouts}) name an artist; tag it, or give a tracklist"
        raise BadInput("no_artist", detail)
    return ArtistRef(name=name)
