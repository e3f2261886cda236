"""Decides the artist, title and genres of an audio file: from its tracklist row, else its tags, else its path."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.ingest.credits import KnownNames, credits_of, names_known_from
from indexer.ingest.path_layout import artist_from_path, title_from_path
from indexer.ingest.tracklist import TracklistRow
from recommender.catalog.file_facts import FileTags
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput
from recommender.genres import split_genres

TRACKLIST = "manifest"
"""Source name of genres from a tracklist. The word is stored in catalogs, so it keeps its old form."""
TAGS = "tags"
"""Source name of genres from tags."""


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


def _artist(relative: str, row: TracklistRow | None, tags: FileTags) -> ArtistRef:
    if row:
        return row.artist
    credits = credits_of(tags, KnownNames(names_known_from(tags)))
    if credits:
        first = credits[0]
        return ArtistRef(name=first.name, external_ids=(("mbid", first.mbid),) if first.mbid else ())
    name = artist_from_path(relative)
    if name is None:
        layouts = "Artist/Title.ext, Artist/Album/NN - Title.ext or Artist - Title.ext"
        detail = (
            f"neither its tags nor its path ({layouts}) name an artist, or only a placeholder such as Various Artists; "
            "tag it, or give a tracklist"
        )
        raise BadInput("no_artist", detail)
    return ArtistRef(name=name)
