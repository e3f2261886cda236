"""Records which clips each embedding space has, which failed, and which are still to be embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, and_, func, insert, or_, select

from recommender.catalog.rows import Failure, Generation, PendingClip, Publication
from recommender.catalog.tables import clips, extractions, files, generations, publications, runs
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import batches
from recommender.errors import CatalogError
from recommender.retry_schedule import POISON, RETRY_AFTER_RUNS, count_losses, skip_after


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


_MAX_DETAIL = 1000
"""Characters of an error message that are kept."""


def is_overwritten() -> ColumnElement[bool]:
    """SQL condition: the clip's file was scanned again later and now has another clip, or none.

    A clip whose file was deleted does not match, because its embedding is still valid.
    """
    other = or_(files.c.clip_id.is_(None), files.c.clip_id != clips.c.id)
    return select(files.c.path).where(files.c.path == clips.c.source_path, other).correlate(clips).exists()


def is_published() -> ColumnElement[bool]:
    """SQL condition: the clip stands for a track, and no other clip of the same sound stands for it."""
    return and_(clips.c.track_id.is_not(None), clips.c.same_as.is_(None))


class Extractions(OpenDatabase):
    """The part of the catalog that records embeddings and failures. No clip is embedded twice in one space."""

    def pending_clips(self, space: str, *, retry_failed: bool = False) -> list[PendingClip]:
        """Clips that have no embedding in ``space`` (a ``Space.key``), by clip id.

        Clips that failed are left out, unless ``retry_failed`` is set or the retry schedule says that they are due
        (:mod:`recommender.retry_schedule`). Clips that belong to no track are left out, and those whose file was
        overwritten, because their audio is gone.
        """
        entry = and_(extractions.c.clip_id == clips.c.id, extractions.c.space == space)
        failed = extractions.c.state == "failed"
        again = failed if retry_failed else and_(failed, _due())
        columns = (clips.c.id.label("clip_id"), clips.c.source_path, clips.c.content_sha256, clips.c.audio_id)
        query = (
            select(*columns, clips.c.start_ms, clips.c.length_ms)
            .outerjoin(extractions, entry)
            .where(or_(extractions.c.state.is_(None), again), is_published(), ~is_overwritten())
            .order_by(clips.c.id)
        )
        with self._reading() as connection:
            return [PendingClip(**row) for row in connection.execute(query).mappings()]

    def mark_done(self, space: str, clip_ids: Sequence[str]) -> None:
        """Record that ``space`` has an embedding of these clips."""
        done = {"state": "done", "reason": None, "detail": None, "losses": 0, "skip_runs": 0}
        self._mark(space, clip_ids, done)

    def mark_failed(self, space: str, clip_id: str, reason: str, detail: str) -> None:
        """Record that a clip could not be embedded. ``reason`` is a stable word, ``detail`` a sentence for the user."""
        storable = detail.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_MAX_DETAIL]  # PostgreSQL takes no NUL
        here = and_(extractions.c.space == space, extractions.c.clip_id == clip_id)
        with self._writing() as connection:
            losses = count_losses(connection.scalar(select(extractions.c.losses).where(here)) or 0, reason)
            state = {"state": "failed", "reason": str(reason), "detail": storable}
            self._mark(space, [clip_id], {**state, "losses": losses, "skip_runs": skip_after(losses)})

    def count_skipped_clips(self, space: str) -> None:
        """Reduce ``skip_runs`` by one for every failed clip of ``space`` that this run skips. Call once a run, after
        :meth:`pending_clips`.
        """
        waiting = and_(extractions.c.space == space, extractions.c.skip_runs > 0)
        with self._writing() as connection:
            connection.execute(extractions.update().where(waiting).values(skip_runs=extractions.c.skip_runs - 1))

    def count_embeddings(self, clip_ids: Sequence[str]) -> dict[str, int]:
        """Clip id -> spaces that have an embedding of it. Clips without one are left out."""
        done = select(extractions.c.clip_id, func.count()).where(extractions.c.state == "done")
        with self._reading() as connection:
            return {
                row[0]: row[1]
                for part in batches(sorted(set(clip_ids)))
                for row in connection.execute(
                    done.where(extractions.c.clip_id.in_(part)).group_by(extractions.c.clip_id)
                )
            }

    def forget_extractions(self, space: str, clip_ids: Sequence[str]) -> None:
        """Make clips pending again, because the embedding store has lost their embeddings."""
        with self._writing() as connection:
            for part in batches(sorted(set(clip_ids))):
                lost = and_(extractions.c.space == space, extractions.c.clip_id.in_(part))
                connection.execute(extractions.delete().where(lost))

    def failures(self, space: str) -> list[Failure]:
        """The clips that failed in ``space``, by clip id. Clips whose file was overwritten are left out."""
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
            .where(extractions.c.space == space, extractions.c.state == "failed", ~is_overwritten())
            .order_by(extractions.c.clip_id)
        )
        with self._reading() as connection:
            return [Failure(**row) for row in connection.execute(query).mappings()]

    def failed_spaces(self) -> list[str]:
        """The spaces in which a clip failed, in order."""
        query = select(extractions.c.space).where(extractions.c.state == "failed").distinct()
        with self._reading() as connection:
            return sorted(connection.scalars(query))

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
    """SQL condition: the next run tries this failed clip again, as ``retry_schedule.is_due`` says."""
    not_quarantined = extractions.c.losses <= len(RETRY_AFTER_RUNS)
    return and_(extractions.c.reason.in_(sorted(POISON)), extractions.c.skip_runs == 0, not_quarantined)
