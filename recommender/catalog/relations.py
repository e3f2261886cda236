"""What sources say about artists: genres, popularity, scene lists and edges, and collaborations."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from recommender.catalog.rows import ArtistGenre, ArtistPopularity, Changes, Collaboration, SceneEdge, SceneList
from recommender.catalog.tables import (
    FACTS_DERIVED,
    artist_external_ids,
    artist_genres,
    artist_names,
    artist_popularity,
    artist_sources,
    artists,
    catalog_state,
    collaborations,
    scene_edges,
    scene_lists,
    sources,
)
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import MAX_SOURCE, upsert
from recommender.errors import InvalidArgument, NotFound

_GENRE_KEY = ("artist_id", "genre", "source")
_POPULARITY_KEY = ("artist_id", "source")
_LIST_KEY = ("source", "artist_id")
_EDGE_KEY = ("source", "artist_id", "neighbour_id")
_COLLABORATION_KEY = ("artist_a", "artist_b", "kind", "title", "source")

SOURCE_TABLES = (artist_genres, artist_popularity, scene_lists, scene_edges, collaborations)
"""The tables whose rows name their source."""


def source_has_rows() -> ColumnElement[bool]:
    """SQL condition: at least one row of another table names this row of ``sources``."""
    queries = (
        select(table.c.source).where(table.c.source == sources.c.name).correlate(sources)
        for table in (*SOURCE_TABLES, artist_sources)
    )
    return or_(*(query.exists() for query in queries))


class Relations(OpenDatabase):
    """The part of the catalog with genres, popularity, scene lists and collaborations. Every write is idempotent.

    The caller has checked the rows: genres are folded, weights finite and positive, ranks and counts fit in 32 bits,
    and :meth:`ensure_source` was called for their source.
    """

    def ensure_source(self, name: str, licence: str) -> None:
        """Add a source with its licence, or check that it is there. A source without rows may change its licence.

        Raises InvalidArgument for a name that is blank or too long, and for a source whose rows were stored under
        another licence. :meth:`forget_source` deletes such rows.
        """
        for field, text in (("source", name), ("licence", licence)):
            if not text.strip() or len(text) > MAX_SOURCE or not text.isprintable():
                raise InvalidArgument(field, f"{text!r} is not a name of 1 to {MAX_SOURCE} printable characters")
        with self._writing() as connection:
            known = connection.scalar(select(sources.c.licence).where(sources.c.name == name))
            if known is None:
                connection.execute(sources.insert(), {"name": name, "licence": licence})
            elif known != licence:
                _relicense(connection, name, known, licence)

    def forget_source(self, name: str) -> int:
        """Delete a source and all its rows, and the names and ids that it alone gave; returns the number of rows.

        Artists stay until facts are derived again; the preferred name of each stays as long. Raises NotFound for an
        unknown source.
        """
        with self._writing() as connection:
            if connection.scalar(select(sources.c.name).where(sources.c.name == name)) is None:
                known = ", ".join(sorted(connection.scalars(select(sources.c.name)))) or "none"
                raise NotFound("source", name, f"known are: {known}")
            deleted = sum(
                connection.execute(table.delete().where(table.c.source == name)).rowcount for table in SOURCE_TABLES
            )
            connection.execute(artist_sources.delete().where(artist_sources.c.source == name))
            for table in (artist_names, artist_external_ids):
                other = select(func.min(artist_sources.c.source)).where(artist_sources.c.artist_id == table.c.artist_id)
                # Another import that names the artist takes its names and ids over: it may well give the same.
                own, others = table.c.source == name, other.correlate(table).scalar_subquery()
                connection.execute(table.update().where(own, others.is_not(None)).values(source=others))
            preferred = select(artists.c.id).where(artists.c.id == artist_names.c.artist_id)
            is_preferred = preferred.where(artists.c.name == artist_names.c.name).exists()
            mine = artist_names.c.source == name
            connection.execute(artist_names.delete().where(mine, ~is_preferred))
            connection.execute(artist_names.update().where(mine).values(source=None))
            connection.execute(artist_external_ids.delete().where(artist_external_ids.c.source == name))
            connection.execute(sources.delete().where(sources.c.name == name))
            connection.execute(catalog_state.delete().where(catalog_state.c.key == FACTS_DERIVED))
            return deleted

    def add_genres(self, genres: Sequence[ArtistGenre]) -> Changes:
        """Add genres, or change their weights."""
        with self._writing() as connection:
            return upsert(connection, artist_genres, _dicts(genres), keys=_GENRE_KEY, by=("artist_id",))

    def add_popularity(self, rows: Sequence[ArtistPopularity]) -> Changes:
        """Add how popular artists are in a source, or change it. The caller has checked that values are at least 0."""
        with self._writing() as connection:
            return upsert(connection, artist_popularity, _dicts(rows), keys=_POPULARITY_KEY, by=("artist_id",))

    def add_scene_lists(self, lists: Sequence[SceneList]) -> Changes:
        """Record for which artists a source gave a list of neighbours, even an empty one."""
        with self._writing() as connection:
            return upsert(connection, scene_lists, _dicts(lists), keys=_LIST_KEY, by=_LIST_KEY)

    def add_scene_edges(self, edges: Sequence[SceneEdge]) -> Changes:
        """Add neighbours of artists, or change their rank and strength."""
        with self._writing() as connection:
            return upsert(connection, scene_edges, _dicts(edges), keys=_EDGE_KEY, by=_LIST_KEY)

    def add_collaborations(self, rows: Sequence[Collaboration]) -> Changes:
        """Add recordings that two artists share, or change how many are credited. Their order has no effect."""
        with self._writing() as connection:
            ordered = [_ordered(row) for row in rows]
            return upsert(connection, collaborations, ordered, keys=_COLLABORATION_KEY, by=("artist_a",))


def _relicense(connection: Connection, name: str, old: str, new: str) -> None:
    """Change the licence of a source. Raises InvalidArgument when the source has rows already."""
    own = sources.c.name == name
    if connection.execute(sources.update().where(own, ~source_has_rows()).values(licence=new)).rowcount == 0:
        problem = f"the rows of source {name!r} are stored under {old}, not {new}; give the same licence or another "
        cure = f"--source name. If {old} was a mistake, run soundkin import forget {shlex.quote(name)} and import again"
        raise InvalidArgument("licence", problem + cure)


def _dicts(rows: Sequence[ArtistGenre | ArtistPopularity | SceneList | SceneEdge]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]  # Any: database values


def _ordered(row: Collaboration) -> dict[str, Any]:
    first, second = sorted((row.artist_a, row.artist_b))
    return {**asdict(row), "artist_a": first, "artist_b": second}  # Any: database values
