"""Records for audit: nightly runs, published generations, and what was done with each generation."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import and_, insert, select

from recommender.catalog.rows import Generation, Publication
from recommender.catalog.tables import generations, publications, runs
from recommender.catalog.transactions import OpenDatabase
from recommender.errors import CatalogError


class History(OpenDatabase):
    """The part of the catalog that records runs and publications. A server never reads it."""

    def begin_run(self, kind: str, *, at: str) -> int:
        """Record that a run begins ``at`` a time in RFC 3339; returns its id.

        The caller holds the lock of this ``kind`` of run. So a run that is still recorded as running was killed, and is
        marked as killed.
        """
        left_over = and_(runs.c.kind == kind, runs.c.state == "running")
        with self._writing() as connection:
            connection.execute(runs.update().where(left_over).values(state="killed"))
            row = {"kind": kind, "started_at": at, "state": "running"}
            added = connection.execute(insert(runs).values(row).returning(runs.c.id))
            return int(added.scalar_one())

    def end_run(self, run_id: int, state: str, *, at: str, summary: str) -> None:
        """Record that a run ended as ``done`` or ``failed``, ``at`` a time, with its ``summary`` as JSON text."""
        end = {"ended_at": at, "state": state, "summary": summary}
        with self._writing() as connection:
            connection.execute(runs.update().where(runs.c.id == run_id).values(end))

    def record_generation(self, generation: Generation) -> None:
        """Record a published generation. Recording it again changes nothing.

        Raises CatalogError when its version was published before with other contents.
        """
        same_version = generations.c.version == generation.version
        with self._writing() as connection:
            known = connection.scalar(select(generations.c.manifest_sha256).where(same_version))
            if known is None:
                connection.execute(generations.insert(), asdict(generation))
            elif known != generation.manifest_sha256:
                raise CatalogError(f"generation {generation.version} is published already; build the next number")

    def record_publication(self, publication: Publication) -> None:
        """Record what was done with a generation. Every call adds a row."""
        with self._writing() as connection:
            connection.execute(publications.insert(), asdict(publication))
