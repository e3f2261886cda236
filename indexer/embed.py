"""From clips to embeddings: decode in worker processes, encode in batches, seal, then tell the ledger."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.audio import Excerpt
from indexer.encoders.base import Encoder, InRows
from indexer.locks import exclusive
from indexer.reasons import PASSING
from indexer.store import EmbeddingStore
from indexer.workers.pool import DecodeJob, DecoderPool
from recommender.catalog import Catalog
from recommender.catalog.rows import Failure, PendingClip
from recommender.errors import BadInput
from recommender.types import ClipEmbeddings, Waveform

logger = logging.getLogger(__name__)

SEAL_EVERY_CLIPS = 256
"""Clips in a shard at most."""
SEAL_EVERY_S = 60.0
"""Age of unsealed work at most: what a kill can cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedReport:
    """What one run did."""

    space: str
    embedded: int
    """Clips that got an embedding in this run."""
    known: int
    """Clips that had one before."""
    failed: tuple[tuple[str, str, str], ...]
    """(path, reason, detail) of the clips that could not be embedded in this run."""
    failed_before: dict[str, int]
    """Reason -> clips, of those in ``left_alone``."""
    left_alone: tuple[tuple[str, str, str], ...]
    """(path, reason, detail) of the clips that failed in earlier runs and were not tried in this one."""
    seconds: float
    audio_s: float
    """Seconds of sound in the clips that got an embedding in this run."""

    @property
    def by_reason(self) -> dict[str, int]:
        """Reason -> clips, of this run's failures."""
        return dict(Counter(reason for _, reason, _ in self.failed))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """How a run goes about it."""

    batch: int = 8
    """Clips that go to the encoder at once, at least: an encoder that works in rows gets them filled."""
    retry: bool = False
    """Try the clips again that failed before."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """Called with (clips done with, clips to do)."""


def embed(
    catalog: Catalog, store: EmbeddingStore, encoder: Encoder, pool: DecoderPool, *, options: EmbedOptions
) -> EmbedReport:
    """Embed every clip of ``catalog`` that ``store`` lacks. Safe to stop at any moment and to run again.

    A clip that cannot be decoded or encoded goes to the ledger with its reason, and the run goes on. Failed clips are
    left alone until ``options.retry`` asks for them.

    Raises:
        Busy: another run is embedding into this space.
        SpaceMismatch: the encoder is not of the store's space.
    """
    with exclusive(store.lock_path):
        started = time.monotonic()
        known = reconcile(catalog, store)
        pending = catalog.pending_clips(store.space.key, retry_failed=options.retry)
        left_alone = () if options.retry else tuple(map(_described, catalog.failures(store.space.key)))
        run, batch = _Run(catalog, store, encoder), full_batch(encoder, options.batch)
        try:
            for done, (clip, heard) in enumerate(_decoded(pool, pending, encoder.space.sample_rate_hz), start=1):
                run.take(clip, heard, batch=batch)
                options.progress(done, len(pending))
            run.encode()
        finally:
            run.seal()
        return EmbedReport(
            space=store.space.key,
            embedded=run.embedded,
            known=known,
            failed=tuple(run.failed),
            failed_before=dict(Counter(reason for _, reason, _ in left_alone)),
            left_alone=left_alone,
            seconds=time.monotonic() - started,
            audio_s=run.audio_s,
        )


def reconcile(catalog: Catalog, store: EmbeddingStore) -> int:
    """Make the ledger say what the store holds, for SQL only remembers it; the number of clips the store holds.

    A run that died between sealing and the ledger left sealed clips unmarked; a shard that was moved away left marks
    without embeddings. Neither costs another extraction of anything that is sealed.
    """
    space = store.space.key
    marked = {clip.clip_id for clip in catalog.read_embedded_clips(space)}
    unmarked = {clip.clip_id for clip in catalog.pending_clips(space, retry_failed=True)}
    catalog.forget_extractions(space, sorted(marked - store.clip_ids))
    catalog.mark_done(space, sorted(unmarked & store.clip_ids))
    return len((marked | unmarked) & store.clip_ids)


def full_batch(encoder: Encoder, batch: int) -> int:
    """The least number of clips, ``batch`` or more, that fills every row of ``encoder``'s passes."""
    rows = encoder.rows if isinstance(encoder, InRows) else 1
    return -(-batch // rows) * rows


def _described(failure: Failure) -> tuple[str, str, str]:
    return failure.source_path, failure.reason, failure.detail


def _decoded(
    pool: DecoderPool, clips: Sequence[PendingClip], sample_rate_hz: int
) -> Iterator[tuple[PendingClip, Waveform | BadInput]]:
    """Decode ahead of the encoder, in order; only what still is the content the clip was made of."""
    jobs = (
        DecodeJob(
            path=Path(clip.source_path),
            excerpt=Excerpt(start_ms=clip.start_ms, length_ms=clip.length_ms),
            sample_rate_hz=sample_rate_hz,
            content_sha256=clip.content_sha256,
        )
        for clip in clips
    )
    for clip, outcome in zip(clips, pool.run(jobs), strict=True):
        heard = outcome.value if outcome.error is None else outcome.error
        if heard is None:
            raise TypeError("a DecodeJob was answered with neither a waveform nor a reason")
        yield clip, heard


class _Run:
    """Clips on their way: decoded and waiting for the encoder, encoded and waiting to be sealed."""

    def __init__(self, catalog: Catalog, store: EmbeddingStore, encoder: Encoder) -> None:
        self._catalog = catalog
        self._store = store
        self._encoder = encoder
        self._heard: list[tuple[PendingClip, Waveform]] = []
        self._encoded: list[tuple[str, ClipEmbeddings]] = []
        self._opened_at = time.monotonic()
        self.embedded = 0
        self.audio_s = 0.0
        self.failed: list[tuple[str, str, str]] = []

    def take(self, clip: PendingClip, heard: Waveform | BadInput, *, batch: int) -> None:
        """Accept one decoded clip, and encode and seal when enough have come together."""
        if isinstance(heard, BadInput):
            self._fail(clip, heard.reason, heard.detail)
        else:
            self._heard.append((clip, heard))
        if len(self._heard) >= batch:
            self.encode()
        if len(self._encoded) >= SEAL_EVERY_CLIPS or time.monotonic() - self._opened_at > SEAL_EVERY_S:
            self.seal()

    def encode(self) -> None:
        """Encode whatever waits for the encoder."""
        waiting, self._heard = self._heard, []
        for (clip, waveform), vectors in zip(waiting, self._vectors(waiting), strict=True):
            if vectors is None:
                continue
            lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
            if np.isfinite(lengths).all() and (lengths > 0).all():
                self._encoded.append((clip.clip_id, vectors))
                self.audio_s += len(waveform) / self._store.space.sample_rate_hz
            else:
                self._fail(clip, "bad_embedding", "the encoder gave a vector that is not finite or all zero")

    def _vectors(self, waiting: Sequence[tuple[PendingClip, Waveform]]) -> Sequence[ClipEmbeddings | None]:
        """Embeddings of a batch; when the batch fails, of its clips one by one, None for the one at fault."""
        if not waiting:
            return ()
        try:
            return list(self._encoder.encode([waveform for _, waveform in waiting]))
        except Exception as error:  # one clip must not cost the others: the file border of the indexer
            if len(waiting) > 1:
                return [self._vectors([one])[0] for one in waiting]
            self._blame(waiting[0][0], error)
            return (None,)

    def _blame(self, clip: PendingClip, error: Exception) -> None:
        """Put on record why the encoder refused ``clip``, in its own words where it has a reason."""
        if isinstance(error, BadInput):
            self._fail(clip, error.reason, error.detail)
            return
        logger.error("encoder failed on %s", clip.source_path, exc_info=error)
        self._fail(clip, "encoder_failed", f"{type(error).__name__}: {error}")

    def seal(self) -> None:
        """Make durable whatever is encoded, a shard at a time, and after each tell the ledger."""
        self._opened_at = time.monotonic()
        while self._encoded:
            some = self._encoded[:SEAL_EVERY_CLIPS]
            clip_ids = [clip_id for clip_id, _ in some]
            self._store.append(clip_ids, np.stack([vectors for _, vectors in some]))
            self._encoded = self._encoded[SEAL_EVERY_CLIPS:]
            self._catalog.mark_done(self._store.space.key, clip_ids)
            self.embedded += len(clip_ids)

    def _fail(self, clip: PendingClip, reason: str, detail: str) -> None:
        self.failed.append((clip.source_path, reason, detail))
        if reason not in PASSING:
            self._catalog.mark_failed(self._store.space.key, clip.clip_id, reason=reason, detail=detail)
