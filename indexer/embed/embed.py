"""Embeds the clips of a catalog: decodes in worker processes, encodes in batches, stores, and updates the ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from indexer.audio.decode import Excerpt
from indexer.audio.workers.pool import DecodeJob, DecoderPool
from indexer.embed.pipeline import EmbeddingRun, EmbedOptions
from indexer.embed.progress import EmbedProgress
from indexer.encoders.base import Encoder
from indexer.files.atomic import remove_parts
from indexer.files.locks import exclusive
from indexer.store.store import EmbeddingStore, reconcile
from recommender.catalog import Catalog
from recommender.catalog.rows import Failure, PendingClip
from recommender.errors import BadInput, SpaceMismatch
from recommender.retry_schedule import is_quarantined
from recommender.types import Waveform

__all__ = ["EmbedOptions", "EmbedProgress", "EmbedReport", "embed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedReport:
    """The counts of one embedding run."""

    space: str
    embedded: int
    """Clips embedded in this run."""
    known: int
    """Clips that had an embedding before."""
    failed: tuple[tuple[str, str, str], ...]
    """(path, reason, detail) of the clips that could not be embedded in this run."""
    failed_before: dict[str, int]
    """Reason -> number of clips, of ``left_alone``."""
    left_alone: tuple[tuple[str, str, str], ...]
    """(path, reason, detail) of the clips that failed in earlier runs and were not tried in this one."""
    waiting: int = 0
    """Of ``left_alone``, clips that a later run tries again by the retry schedule."""
    quarantined: int = 0
    """Of ``left_alone``, clips that failed so often that they are not tried until they change."""
    seconds: float
    audio_s: float
    """Seconds of audio in the clips embedded in this run."""
    left: int = 0
    """Clips left for another run, because of ``EmbedOptions.limit``."""

    @property
    def by_reason(self) -> dict[str, int]:
        """Reason -> number of clips that failed in this run."""
        return dict(Counter(reason for _, reason, _ in self.failed))


def embed(
    catalog: Catalog, store: EmbeddingStore, encoder: Encoder, pool: DecoderPool, *, options: EmbedOptions
) -> EmbedReport:
    """Embed every clip of ``catalog`` that is not in ``store``. It can be stopped at any moment and run again.

    A clip that cannot be decoded or encoded is recorded in the ledger with its reason, and the run continues. Failed
    clips are not tried again unless ``options.retry`` is set. Clips that crashed a decoder, or that the encoder failed
    on for lack of memory or an unknown reason, are tried again in later runs, at growing intervals
    (:mod:`recommender.retry_schedule`).

    Raises:
        Busy: another run is embedding into this space.
        SpaceMismatch: encoder and store have different spaces.
    """
    started = time.monotonic()
    if encoder.space.key != store.space.key:
        raise SpaceMismatch(store.space.key, encoder.space.key)
    with exclusive(store.lock_path):
        store.refresh()  # another run may have written shards before this one got the lock
        remove_parts(store.folder)
        known = reconcile(catalog, store.space.key, store.clip_ids).known
        removed = catalog.removed_clips()  # soundkin catalog remove: nobody asks for their embeddings
        pending = catalog.pending_clips(store.space.key, retry_failed=options.retry)
        due = [clip for clip in pending if clip.clip_id not in removed]
        passed_over = _passed_over(catalog, store.space.key, removed | {clip.clip_id for clip in due})
        pending = due[: options.limit]
        with EmbeddingRun(catalog, store, encoder, options=options, total=len(pending)) as run:
            for clip, waveform in _decoded(pool, pending, encoder.space.sample_rate_hz):
                run.take(clip, waveform)
            run.finish()
    left_alone = tuple(map(_described, passed_over))
    return EmbedReport(
        space=store.space.key,
        embedded=run.sealed,
        known=known,
        failed=tuple(run.failed),
        failed_before=dict(Counter(reason for _, reason, _ in left_alone)),
        left_alone=left_alone,
        waiting=sum(failure.skip_runs > 0 for failure in passed_over),
        quarantined=sum(is_quarantined(failure.losses) for failure in passed_over),
        left=len(due) - len(pending),
        seconds=time.monotonic() - started,
        audio_s=run.audio_s,
    )


def _passed_over(catalog: Catalog, space: str, others: Set[str]) -> list[Failure]:
    """The clips that failed before, without ``others``: those that are tried now, and those that were removed.

    Counts this run in their retry schedule.
    """
    passed_over = [failure for failure in catalog.failures(space) if failure.clip_id not in others]
    catalog.count_skipped_clips(space)
    return passed_over


def _described(failure: Failure) -> tuple[str, str, str]:
    return failure.source_path, failure.reason, failure.detail


def _decoded(
    pool: DecoderPool, clips: Sequence[PendingClip], sample_rate_hz: int
) -> Iterator[tuple[PendingClip, Waveform | BadInput]]:
    """Decode ahead of the encoder, in order. A file whose content has changed since the scan gives an error."""
    jobs = (
        DecodeJob(
            path=Path(clip.source_path),
            excerpt=Excerpt(start_ms=clip.start_ms, length_ms=clip.length_ms),
            sample_rate_hz=sample_rate_hz,
            content_sha256=clip.content_sha256,
            audio_id=clip.audio_id,
        )
        for clip in clips
    )
    for clip, outcome in zip(clips, pool.run(jobs), strict=True):
        result = outcome.value if outcome.error is None else outcome.error
        if result is None:
            raise TypeError("a DecodeJob was answered with neither a waveform nor an error")
        yield clip, result
