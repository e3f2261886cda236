"""What was extracted from which clip in which space, and which generations were built of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import and_, func, or_, select

from recommender.catalog.overwritten import overwritten
from recommender.catalog.rows import ExtractionCounts, Failure, Generation, PendingClip
from recommender.catalog.store import Store
from recommender.catalog.tables import clips, extractions, generations
from recommender.catalog.writing import batches
from recommender.errors import CatalogueError, NotFound

_MAX_DETAIL = 1000


class Ledger(Store):
    """The catalogue's books: nothing is ever extracted twice, no failure is forgotten."""

    def pending_clips(self, space: str, *, retry_failed: bool = False) -> list[PendingClip]:
        """Clips that ``space`` (a ``Space.key``) has no embedding of, by clip id.

        Clips that failed are left out unless ``retry_failed``. So are clips whose file holds something else by now:
        their audio is gone.
        """
        entry = and_(extractions.c.clip_id == clips.c.id, extractions.c.space == space)
        settled = extractions.c.state == "done" if retry_failed else extractions.c.state.is_not(None)
        columns = (clips.c.id.label("clip_id"), clips.c.source_path, clips.c.start_ms, clips.c.length_ms)
        query = (
            select(*columns)
            .outerjoin(extractions, entry)
            .where(or_(extractions.c.state.is_(None), ~settled), ~overwritten())
            .order_by(clips.c.id)
        )
        with self._reading() as connection:
            return [PendingClip(**row) for row in connection.execute(query).mappings()]

    def mark_done(self, space: str, clip_ids: Sequence[str]) -> None:
        """Note that ``space`` has an embedding of these clips."""
        self._mark(space, clip_ids, {"state": "done", "reason": None, "detail": None})

    def mark_failed(self, space: str, clip_id: str, reason: str, detail: str) -> None:
        """Note that a clip could not be embedded: a stable word, and a sentence for the reader."""
        kept = detail.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_MAX_DETAIL]
        self._mark(space, [clip_id], {"state": "failed", "reason": str(reason), "detail": kept})

    def forget_extractions(self, space: str, clip_ids: Sequence[str]) -> None:
        """Make clips pending again, for when the embedding store has lost them."""
        with self._writing() as connection:
            for part in batches(sorted(set(clip_ids))):
                gone = and_(extractions.c.space == space, extractions.c.clip_id.in_(part))
                connection.execute(extractions.delete().where(gone))

    def extraction_counts(self, space: str) -> ExtractionCounts:
        """How many clips are done, and how many failed, by reason."""
        query = (
            select(extractions.c.reason, func.count())
            .where(extractions.c.space == space)
            .group_by(extractions.c.reason)
        )
        with self._reading() as connection:
            counts = {reason: int(count) for reason, count in connection.execute(query)}
        done = counts.pop(None, 0)
        return ExtractionCounts(done=done, failed=tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))))

    def failures(self, space: str) -> list[Failure]:
        """The clips that failed in ``space``, by clip id."""
        query = (
            select(
                extractions.c.clip_id,
                clips.c.source_path,
                extractions.c.reason,
                extractions.c.detail,
                extractions.c.attempts,
            )
            .join(clips, clips.c.id == extractions.c.clip_id)
            .where(extractions.c.space == space, extractions.c.state == "failed")
            .order_by(extractions.c.clip_id)
        )
        with self._reading() as connection:
            return [Failure(**row) for row in connection.execute(query).mappings()]

    def record_generation(self, generation: Generation) -> None:
        """Note a generation that was built. One not yet published may be built again under its number.

        Raises CatalogueError when that number is published with other contents.
        """
        same = generations.c.version == generation.version
        with self._writing() as connection:
            old = connection.execute(select(generations).where(same)).mappings().first()
            if old is None:
                connection.execute(generations.insert(), asdict(generation))
                return
            if old["published_at"] is not None and old["manifest_sha256"] != generation.manifest_sha256:
                raise CatalogueError(f"generation {generation.version} is published already; build the next number")
            kept = {**asdict(generation), "published_at": generation.published_at or old["published_at"]}
            connection.execute(generations.update().where(same).values(kept))

    def mark_published(self, version: int, published_at: str) -> None:
        """Note when a generation was published (RFC 3339, UTC). Raises NotFound for one that was never recorded."""
        change = generations.update().where(generations.c.version == version).values(published_at=published_at)
        with self._writing() as connection:
            if connection.execute(change).rowcount == 0:
                raise NotFound("generation", str(version), "record it when it is built")

    def _mark(self, space: str, clip_ids: Sequence[str], state: dict[str, str | None]) -> None:
        with self._writing() as connection:
            for part in batches(sorted(set(clip_ids))):
                here = and_(extractions.c.space == space, extractions.c.clip_id.in_(part))
                known = set(connection.scalars(select(extractions.c.clip_id).where(here)))
                again = {**state, "attempts": extractions.c.attempts + 1}
                connection.execute(extractions.update().where(here).values(again))
                first = [{"clip_id": i, "space": space, "attempts": 1, **state} for i in part if i not in known]
                if first:
                    connection.execute(extractions.insert(), first)
