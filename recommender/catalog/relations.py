"""What sources say about artists: genres, scene lists and edges, collaborations."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from recommender.catalog.rows import ArtistGenre, Changes, Collaboration, SceneEdge, SceneList
from recommender.catalog.tables import artist_genres, collaborations, scene_edges, scene_lists, sources
from recommender.catalog.transactions import Store
from recommender.catalog.upsert import MAX_SOURCE, batches, upsert
from recommender.errors import InvalidArgument, NotFound

SAID = (artist_genres, scene_lists, scene_edges, collaborations)
"""The tables whose rows name their source."""


def speaks() -> ColumnElement[bool]:
    """True of a row of ``sources`` that at least one row of another table names."""
    said = (select(table.c.source).where(table.c.source == sources.c.name).correlate(sources) for table in SAID)
    return or_(*(query.exists() for query in said))


_GENRE_KEY = ("artist_id", "genre", "source")
_LIST_KEY = ("source", "artist_id")
_EDGE_KEY = ("source", "artist_id", "neighbour_id")
_COLLABORATION_KEY = ("artist_a", "artist_b", "kind", "title", "source")


class Relations(Store):
    """The catalog's part on who is said to be what, and near whom. Every write is idempotent.

    Rows come in ready for the tables: genres folded, weights finite and positive, ranks and counts within 32 bits,
    sources made known by :meth:`ensure_source`.
    """

    def ensure_source(self, name: str, licence: str) -> None:
        """Make a source known under its licence. One that has said nothing yet may take another licence.

        Raises InvalidArgument for a name that is blank or too long, and when the source has said something under
        another licence; :meth:`forget_source` takes that back.
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
        """Take back everything a source said, and the source; how many rows that were. The artists stay.

        Raises NotFound for a source nobody has heard of.
        """
        with self._writing() as connection:
            if connection.scalar(select(sources.c.name).where(sources.c.name == name)) is None:
                known = ", ".join(sorted(connection.scalars(select(sources.c.name)))) or "none"
                raise NotFound("source", name, f"known are: {known}")
            gone = sum(connection.execute(table.delete().where(table.c.source == name)).rowcount for table in SAID)
            connection.execute(sources.delete().where(sources.c.name == name))
            return gone

    def add_genres(self, genres: Sequence[ArtistGenre]) -> Changes:
        """Add genres, or change their weights."""
        with self._writing() as connection:
            return upsert(connection, artist_genres, _dicts(genres), keys=_GENRE_KEY, by=("artist_id",))

    def replace_genres(self, source: str, genres: Mapping[str, Iterable[str]]) -> None:
        """Make ``genres`` (artist id -> folded genres, each of weight 1) all that ``source`` says of these artists."""
        wanted = {(artist_id, genre) for artist_id, given in genres.items() for genre in given}
        with self._writing() as connection:
            found = _genres_of(connection, source, sorted(genres))
            for artist_id, genre in sorted(found - wanted):
                gone = and_(artist_genres.c.artist_id == artist_id, artist_genres.c.genre == genre)
                connection.execute(artist_genres.delete().where(gone, artist_genres.c.source == source))
            rows = [{"artist_id": a, "genre": g, "source": source, "weight": 1.0} for a, g in sorted(wanted - found)]
            if rows:
                connection.execute(artist_genres.insert(), rows)

    def add_scene_lists(self, lists: Sequence[SceneList]) -> Changes:
        """Note of which artists a source gave its list of neighbours."""
        with self._writing() as connection:
            return upsert(connection, scene_lists, _dicts(lists), keys=_LIST_KEY, by=_LIST_KEY)

    def add_scene_edges(self, edges: Sequence[SceneEdge]) -> Changes:
        """Add neighbours, or change their rank and strength."""
        with self._writing() as connection:
            return upsert(connection, scene_edges, _dicts(edges), keys=_EDGE_KEY, by=_LIST_KEY)

    def add_collaborations(self, rows: Sequence[Collaboration]) -> Changes:
        """Add recordings two artists share, or change how many are credited. Which artist comes first is the same."""
        with self._writing() as connection:
            ordered = [_ordered(row) for row in rows]
            return upsert(connection, collaborations, ordered, keys=_COLLABORATION_KEY, by=("artist_a",))


def _relicense(connection: Connection, name: str, old: str, new: str) -> None:
    """Raises InvalidArgument when the source has said something already."""
    own = sources.c.name == name
    if connection.execute(sources.update().where(own, ~speaks()).values(licence=new)).rowcount == 0:
        problem = f"what source {name!r} said is recorded under {old}, not {new}; give the same licence or another "
        cure = f"--source name. Was {old} a mistake: soundkin import forget {shlex.quote(name)}, then import it again"
        raise InvalidArgument("licence", problem + cure)


def _dicts(rows: Sequence[ArtistGenre | SceneList | SceneEdge]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]  # Any: database values


def _ordered(row: Collaboration) -> dict[str, Any]:
    first, second = sorted((row.artist_a, row.artist_b))
    return {**asdict(row), "artist_a": first, "artist_b": second}  # Any: database values


def _genres_of(connection: Connection, source: str, artist_ids: Sequence[str]) -> set[tuple[str, str]]:
    query = select(artist_genres.c.artist_id, artist_genres.c.genre).where(artist_genres.c.source == source)
    return {
        (row[0], row[1])
        for part in batches(artist_ids)
        for row in connection.execute(query.where(artist_genres.c.artist_id.in_(part)))
    }
