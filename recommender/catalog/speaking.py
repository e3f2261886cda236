"""Sources that have said something: only these count, for a name and a licence alone say nothing."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select

from recommender.catalog.tables import artist_genres, collaborations, scene_edges, scene_lists, sources

SAID = (artist_genres, scene_lists, scene_edges, collaborations)
"""The tables whose rows name their source."""


def speaks() -> ColumnElement[bool]:
    """True of a row of ``sources`` that at least one row of another table names."""
    said = (select(table.c.source).where(table.c.source == sources.c.name).correlate(sources) for table in SAID)
    return or_(*(query.exists() for query in said))
