"""What an audio file and its tracklist row say: kept with the file as JSON, so that the catalog follows its sources."""

from __future__ import annotations

import msgspec


class FileTags(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tags of a file; None or empty where there is none. Text has no control characters, and single spaces."""

    artists: tuple[str, ...] = ()
    """The values of the track artist field, in order and not cut: ``("Alpha One feat. Beta Two",)``."""
    artist_list: tuple[str, ...] = ()
    """The values of an ARTISTS field: one artist each."""
    album_artists: tuple[str, ...] = ()
    title: str | None = None
    album: str | None = None
    genres: tuple[str, ...] = ()
    """The values of the genre field as they are, not cut and not folded."""
    disc: int | None = None
    number: int | None = None
    """Track number on its disc, from 1."""
    year: int | None = None
    artist_ids: tuple[str, ...] = ()
    """MusicBrainz ids of the track's artists, in the order of the field."""
    album_artist_ids: tuple[str, ...] = ()
    recording_id: str | None = None
    """MusicBrainz id of the recording."""
    repaired: tuple[str, ...] = ()
    """Fields whose text was UTF-8 read as Latin-1 and was put right."""
    doubtful: tuple[str, ...] = ()
    """Fields whose text was probably read in a wrong encoding, and is left as it is."""


class RowFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tracklist row of a file."""

    artist: str = ""
    """May be empty where the row has an external id."""
    external_ids: tuple[tuple[str, str], ...] = ()
    title: str | None = None
    album: str | None = None
    genres: tuple[str, ...] | None = None
    """Folded; None when the row gives no genre column."""
