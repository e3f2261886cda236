"""Reads whole tables of the catalog, for a build: frozen rows, in an order that is the same on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import CompoundSelect, Select, func, select, union_all

from recommender.catalog import rows as r
from recommender.catalog import tables as t
from recommender.catalog.extractions import is_overwritten, is_published
from recommender.catalog.relations import source_has_rows
from recommender.catalog.transactions import OpenDatabase

Row = TypeVar("Row")
_FETCH_ROWS = 1 << 12
"""Rows fetched from the database at a time."""


class Tables(OpenDatabase):
    """The part of the catalog that reads whole tables, each in one query. See :meth:`OpenDatabase.snapshot`.

    Rows are sorted here and not by the database, because PostgreSQL sorts text by its locale and SQLite by its bytes.
    """

    def read_artists(self) -> list[r.Artist]:
        """Every artist, by id."""
        return self._read(select(t.artists.c.id, t.artists.c.name), r.Artist, "id")

    def read_names(self) -> list[r.ArtistName]:
        """Every spelling, by artist and spelling."""
        columns = (t.artist_names.c.artist_id, t.artist_names.c.name, t.artist_names.c.folded)
        return self._read(select(*columns), r.ArtistName, "artist_id", "name")

    def read_external_ids(self) -> list[r.ExternalId]:
        """Every external id, by artist, namespace and value."""
        table = t.artist_external_ids.c
        columns = (table.namespace, table.value, table.artist_id)
        return self._read(select(*columns), r.ExternalId, "artist_id", "namespace", "value")

    def read_tracks(self) -> list[r.Track]:
        """Every track, by id."""
        c = t.tracks.c
        path = func.coalesce(func.min(t.clips.c.source_path), func.min(t.track_copies.c.source_path), "")
        texts = [func.coalesce(column, "") for column in (c.album, c.album_artist)]
        numbers = [func.coalesce(column, 0) for column in (c.disc, c.number, c.year, c.length_ms)]
        columns = (c.id, c.artist_id, c.title, *texts, *numbers, func.coalesce(c.credit, ""), path)
        clips = t.tracks.outerjoin(t.clips, t.clips.c.track_id == c.id)
        # joined by the track alone: a copy has no clip of its own, so the default join would find no path for it
        copies = clips.outerjoin(t.track_copies, t.track_copies.c.track_id == c.id)
        query = select(*columns).select_from(copies).group_by(c.id)
        return self._read_tuples(query, r.Track._make, "id")

    def read_embedded_clips(self, space: str) -> list[r.EmbeddedClip]:
        """Clips that have an embedding in ``space`` (a ``Space.key``), by clip id and track.

        One recording under two titles gives a row for each of them. A clip whose file was overwritten is left out,
        because the new version of the file represents the track.
        """
        done = (t.extractions.c.space == space) & (t.extractions.c.state == "done")
        own = select(t.clips.c.id.label("clip_id"), t.clips.c.track_id)
        copied = select(t.clips.c.id.label("clip_id"), t.track_copies.c.track_id).join(t.track_copies)
        queries = [
            query.join(t.extractions, t.extractions.c.clip_id == t.clips.c.id).where(
                done, is_published(), ~is_overwritten()
            )
            for query in (own, copied)
        ]
        return self._read_tuples(union_all(*queries), r.EmbeddedClip._make, "clip_id", "track_id")

    def read_genres(self) -> list[r.ArtistGenre]:
        """Every genre, by artist, genre and source."""
        return self._read(select(t.artist_genres), r.ArtistGenre, "artist_id", "genre", "source")

    def read_popularity(self) -> list[r.ArtistPopularity]:
        """Every popularity that a source gives, by artist and source."""
        return self._read(select(t.artist_popularity), r.ArtistPopularity, "artist_id", "source")

    def read_scene_lists(self) -> list[r.SceneList]:
        """Every artist for which a source gave a list of neighbours, by source and artist."""
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
        """Every source that has rows, and its licence, by name."""
        return self._read(select(t.sources).where(source_has_rows()), r.Source, "name")

    def read_generations(self) -> list[r.Generation]:
        """Every published generation, by version."""
        return self._read(select(t.generations), r.Generation, "version")

    def read_publications(self) -> list[r.Publication]:
        """Every publication, refusal and rollback, in the order in which they happened."""
        wanted = [column for column in t.publications.c if column.name != "id"]
        with self._reading() as connection:
            result = connection.execute(select(*wanted).order_by(t.publications.c.id)).mappings()
            return [r.Publication(**row) for row in result]

    def counts(self) -> dict[str, int]:
        """Number of rows of each table, by table name."""
        with self._reading() as connection:
            return {
                name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for name, table in sorted(t.metadata.tables.items())
            }

    def _read(self, query: Select[Any], make: Callable[..., Row], *order: str) -> list[Row]:
        with self._reading() as connection:
            result = connection.execute(query)
            names = tuple(result.keys())
            rows = [
                make(**dict(zip(names, row, strict=True))) for part in result.partitions(_FETCH_ROWS) for row in part
            ]
        return sorted(rows, key=attrgetter(*order))

    def _read_tuples(
        self, query: Select[Any] | CompoundSelect[Any], make: Callable[[Iterable[Any]], Row], *order: str
    ) -> list[Row]:
        """As :meth:`_read`, faster, for columns that are in the order of the fields of ``make``."""
        with self._reading() as connection:
            rows = [make(row) for part in connection.execute(query).partitions(_FETCH_ROWS) for row in part]
        return sorted(rows, key=attrgetter(*order))
