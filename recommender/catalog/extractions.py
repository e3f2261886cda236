"""What was extracted from which clip in which space, and which generations were published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, and_, insert, or_, select

from recommender.catalog.rows import Failure, Generation, PendingClip, Publication, Run
from recommender.catalog.tables import clips, extractions, files, generations, publications, runs
from recommender.catalog.transactions import Store
from recommender.catalog.upsert import batches
from recommender.errors import CatalogError
from recommender.retry_schedule import POISON, RETRY_AFTER_RUNS, count_losses, skip_after


def overwritten() -> ColumnElement[bool]:
    """True of a row of ``clips`` whose file was scanned later and found to hold another clip, or none.

    A file that merely vanished proves nothing: embeddings outlive audio.
    """
    other = or_(files.c.clip_id.is_(None), files.c.clip_id != clips.c.id)
    return select(files.c.path).where(files.c.path == clips.c.source_path, other).correlate(clips).exists()


class Runs(Store):
    """The catalog's part on runs. Whoever begins one holds the lock of its kind: no other is running."""

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


_MAX_DETAIL = 1000


class Ledger(Store):
    """The catalog's books: nothing is ever extracted twice, no failure is forgotten."""

    def pending_clips(self, space: str, *, retry_failed: bool = False) -> list[PendingClip]:
        """Clips that ``space`` (a ``Space.key``) has no embedding of, by clip id.

        Clips that failed are left out unless ``retry_failed``, or it may have been the machine's fault and their turn
        has come (:mod:`recommender.retry_schedule`). So are clips whose file holds something else: their audio is gone.
        """
        entry = and_(extractions.c.clip_id == clips.c.id, extractions.c.space == space)
        failed = extractions.c.state == "failed"
        again = failed if retry_failed else and_(failed, _due())
        columns = (clips.c.id.label("clip_id"), clips.c.source_path, clips.c.content_sha256)
        query = (
            select(*columns, clips.c.start_ms, clips.c.length_ms)
            .outerjoin(extractions, entry)
            .where(or_(extractions.c.state.is_(None), again), ~overwritten())
            .order_by(clips.c.id)
        )
        with self._reading() as connection:
            return [PendingClip(**row) for row in connection.execute(query).mappings()]

    def mark_done(self, space: str, clip_ids: Sequence[str]) -> None:
        """Note that ``space`` has an embedding of these clips."""
        done = {"state": "done", "reason": None, "detail": None, "losses": 0, "skip_runs": 0}
        self._mark(space, clip_ids, done)

    def mark_failed(self, space: str, clip_id: str, reason: str, detail: str) -> None:
        """Note that a clip could not be embedded: a stable word, and a sentence for the reader."""
        kept = detail.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_MAX_DETAIL]
        here = and_(extractions.c.space == space, extractions.c.clip_id == clip_id)
        with self._writing() as connection:
            losses = count_losses(connection.scalar(select(extractions.c.losses).where(here)) or 0, reason)
            state = {"state": "failed", "reason": str(reason), "detail": kept}
            self._mark(space, [clip_id], {**state, "losses": losses, "skip_runs": skip_after(losses)})

    def pass_over_failed(self, space: str) -> None:
        """Count one run down for every clip whose turn in ``space`` has not come; once a run, when it has its list."""
        waiting = and_(extractions.c.space == space, extractions.c.skip_runs > 0)
        with self._writing() as connection:
            fewer = extractions.c.skip_runs - 1
            connection.execute(extractions.update().where(waiting).values(skip_runs=fewer))

    def forget_extractions(self, space: str, clip_ids: Sequence[str]) -> None:
        """Make clips pending again, for when the embedding store has lost them."""
        with self._writing() as connection:
            for part in batches(sorted(set(clip_ids))):
                gone = and_(extractions.c.space == space, extractions.c.clip_id.in_(part))
                connection.execute(extractions.delete().where(gone))

    def failures(self, space: str) -> list[Failure]:
        """The clips that failed in ``space``, by clip id; but not those whose file holds something else by now."""
        query = (
            select(
                extractions.c.clip_id,
                clips.c.source_path,
                extractions.c.reason,
                extractions.c.detail,
                extractions.c.attempts,
                extractions.c.losses,
                extractions.c.skip_runs,
            )
            .join(clips, clips.c.id == extractions.c.clip_id)
            .where(extractions.c.space == space, extractions.c.state == "failed", ~overwritten())
            .order_by(extractions.c.clip_id)
        )
        with self._reading() as connection:
            return [Failure(**row) for row in connection.execute(query).mappings()]

    def record_generation(self, generation: Generation) -> None:
        """Note a generation that was published. Noting it again changes nothing.

        Raises CatalogError when its number was published with other contents.
        """
        same = generations.c.version == generation.version
        with self._writing() as connection:
            known = connection.scalar(select(generations.c.manifest_sha256).where(same))
            if known is None:
                connection.execute(generations.insert(), asdict(generation))
            elif known != generation.manifest_sha256:
                raise CatalogError(f"generation {generation.version} is published already; build the next number")

    def record_publication(self, publication: Publication) -> None:
        """Note what was done with a generation; each time is a row of its own."""
        with self._writing() as connection:
            connection.execute(publications.insert(), asdict(publication))

    def _mark(self, space: str, clip_ids: Sequence[str], state: dict[str, str | int | None]) -> None:
        with self._writing() as connection:
            for part in batches(sorted(set(clip_ids))):
                here = and_(extractions.c.space == space, extractions.c.clip_id.in_(part))
                known = set(connection.scalars(select(extractions.c.clip_id).where(here)))
                again = {**state, "attempts": extractions.c.attempts + 1}
                connection.execute(extractions.update().where(here).values(again))
                first = [{"clip_id": i, "space": space, "attempts": 1, **state} for i in part if i not in known]
                if first:
                    connection.execute(extractions.insert(), first)


def _due() -> ColumnElement[bool]:
    """True of a failed extraction that the next run tries again by itself (``patience.is_due``)."""
    patient = extractions.c.losses <= len(RETRY_AFTER_RUNS)
    return and_(extractions.c.reason.in_(sorted(POISON)), extractions.c.skip_runs == 0, patient)
