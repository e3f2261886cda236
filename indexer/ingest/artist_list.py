"""Imports a list of artists: names, external ids, genres and popularity. The way in for people without audio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from indexer.ingest.import_claims import Claim, ImportReport, SourceName, enter, parsed, permission
from indexer.tabular import fields
from indexer.tabular.records import Record, read_records
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistGenre, ArtistPopularity, Changes, MatchedArtist

POPULARITY_COLUMNS = ("popularity", "listeners", "monthly_listeners", "followers", "fans")
"""Columns with a number of at least 0. One of them is used in a whole file, because they count different things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListedArtist:
    """A row of the list, its artist matched."""

    artist_id: str
    genres: tuple[str, ...]
    popularity: float | None
    is_new: bool = field(compare=False)


def import_artists(catalog: Catalog, path: Path, *, source: str, licence: str) -> ImportReport:
    """Import a CSV or JSON of ``artist`` (or ``name``), and where known ids, genres and popularity.

    ``genre``, ``genres`` or ``tag``: several in a cell as in :func:`indexer.tabular.fields.genres`; their weight is 1.
    Ids are in columns of :data:`indexer.tabular.fields.ID_COLUMNS` or ``external_id:NAMESPACE``. The popularity is in
    the first of :data:`POPULARITY_COLUMNS` that the first row with such a number has. A second row of an artist adds
    genres; another popularity contradicts the first.

    A row counts as unchanged when its artist, genres and popularity were in the catalog. Raises as
    :func:`indexer.ingest.imports.import_genres`.
    """
    rows = read_records(path, required=("artist|name",))
    source_name = partial(permission(catalog, source, licence), source)
    popularity = _popularity_reader()
    return enter(
        catalog,
        parsed(rows, lambda record: [_claim(record, popularity(record), source_name)]),
        key=_key,
        write=partial(_write, catalog, source),
        source=source,
    )


def _popularity_reader() -> Callable[[Record], float | None]:
    """A function that reads the popularity of a row, always from the column of the first row that has one."""
    chosen: list[str] = []

    def read(record: Record) -> float | None:
        columns = chosen or [column for column in POPULARITY_COLUMNS if column in record.fields][:1]
        value = fields.count(record, *columns) if columns else None
        if value is not None:
            chosen[:] = columns
        return value

    return read


def _claim(record: Record, popularity: float | None, source_name: SourceName) -> Claim[_ListedArtist]:
    genres = fields.genres(record, "genre", "genres", "tag") or ()
    artist = fields.artist(record, "artist", "name", prefixes=("", "artist_"), any_id=True)

    def make(matched: MatchedArtist) -> _ListedArtist:
        source_name()
        return _ListedArtist(artist_id=matched.artist_id, genres=genres, popularity=popularity, is_new=matched.is_new)

    return Claim(record=record, artists=(artist,), make=make)


def _key(row: _ListedArtist) -> object:
    """Rows with a popularity are one an artist; rows without are one an artist and set of genres."""
    return (row.artist_id,) if row.popularity is not None else (row.artist_id, row.genres)


def _write(catalog: Catalog, source: str, rows: Sequence[_ListedArtist]) -> Changes:
    pairs = [(row.artist_id, genre) for row in rows for genre in row.genres]
    genres = [ArtistGenre(artist_id=owner, genre=genre, source=source, weight=1.0) for owner, genre in pairs]
    given = [(row.artist_id, row.popularity) for row in rows if row.popularity is not None]
    popularity = [ArtistPopularity(artist_id=owner, source=source, value=value) for owner, value in given]
    changed = {
        owner
        for (owner, _), state in zip(
            [*pairs, *given], catalog.add_genres(genres).states + catalog.add_popularity(popularity).states, strict=True
        )
        if state != "unchanged"
    }
    states = ("new" if row.is_new else "changed" if row.artist_id in changed else "unchanged" for row in rows)
    return Changes(states=tuple(states))
