"""Shorthands for a catalog in tests: add one artist, and read the recorded runs, which no program reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistRef, MatchedArtist
from recommender.catalog.tables import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of the table of runs."""

    id: int
    kind: str
    started_at: str
    ended_at: str | None
    state: str
    summary: str | None


def add_artist(catalog: Catalog, name: str, *, external_ids: Sequence[tuple[str, str]] = ()) -> str:
    """Id of the artist that a name and external ids mean, added when there is none. Raises what the match gives."""
    (result,) = catalog.find_or_add_artists([ArtistRef(name=name, external_ids=tuple(external_ids))])
    if not isinstance(result, MatchedArtist):
        raise result
    return result.artist_id


def read_runs(catalog: Catalog, kind: str) -> list[Run]:
    """Every recorded run of ``kind``, in the order in which they began."""
    query = select(runs).where(runs.c.kind == kind).order_by(runs.c.id)
    with catalog._reading() as connection:
        return [Run(**row) for row in connection.execute(query).mappings()]
