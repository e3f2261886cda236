"""The catalog read whole, table by table, for a build: frozen rows in an order that both databases share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Select, func, select

from recommender.catalog import rows as r
from recommender.catalog import tables as t
from recommender.catalog.extractions import overwritten
from recommender.catalog.relations import speaks
from recommender.catalog.transactions import Store

Row = TypeVar("Row")
_FETCHED = 1 << 12
"""Rows that are asked for at once."""


class Reading(Store):
    """Reads of whole tables, each one query. For reads that must agree, open a :meth:`Store.snapshot` around them.

    Rows are sorted here and not by the database: PostgreSQL sorts text by its locale, SQLite by its bytes.
    """

    def read_artists(self) -> list[r.Artist]:
        """Every artist, by id."""
        return self._read(select(t.artists.c.id, t.artists.c.name), r.Artist, "id")

    def read_names(self) -> list[r.ArtistName]:
        """Every spelling, by artist and spelling."""
        return self._read(select(t.artist_names), r.ArtistName, "artist_id", "name")

    def read_external_ids(self) -> list[r.ExternalId]:
        """Every external id, by artist, namespace and value."""
        return self._read(select(t.artist_external_ids), r.ExternalId, "artist_id", "namespace", "value")

    def read_tracks(self) -> list[r.Track]:
        """Every track, by id."""
        return self._read_tuples(select(t.tracks.c.id, t.tracks.c.artist_id, t.tracks.c.title), r.Track._make, "id")

    def read_embedded_clips(self, space: str) -> list[r.EmbeddedClip]:
        """Clips that ``space`` (a ``Space.key``) has an embedding of, by clip id.

        A clip whose file was replaced by another version is left out: the new version speaks for the track.
        """
        done = (t.extractions.c.space == space) & (t.extractions.c.state == "done")
        columns = (t.clips.c.id.label("clip_id"), t.clips.c.track_id)
        joined = select(*columns).join(t.extractions, t.extractions.c.clip_id == t.clips.c.id)
        query = joined.where(done, ~overwritten())
        return self._read_tuples(query, r.EmbeddedClip._make, "clip_id")

    def read_genres(self) -> list[r.ArtistGenre]:
        """Every genre, by artist, genre and source."""
        return self._read(select(t.artist_genres), r.ArtistGenre, "artist_id", "genre", "source")

    def read_scene_lists(self) -> list[r.SceneList]:
        """Of which artists a source gave a list, by source and artist."""
        return self._read(select(t.scene_lists), r.SceneList, "source", "artist_id")

    def read_scene_edges(self) -> list[r.SceneEdge]:
        """Every scene edge, by source, artist and neighbour."""
        return self._read(select(t.scene_edges), r.SceneEdge, "source", "artist_id", "neighbour_id")

    def read_collaborations(self) -> list[r.Collaboration]:
        """Every collaboration, by the two artists, kind, title and source."""
        wanted = [column for column in t.collaborations.c if column.name != "id"]
        order = ("artist_a", "artist_b", "kind", "title", "source")
        return self._read(select(*wanted), r.Collaboration, *order)

    def read_sources(self) -> list[r.Source]:
        """Every source that has said something, and its licence, by name."""
        return self._read(select(t.sources).where(speaks()), r.Source, "name")

    def read_generations(self) -> list[r.Generation]:
        """Every generation on record, by version."""
        return self._read(select(t.generations), r.Generation, "version")

    def read_publications(self) -> list[r.Publication]:
        """What was done with generations, in the order in which it was done."""
        wanted = [column for column in t.publications.c if column.name != "id"]
        with self._reading() as connection:
            found = connection.execute(select(*wanted).order_by(t.publications.c.id)).mappings()
            return [r.Publication(**row) for row in found]

    def counts(self) -> dict[str, int]:
        """Rows of each table, by table name."""
        with self._reading() as connection:
            return {
                name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for name, table in sorted(t.metadata.tables.items())
            }

    def _read(self, query: Select[Any], make: Callable[..., Row], *order: str) -> list[Row]:
        with self._reading() as connection:
            result = connection.execute(query)
            names = tuple(result.keys())
            found = [make(**dict(zip(names, row, strict=True))) for part in result.partitions(_FETCHED) for row in part]
        return sorted(found, key=attrgetter(*order))

    def _read_tuples(self, query: Select[Any], make: Callable[[Iterable[Any]], Row], *order: str) -> list[Row]:
        """Of rows that have the fields of what ``make`` makes, in their order."""
        with self._reading() as connection:
            found = [make(row) for part in connection.execute(query).partitions(_FETCHED) for row in part]
        return sorted(found, key=attrgetter(*order))
