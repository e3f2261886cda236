"""Clips on their way: decoded, with the encoder in a thread of its own, encoded and waiting to be sealed, sealed."""

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
"""Clips that go to the encoder at once where neither the caller nor the encoder says otherwise."""
SEAL_EVERY_CLIPS = 256
"""Clips in a shard at most, and encoded but not sealed at any moment: what a kill can cost."""
SEAL_EVERY_S = 60.0
"""Age of encoded but unsealed work at most."""
AT_ONCE = 2
"""Batches with the encoder: one it works on, and one that is there when it is done."""

_Batch = list[tuple[PendingClip, Waveform]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """How a run goes about it. Raises InvalidArgument for a number below 1."""

    batch: int | None = None
    """Clips that go to the encoder at once, at least: an encoder that works in rows gets them filled. None: as the
    encoder likes it, else :data:`BATCH`."""
    limit: int | None = None
    """Clips that are tried in this run at most."""
    retry: bool = False
    """Try the clips again that failed before."""
    seal_every: int = SEAL_EVERY_CLIPS
    """Clips in a shard at most. Batches of more than a third of it may leave more than that unsealed."""
    progress: Progress = lambda now: None
    """Called whenever some clips are settled or sealed, from the thread that called ``embed``."""

    def __post_init__(self) -> None:
        for name in ("batch", "limit", "seal_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidArgument(name, f"{value}; at least 1 is needed")


class EmbeddingRun:
    """A context manager: whatever ends the block, what is encoded by then is sealed.

    While the encoder works on a batch in its thread, the caller's collects the next, and commits and seals those
    before, in the order of the clips. In memory are at most two batches and the next one's decoded clips.
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
        self._heard: _Batch = []
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

    def take(self, clip: PendingClip, heard: Waveform | BadInput) -> None:
        """Accept one decoded clip; encode, commit and seal when enough have come together."""
        if isinstance(heard, BadInput):
            self._fail(clip, heard)
        else:
            self._heard.append((clip, heard))
        if len(self._heard) >= self._batch:
            self._submit()
        while self._encoding and (len(self._encoding) >= AT_ONCE or self._encoding[0][1].done()):
            self._commit()
        self._seal_in_time()

    def finish(self) -> None:
        """Encode and commit everything that was taken."""
        self._submit()
        while self._encoding:
            self._commit()

    def _submit(self) -> None:
        batch, self._heard = self._heard, []
        clips = [waveform for _, waveform in batch]
        self._encoding.append((batch, self._thread.submit(encode_each, self._encoder, clips)))
        self._batch = full_batch(self._encoder, self._options.batch)

    def _commit(self) -> None:
        """Wait for the eldest batch, and take over what became of it."""
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
        self._tell()

    def _keep(self, clip: PendingClip, waveform: Waveform, vectors: ClipEmbeddings) -> None:
        objection = self._store.storage_error(vectors)
        if objection is not None:
            self._fail(clip, objection)
            return
        self._encoded.append((clip.clip_id, vectors))
        self.audio_s += len(waveform) / self._store.space.sample_rate_hz

    def _seal_in_time(self) -> None:
        """Seal early enough that those with the encoder come on top of what the bound allows at no moment."""
        most = self._options.seal_every - AT_ONCE * self._batch
        late = time.monotonic() - self._sealed_at > SEAL_EVERY_S
        if self._encoded and (late or len(self._encoded) >= most):
            self._seal()

    def _stop(self) -> None:
        """Drop what the encoder has not begun, and keep what it is at.

        Who interrupts again seals what is there by then; a third interrupt ends the process under its encoder.
        """
        self._encoding = deque(one for one in self._encoding if not one[1].cancel())
        if any(encoding.running() for _, encoding in self._encoding):
            logger.warning("stopping; the batch that is being encoded is waited for and kept")
        try:
            while self._encoding:
                batch, encoding = self._encoding.popleft()
                if encoding.exception() is None:
                    self._accept(batch, encoding.result())
        finally:
            self._drop_sealed()
            self._seal()

    def _drop_sealed(self) -> None:
        """Forget what the store holds: the end may have come between the sealing of a shard and our noting so."""
        self._store.refresh()
        held = self._store.clip_ids
        self._encoded = [one for one in self._encoded if one[0] not in held]

    def _seal(self) -> None:
        """Make durable whatever is encoded, a shard at a time, and after each tell the ledger."""
        self._sealed_at = time.monotonic()
        while self._encoded:
            some = self._encoded[: self._options.seal_every]
            clip_ids = [clip_id for clip_id, _ in some]
            embeddings = np.stack([vectors for _, vectors in some])
            self._store.append(clip_ids, embeddings, space=self._encoder.space)
            self._encoded = self._encoded[len(some) :]
            self._catalog.mark_done(self._store.space.key, clip_ids)
            self.sealed += len(clip_ids)
            self._tell()

    def _fail(self, clip: PendingClip, why: BadInput) -> None:
        if why.__cause__ is not None:
            logger.error("no embedding of %s: %s", clip.source_path, why.reason, exc_info=why.__cause__)
        self.failed.append((clip.source_path, why.reason, why.detail))
        self._reasons[why.reason] += 1
        if why.reason not in PASSING:
            self._catalog.mark_failed(self._store.space.key, clip.clip_id, reason=why.reason, detail=why.detail)
        self._tell()

    def _tell(self) -> None:
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
    """The least number of clips, ``batch`` or more, that fills every row of ``encoder``'s passes.

    Where ``batch`` is None, what the encoder likes takes its place.
    """
    wanted = batch or (encoder.batch if isinstance(encoder, Batching) else BATCH)
    rows = encoder.rows if isinstance(encoder, InRows) else 1
    return -(-wanted // rows) * rows
