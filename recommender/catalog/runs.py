"""The record that runs keep of themselves: begun, done, failed, or killed and found so by the next."""

from __future__ import annotations

from sqlalchemy import and_, insert, select

from recommender.catalog.rows import Run
from recommender.catalog.store import Store
from recommender.catalog.tables import runs


class Runs(Store):
    """The catalogue's part on runs. Whoever begins one holds the lock of its kind: no other is running."""

    def begin_run(self, kind: str, *, at: str) -> int:
        """Note that a run begins, ``at`` a time in RFC 3339; its id.

        What is noted as running by now was killed, for the lock is the caller's, and is marked so.
        """
        left = and_(runs.c.kind == kind, runs.c.state == "running")
        with self._writing() as connection:
            connection.execute(runs.update().where(left).values(state="killed"))
            begun = {"kind": kind, "started_at": at, "state": "running"}
            added = connection.execute(insert(runs).values(begun).returning(runs.c.id))
            return int(added.scalar_one())

    def end_run(self, run_id: int, state: str, *, at: str, summary: str) -> None:
        """Note that a run has ended, ``done`` or ``failed``, and its ``summary``, a JSON text."""
        ended = {"ended_at": at, "state": state, "summary": summary}
        with self._writing() as connection:
            connection.execute(runs.update().where(runs.c.id == run_id).values(ended))

    def read_runs(self, kind: str) -> list[Run]:
        """Every run of ``kind`` on record, in the order in which they began."""
        query = select(runs).where(runs.c.kind == kind).order_by(runs.c.id)
        with self._reading() as connection:
            return [Run(**row) for row in connection.execute(query).mappings()]
