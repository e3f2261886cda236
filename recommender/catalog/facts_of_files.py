"""The facts that are derived from audio files: read what they are derived from, and replace them where they differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, or_, select

from recommender.catalog.extractions import is_overwritten
from recommender.catalog.rows import ArtistGenre, Collaboration
from recommender.catalog.tables import (
    FACTS_DERIVED,
    FILES,
    artist_external_ids,
    artist_genres,
    artist_names,
    artist_popularity,
    artist_sources,
    artists,
    catalog_state,
    clips,
    collaborations,
    retired_artists,
    scene_edges,
    scene_lists,
    sources,
    track_copies,
    tracks,
)
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import batches, delete_rows, update
from recommender.names import fold

TAGS = "tags"
"""Source of what the tags and paths of files say."""
TRACKLIST = "manifest"
"""Source of what a tracklist says. The word is stored in catalogs, so it keeps its old form."""
FILE_SOURCES = (TAGS, TRACKLIST)
"""Sources whose rows are derived from files, and never imported."""

_RULES = "1"
"""Change this number when files are read in another way: the next scan then derives every fact again."""
IsDerived = Callable[[Mapping[Any, Any]], bool]  # Any: database values
_LICENCE = "own"
"""Licence of what files say: it is the operator's own data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownArtist:
    """An artist of the catalog, or a retired one, as the derivation finds it."""

    id: str
    name: str
    names: tuple[str, ...]
    """Spellings that imports give, or that are older than the record of who says them."""
    external_ids: tuple[tuple[str, str], ...]
    """As ``names``."""
    file_ids: tuple[tuple[str, str], ...] = ()
    """External ids that files gave at the last derivation."""
    imported: bool = False
    """Whether an import names it, so that it stays without any file."""
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedArtist:
    """An artist, and what files say of its name."""

    id: str
    name: str
    names: frozenset[str]
    external_ids: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedTrack:
    """A track of an artist, with the clips that stand for it."""

    id: str
    artist_id: str
    title: str
    folded: str
    album: str | None
    album_folded: str
    album_artist: str | None
    disc: int | None
    number: int | None
    year: int | None
    length_ms: int | None
    credit: str | None
    clips: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedFacts:
    """Everything that the files of a catalog say."""

    artists: Sequence[DerivedArtist]
    tracks: Sequence[DerivedTrack]
    genres: Sequence[ArtistGenre]
    """Of the sources in :data:`FILE_SOURCES`."""
    collaborations: Sequence[Collaboration]
    """Of the source :data:`TAGS`."""
    source_paths: Mapping[str, str]
    """Clip id -> path of the file that it is read from."""
    copies: Mapping[str, tuple[str, str]]
    """Track id -> (clip id, path) of the tracks whose sound is the clip of another track; they have no clip."""


class Derived(OpenDatabase):
    """The part of the catalog that derived facts are read from and written to."""

    def facts_are_current(self) -> bool:
        """Whether nothing changed since the facts were derived, by the rules of this version."""
        query = select(catalog_state.c.value).where(catalog_state.c.key == FACTS_DERIVED)
        with self._reading() as connection:
            return connection.scalar(query) == _RULES

    def facts_may_differ(self) -> None:
        """Make the next scan, import or edit derive the facts again."""
        with self._writing() as connection:
            connection.execute(catalog_state.delete().where(catalog_state.c.key == FACTS_DERIVED))

    def tracks_of_clips(self) -> dict[str, str | None]:
        """Clip id -> its track now, of every clip that stands for its sound and whose file was not overwritten."""
        query = select(clips.c.id, clips.c.track_id).where(clips.c.same_as.is_(None), ~is_overwritten())
        with self._reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def track_keys(self) -> dict[str, tuple[str, str, str]]:
        """Track id -> (artist id, folded title, folded album)."""
        columns = (tracks.c.id, tracks.c.artist_id, tracks.c.folded, tracks.c.album_folded)
        with self._reading() as connection:
            return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(select(*columns))}

    def known_artists(self) -> list[KnownArtist]:
        """Every artist of the catalog and every retired one, by id."""
        with self._reading() as connection:
            return sorted([*_present(connection), *_retired(connection)], key=lambda artist: artist.id)

    def replace_facts(self, facts: DerivedFacts, *, unread: Collection[str]) -> None:
        """Make ``facts`` what the catalog says of its files, and change only what differs.

        ``unread``: clips whose files have not been read since what files say is recorded. They keep their tracks, and
        the artists of those tracks keep what was recorded of them.
        """
        with self._writing() as connection:
            for source in FILE_SOURCES:
                _ensure_source(connection, source)
            kept = _artists_of(connection, unread)
            imported = _imported_ids(connection)
            pairs = _external_ids_by_artist(connection)  # before those that no file gives any more are deleted
            _write_artists(connection, facts.artists)
            _write_tracks(connection, facts, unread)
            _write_spellings(connection, facts.artists, partial(_is_derived, imported=imported, kept=kept))
            _write_genres(connection, facts.genres, kept)
            _write_collaborations(connection, facts.collaborations, kept)
            _retire(connection, {artist.id for artist in facts.artists} | kept | imported, pairs)
            connection.execute(catalog_state.delete().where(catalog_state.c.key == FACTS_DERIVED))
            connection.execute(catalog_state.insert(), {"key": FACTS_DERIVED, "value": _RULES})


def _imported_ids(connection: Connection) -> set[str]:
    """Ids of the artists that an import names."""
    imported = set(connection.scalars(select(artist_popularity.c.artist_id)))
    imported |= set(connection.scalars(select(artist_genres.c.artist_id).where(_imported(artist_genres))))
    imported |= set(connection.scalars(select(scene_lists.c.artist_id)))
    for columns, table in (
        ((scene_edges.c.artist_id, scene_edges.c.neighbour_id), scene_edges),
        ((collaborations.c.artist_a, collaborations.c.artist_b), collaborations),
    ):
        for row in connection.execute(select(*columns).where(_imported(table))):
            imported.update(row)
    return imported | set(connection.scalars(select(artist_sources.c.artist_id)))


def _imported(table: Table) -> ColumnElement[bool]:
    return table.c.source.not_in(FILE_SOURCES)


def _gives(source: str | None, artist_id: str, imported: Collection[str]) -> bool:
    """Whether an import gives a name or an id: one without a source is from an older version, of an artist without
    imports it came from a file."""
    return source != FILES and (source is not None or artist_id in imported)


def _is_derived(row: Mapping[Any, Any], *, imported: Collection[str], kept: Collection[str]) -> bool:  # Any: as above
    """Whether a file gave a name or an id, and all files of its artist have been read, so that it may be deleted."""
    return row["artist_id"] not in kept and not _gives(row["source"], row["artist_id"], imported)


def _present(connection: Connection) -> Iterable[KnownArtist]:
    imported = _imported_ids(connection)
    names: dict[str, list[str]] = {}
    for artist_id, name, source in connection.execute(
        select(artist_names.c.artist_id, artist_names.c.name, artist_names.c.source)
    ):
        if _gives(source, artist_id, imported):
            names.setdefault(artist_id, []).append(name)
    given: dict[str, list[tuple[str, str]]] = {}
    from_files: dict[str, list[tuple[str, str]]] = {}
    table = artist_external_ids.c
    for artist_id, namespace, value, source in connection.execute(
        select(table.artist_id, table.namespace, table.value, table.source)
    ):
        (given if _gives(source, artist_id, imported) else from_files).setdefault(artist_id, []).append(
            (namespace, value)
        )
    for identifier, name in connection.execute(select(artists.c.id, artists.c.name)):
        yield KnownArtist(
            id=identifier,
            name=name,
            names=tuple(sorted(names.get(identifier, ()))),
            external_ids=tuple(sorted(given.get(identifier, ()))),
            file_ids=tuple(sorted(from_files.get(identifier, ()))),
            imported=identifier in imported,
        )


def _retired(connection: Connection) -> Iterable[KnownArtist]:
    for row in connection.execute(select(retired_artists)).mappings():
        ids = tuple((namespace, value) for namespace, value in json.loads(row["external_ids"]))
        yield KnownArtist(id=row["id"], name=row["name"], names=(), external_ids=(), file_ids=ids, retired=True)


def _ensure_source(connection: Connection, name: str) -> None:
    if connection.scalar(select(sources.c.name).where(sources.c.name == name)) is None:
        connection.execute(sources.insert(), {"name": name, "licence": _LICENCE})


def _artists_of(connection: Connection, clip_ids: Collection[str]) -> set[str]:
    query = select(tracks.c.artist_id).join(clips, clips.c.track_id == tracks.c.id)
    return {
        artist_id
        for part in batches(sorted(clip_ids))
        for artist_id in connection.scalars(query.where(clips.c.id.in_(part)))
    }


def _write_artists(connection: Connection, wanted: Sequence[DerivedArtist]) -> None:
    stored = {row[0]: row[1] for row in connection.execute(select(artists.c.id, artists.c.name))}
    new = [{"id": artist.id, "name": artist.name} for artist in wanted if artist.id not in stored]
    for part in batches([row["id"] for row in new]):
        connection.execute(retired_artists.delete().where(retired_artists.c.id.in_(part)))
    if new:
        connection.execute(artists.insert(), new)
    renamed = [artist for artist in wanted if stored.get(artist.id, artist.name) != artist.name]
    update(connection, artists, [{"id": artist.id, "name": artist.name} for artist in renamed], keys=["id"])


def _write_tracks(connection: Connection, facts: DerivedFacts, unread: Collection[str]) -> None:
    columns = [column for column in tracks.c if column.name != "id"]
    stored = {row["id"]: row for row in connection.execute(select(tracks)).mappings()}
    wanted = {track.id: {column.name: getattr(track, column.name) for column in columns} for track in facts.tracks}
    changed = {
        identifier: row
        for identifier, row in wanted.items()
        if identifier in stored and any(stored[identifier][name] != value for name, value in row.items())
    }
    gone = sorted(set(stored) - set(wanted) - _tracks_of(connection, unread))
    for part in batches(gone):
        connection.execute(tracks.delete().where(tracks.c.id.in_(part)))
    # No key is in use on the way: a title that some track had before is of that track afterwards (_track_ids).
    update(connection, tracks, [{"id": identifier, **row} for identifier, row in changed.items()], keys=["id"])
    new = [{"id": identifier, **row} for identifier, row in wanted.items() if identifier not in stored]
    if new:
        connection.execute(tracks.insert(), new)
    _assign_clips(connection, facts, unread)
    connection.execute(track_copies.delete())
    copies = [
        {"track_id": track_id, "clip_id": clip_id, "source_path": path}
        for track_id, (clip_id, path) in sorted(facts.copies.items())
    ]
    if copies:
        connection.execute(track_copies.insert(), copies)


def _tracks_of(connection: Connection, clip_ids: Collection[str]) -> set[str]:
    query = select(clips.c.track_id)
    return {
        track_id
        for part in batches(sorted(clip_ids))
        for track_id in connection.scalars(query.where(clips.c.id.in_(part), clips.c.track_id.is_not(None)))
    }


def _assign_clips(connection: Connection, facts: DerivedFacts, unread: Collection[str]) -> None:
    track_of = {clip_id: track.id for track in facts.tracks for clip_id in track.clips}
    rows = connection.execute(select(clips.c.id, clips.c.track_id, clips.c.source_path, clips.c.same_as)).all()
    changed: list[dict[str, str | None]] = []
    for identifier, track_id, path, same_as in rows:
        track_now = None if same_as else track_of.get(identifier)
        path_now = facts.source_paths.get(identifier, path)
        if identifier not in unread and (track_now, path_now) != (track_id, path):
            changed.append({"id": identifier, "track_id": track_now, "source_path": path_now})
    update(connection, clips, changed, keys=["id"])


def _write_spellings(connection: Connection, wanted: Sequence[DerivedArtist], is_derived: IsDerived) -> None:
    names = {(artist.id, name) for artist in wanted for name in artist.names}
    not_imported = or_(artist_names.c.source.is_(None), artist_names.c.source == FILES)
    rows = connection.execute(select(artist_names).where(not_imported)).mappings().all()
    gone = [dict(row) for row in rows if is_derived(row) and (row["artist_id"], row["name"]) not in names]
    delete_rows(connection, artist_names, gone, keys=["artist_id", "name"])
    known: set[tuple[str, str]] = set()
    for part in batches(sorted({artist_id for artist_id, _ in names})):
        query = select(artist_names.c.artist_id, artist_names.c.name).where(artist_names.c.artist_id.in_(part))
        known.update((row[0], row[1]) for row in connection.execute(query))
    new = [
        {"artist_id": artist_id, "name": name, "folded": fold(name), "source": FILES}
        for artist_id, name in sorted(names - known)
    ]
    if new:
        connection.execute(artist_names.insert(), new)
    _write_external_ids(connection, wanted, is_derived)


def _write_external_ids(connection: Connection, wanted: Sequence[DerivedArtist], is_derived: IsDerived) -> None:
    ids = {pair: artist.id for artist in wanted for pair in artist.external_ids}
    stored = {
        (row["namespace"], row["value"]): row for row in connection.execute(select(artist_external_ids)).mappings()
    }
    gone = [dict(row) for pair, row in stored.items() if is_derived(row) and ids.get(pair) != row["artist_id"]]
    delete_rows(connection, artist_external_ids, gone, keys=["namespace", "value"])
    new = [
        {"namespace": namespace, "value": value, "artist_id": artist_id, "source": FILES}
        for (namespace, value), artist_id in sorted(ids.items())
        if (namespace, value) not in stored
        or (is_derived(stored[namespace, value]) and stored[namespace, value]["artist_id"] != artist_id)
    ]
    if new:
        connection.execute(artist_external_ids.insert(), new)


def _write_genres(connection: Connection, wanted: Sequence[ArtistGenre], kept: Collection[str]) -> None:
    query = select(artist_genres.c.artist_id, artist_genres.c.genre, artist_genres.c.source)
    stored = {tuple(row) for row in connection.execute(query.where(artist_genres.c.source.in_(FILE_SOURCES)))}
    keys = {(row.artist_id, row.genre, row.source) for row in wanted}
    columns = ("artist_id", "genre", "source")
    gone = [dict(zip(columns, key, strict=True)) for key in sorted(stored - keys) if key[0] not in kept]
    delete_rows(connection, artist_genres, gone, keys=columns)
    new = [{"artist_id": a, "genre": g, "source": s, "weight": 1.0} for a, g, s in sorted(keys - stored)]
    if new:
        connection.execute(artist_genres.insert(), new)


def _write_collaborations(connection: Connection, wanted: Sequence[Collaboration], kept: Collection[str]) -> None:
    names = ("artist_a", "artist_b", "kind", "title", "credited")
    columns = [collaborations.c[name] for name in names]
    rows = connection.execute(select(collaborations.c.id, *columns).where(collaborations.c.source == TAGS)).all()
    stored = {tuple(row[1:]): row[0] for row in rows}
    keys = {tuple(getattr(row, name) for name in names) for row in wanted}
    replaced = {key[:4] for key in keys}  # one row for each recording, however many are credited on it
    gone = [stored[key] for key in set(stored) - keys if key[:4] in replaced or not {key[0], key[1]} <= set(kept)]
    for part in batches(sorted(gone)):
        connection.execute(collaborations.delete().where(collaborations.c.id.in_(part)))
    new = [{**dict(zip(names, key, strict=True)), "source": TAGS} for key in sorted(keys - set(stored))]
    if new:
        connection.execute(collaborations.insert(), new)


def _external_ids_by_artist(connection: Connection) -> dict[str, list[tuple[str, str]]]:
    table = artist_external_ids.c
    pairs: dict[str, list[tuple[str, str]]] = {}
    for artist_id, namespace, value in connection.execute(select(table.artist_id, table.namespace, table.value)):
        pairs.setdefault(artist_id, []).append((namespace, value))
    return pairs


def _retire(connection: Connection, supported: Collection[str], pairs: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Move the artists that neither a file nor an import names to the retired ones, which keep only their ids.

    ``pairs``: artist id -> its external ids until now.
    """
    stays = set(supported) | set(connection.scalars(select(tracks.c.artist_id)))
    gone = sorted(set(connection.scalars(select(artists.c.id))) - stays)
    for part in batches(gone):
        rows = connection.execute(select(artists.c.id, artists.c.name).where(artists.c.id.in_(part))).all()
        connection.execute(
            retired_artists.insert(),
            [
                {
                    "id": row[0],
                    "name": row[1],
                    "folded": fold(row[1]),
                    "external_ids": json.dumps(sorted(pairs.get(row[0], ()))),
                }
                for row in rows
            ],
        )
        connection.execute(artists.delete().where(artists.c.id.in_(part)))
