"""Catalogs as they were before migration 0004, made by its predecessors and plain SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command

from recommender.catalog import database, migrate

REVISION = "0003"
_ORDER = (
    "sources",
    "artists",
    "artist_names",
    "artist_external_ids",
    "artist_genres",
    "scene_lists",
    "scene_edges",
    "collaborations",
    "tracks",
    "clips",
    "files",
    "extractions",
)

Rows = Mapping[str, list[dict[str, object]]]
"""Table -> rows, parents first."""


def make_old_catalog(url: str, rows: Rows) -> None:
    """Create a catalog at revision 0003 with these rows."""
    engine = database.create(url)
    with engine.begin() as connection:
        settings = migrate.config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, REVISION)
        for table, those in rows.items():
            for row in those:
                columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in row]  # Any: of every type
                connection.execute(sa.table(table, *columns).insert().values(row))
    engine.dispose()


def artist(identifier: str, *names: tuple[str, str]) -> Rows:
    """An artist with spellings: (name, as it was folded). The first is the preferred one."""
    spellings: list[dict[str, object]] = [
        {"artist_id": identifier, "name": name, "folded": folded} for name, folded in names
    ]
    return {"artists": [{"id": identifier, "name": names[0][0]}], "artist_names": spellings}


def track(identifier: str, artist_id: str, title: str, folded: str) -> Rows:
    """A track, with its title as it was folded."""
    return {"tracks": [{"id": identifier, "artist_id": artist_id, "title": title, "folded": folded}]}


def embedded_file(path: Path, clip_id: str, track_id: str, *, seconds: float, done: bool = True) -> Rows:
    """A file that an old scan read, its clip, and the clip's embedding in the space ``space``."""
    status, content = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "clips": [
            {
                "id": clip_id,
                "track_id": track_id,
                "content_sha256": content,
                "start_ms": 0,
                "length_ms": round(seconds * 1000),
                "policy": "middle-30s",
                "source_path": str(path),
            }
        ],
        "files": [
            {
                "path": str(path),
                "size": status.st_size,
                "mtime_ns": status.st_mtime_ns,
                "content_sha256": content,
                "clip_id": clip_id,
            }
        ],
        "extractions": [{"clip_id": clip_id, "space": "space", "state": "done", "attempts": 1}] if done else [],
    }


def joined(*parts: Rows) -> Rows:
    """The rows of all parts, with the tables in an order that foreign keys allow."""
    return {table: [row for part in parts for row in part.get(table, [])] for table in _ORDER}
