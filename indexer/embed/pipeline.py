"""The pipeline of an embedding run: collects decoded clips, encodes them in a thread, and writes them in shards."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from indexer.audio.rejection_reasons import PASSING
from indexer.embed.progress import EmbedProgress, Progress
from indexer.encoders.base import Batching, Encoder, InRows
from indexer.encoders.encode_batch import Encoded, encode_each
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import PendingClip
from recommender.errors import BadInput, InvalidArgument
from recommender.types import ClipEmbeddings, Waveform

logger = logging.getLogger(__name__)

BATCH = 8
"""Clips encoded at once when neither the caller nor the encoder gives a number."""
SEAL_EVERY_CLIPS = 256
"""Maximum clips in a shard, and maximum encoded clips not yet written: the work that a kill can lose."""
SEAL_EVERY_S = 60.0
"""Maximum age of encoded clips not yet written, in seconds."""
MAX_BATCHES = 2
"""Batches at the encoder: one being encoded, and one ready, so that the encoder never waits."""

_Batch = list[tuple[PendingClip, Waveform]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """Options of an embedding run. Raises InvalidArgument for a number below 1."""

    batch: int | None = None
    """Minimum clips encoded at once; rounded up to fill the rows of an encoder that works in rows. None: the encoder's
    own number, else :data:`BATCH`."""
    limit: int | None = None
    """Maximum clips tried in this run; None: all."""
    retry: bool = False
    """Try clips again that failed in earlier runs."""
    seal_every: int = SEAL_EVERY_CLIPS
    """Maximum clips in a shard. With batches larger than a third of it, more clips than this may be unwritten."""
    progress: Progress = lambda now: None
    """Called after clips were embedded, failed or written, from the thread that called ``embed``."""

    def __post_init__(self) -> None:
        for name in ("batch", "limit", "seal_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidArgument(name, f"{value}; at least 1 is needed")


class EmbeddingRun:
    """A context manager that embeds clips; when the block ends, even by an error, the encoded clips are written.

    While the encoder works on a batch in its own thread, the caller's thread collects the next batch and writes the
    earlier ones, in the order of the clips. At most two batches and the clips of the next one are in memory.

    To commit a batch is to take its results from the encoder; to seal clips is to write them durably in a shard.
    """

    def __init__(
        self, catalog: Catalog, store: EmbeddingStore, encoder: Encoder, *, options: EmbedOptions, total: int
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._encoder = encoder
        self._options = options
        self._total = total
        self._batch = full_batch(encoder, options.batch)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="soundkin-encoder")
        self._decoded: _Batch = []
        self._encoding: deque[tuple[_Batch, Future[list[Encoded]]]] = deque()
        self._encoded: list[tuple[str, ClipEmbeddings]] = []
        self._reasons: Counter[str] = Counter()
        self._began_at = self._sealed_at = time.monotonic()
        self.sealed = 0
        self.audio_s = 0.0
        self.failed: list[tuple[str, str, str]] = []
        """(path, reason, detail)"""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self._stop()
            self._seal()
        finally:
            self._thread.shutdown(wait=True)

    def take(self, clip: PendingClip, decoded: Waveform | BadInput) -> None:
        """Accept one decoded clip, or its error; encode, commit and seal when there are enough."""
        if isinstance(decoded, BadInput):
            self._fail(clip, decoded)
        else:
            self._decoded.append((clip, decoded))
        if len(self._decoded) >= self._batch:
            self._submit()
        while self._encoding and (len(self._encoding) >= MAX_BATCHES or self._encoding[0][1].done()):
            self._commit()
        self._seal_in_time()

    def finish(self) -> None:
        """Encode and commit all clips that were taken."""
        self._submit()
        while self._encoding:
            self._commit()

    def _submit(self) -> None:
        batch, self._decoded = self._decoded, []
        clips = [waveform for _, waveform in batch]
        self._encoding.append((batch, self._thread.submit(encode_each, self._encoder, clips)))
        self._batch = full_batch(self._encoder, self._options.batch)

    def _commit(self) -> None:
        """Wait for the oldest batch, and take its embeddings and errors."""
        batch, encoding = self._encoding[0]
        encoded = encoding.result()
        self._encoding.popleft()
        self._accept(batch, encoded)
        self._seal_in_time()

    def _accept(self, batch: _Batch, encoded: list[Encoded]) -> None:
        for (clip, waveform), vectors in zip(batch, encoded, strict=True):
            if isinstance(vectors, BadInput):
                self._fail(clip, vectors)
            else:
                self._keep(clip, waveform, vectors)
        self._report_progress()

    def _keep(self, clip: PendingClip, waveform: Waveform, vectors: ClipEmbeddings) -> None:
        objection = self._store.storage_error(vectors)
        if objection is not None:
            self._fail(clip, objection)
            return
        self._encoded.append((clip.clip_id, vectors))
        self.audio_s += len(waveform) / self._store.space.sample_rate_hz

    def _seal_in_time(self) -> None:
        """Seal when the oldest clip is too old, or when the batches at the encoder could exceed ``seal_every``."""
        max_unsealed = self._options.seal_every - MAX_BATCHES * self._batch
        late = time.monotonic() - self._sealed_at > SEAL_EVERY_S
        if self._encoded and (late or len(self._encoded) >= max_unsealed):
            self._seal()

    def _stop(self) -> None:
        """Drop the batches that the encoder has not begun, wait for the one it works on, and seal.

        A second interrupt stops the waiting and seals what is encoded; a third one ends the process at once.
        """
        self._encoding = deque(one for one in self._encoding if not one[1].cancel())
        if any(encoding.running() for _, encoding in self._encoding):
            logger.warning("stopping: waiting for the batch that is being encoded; its clips are kept")
        try:
            while self._encoding:
                batch, encoding = self._encoding.popleft()
                if encoding.exception() is None:
                    self._accept(batch, encoding.result())
        finally:
            self._drop_sealed()
            self._seal()

    def _drop_sealed(self) -> None:
        """Drop clips that are in the store already: the interrupt may have come just after a shard was written."""
        self._store.refresh()
        stored = self._store.clip_ids
        self._encoded = [one for one in self._encoded if one[0] not in stored]

    def _seal(self) -> None:
        """Write all encoded clips, one shard at a time, and after each shard update the ledger.

        The shard comes first: a ledger that is behind the store is repaired by the next run, but a ledger entry
        without a shard would hide a clip that was lost.
        """
        self._sealed_at = time.monotonic()
        while self._encoded:
            some = self._encoded[: self._options.seal_every]
            clip_ids = [clip_id for clip_id, _ in some]
            embeddings = np.stack([vectors for _, vectors in some])
            self._store.append(clip_ids, embeddings, space=self._encoder.space)
            self._encoded = self._encoded[len(some) :]
            self._catalog.mark_done(self._store.space.key, clip_ids)
            self.sealed += len(clip_ids)
            self._report_progress()

    def _fail(self, clip: PendingClip, error: BadInput) -> None:
        if error.__cause__ is not None:
            logger.error("no embedding of %s: %s", clip.source_path, error.reason, exc_info=error.__cause__)
        self.failed.append((clip.source_path, error.reason, error.detail))
        self._reasons[error.reason] += 1
        if error.reason not in PASSING:
            self._catalog.mark_failed(self._store.space.key, clip.clip_id, reason=error.reason, detail=error.detail)
        self._report_progress()

    def _report_progress(self) -> None:
        embedded = self.sealed + len(self._encoded)
        self._options.progress(
            EmbedProgress(
                done=embedded + len(self.failed),
                total=self._total,
                embedded=embedded,
                sealed=self.sealed,
                audio_s=self.audio_s,
                seconds=time.monotonic() - self._began_at,
                failed=dict(self._reasons),
            )
        )


def full_batch(encoder: Encoder, batch: int | None) -> int:
    """The smallest number of clips, ``batch`` or more, that is a multiple of the rows of ``encoder``.

    When ``batch`` is None, the encoder's own batch size is used, else :data:`BATCH`.
    """
    minimum = batch or (encoder.batch if isinstance(encoder, Batching) else BATCH)
    rows = encoder.rows if isinstance(encoder, InRows) else 1
    return -(-minimum // rows) * rows
