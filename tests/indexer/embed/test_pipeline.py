"""The encoder has a thread of its own: work goes on around it, in order, within bounds, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.pipeline_kills import enter_clips
from indexer.embed.pipeline import EmbeddingRun, EmbedOptions, full_batch
from indexer.embed.progress import EmbedProgress
from indexer.encoders.base import Encoder
from indexer.store.shard import open_shard
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import PendingClip
from recommender.errors import EncoderLost, InvalidArgument
from recommender.types import ClipEmbeddings, Space, Waveform
from tests.fakes import RATE_HZ, BandEncoder

PATIENCE_S = 20.0


@pytest.fixture
def clips(tmp_path: Path, catalog: Catalog) -> list[PendingClip]:
    """Twenty clips in the catalog."""
    enter_clips(catalog, 20)
    return catalog.pending_clips(BandEncoder.space.key)


def heard(clip: PendingClip) -> Waveform:
    """Noise of a second; another for another clip."""
    return np.random.default_rng(int(clip.clip_id[:8], 16)).standard_normal(RATE_HZ).astype(np.float32)


class Gated(BandEncoder):
    """Waits before each batch from the second on until it is let go; fails if nobody does so."""

    def __init__(self, free: int = 1) -> None:
        super().__init__()
        self._free = free
        self.go = threading.Event()
        self.batches = 0

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        self.batches += 1
        if self.batches > self._free and not self.go.wait(PATIENCE_S):
            raise RuntimeError("nobody let the encoder go on")
        return super().encode(clips)


def run_of(catalog: Catalog, home: Path, encoder: Encoder, options: EmbedOptions) -> EmbeddingRun:
    return EmbeddingRun(catalog, EmbeddingStore(home, encoder.space), encoder, options=options, total=20)


def sealed(home: Path) -> list[str]:
    """Every clip in the shards, in the order in which it was sealed."""
    store = EmbeddingStore(home, BandEncoder.space)
    shards = [open_shard(path, fingerprint=store.space.fingerprint) for path in sorted(store.folder.glob("*.shard"))]
    return [clip_id for shard in shards for clip_id in shard.clip_ids]


def until(condition: Callable[[], bool]) -> bool:
    """Whether ``condition`` came true in time."""
    latest = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < latest:
        time.sleep(0.005)
    return condition()


def test_clips_are_collected_while_the_encoder_works(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip]
) -> None:
    encoder = Gated(free=0)
    with run_of(catalog, tmp_path, encoder, EmbedOptions(batch=4)) as run:
        for clip in clips[:7]:
            run.take(clip, heard(clip))
        assert until(lambda: encoder.batches == 1)
        assert encoder.clips == 0
        encoder.go.set()
        run.finish()
    assert (run.sealed, run.failed) == (7, [])


def test_a_batch_is_sealed_while_the_encoder_works_on_the_next(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip]
) -> None:
    encoder = Gated(free=1)
    with run_of(catalog, tmp_path, encoder, EmbedOptions(batch=4, seal_every=4)) as run:
        for clip in clips[:8]:
            run.take(clip, heard(clip))
        assert sealed(tmp_path) == [clip.clip_id for clip in clips[:4]]
        assert encoder.clips == 4
        encoder.go.set()
        run.finish()
    assert run.sealed == 8


def test_two_batches_are_with_the_encoder_at_most(catalog: Catalog, tmp_path: Path, clips: list[PendingClip]) -> None:
    encoder, taken = Gated(free=0), []
    with run_of(catalog, tmp_path, encoder, EmbedOptions(batch=4)) as run:

        def feed() -> None:
            for clip in clips:
                run.take(clip, heard(clip))
                taken.append(clip)

        feeder = threading.Thread(target=feed)
        feeder.start()
        assert until(lambda: len(taken) == 7)
        time.sleep(0.2)
        assert len(taken) == 7, "the eighth fills the second batch, and waits for the first to be done"
        encoder.go.set()
        feeder.join(PATIENCE_S)
        run.finish()
    assert run.sealed == 20


def test_embeddings_are_sealed_in_the_order_of_the_clips(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip]
) -> None:
    class Uneven(BandEncoder):
        def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
            time.sleep(0.03 * (self.clips % 2))
            return super().encode(clips)

    with run_of(catalog, tmp_path, Uneven(), EmbedOptions(batch=3, seal_every=10)) as run:
        for clip in clips:
            run.take(clip, heard(clip))
        run.finish()
    assert sealed(tmp_path) == [clip.clip_id for clip in clips]
    store = EmbeddingStore(tmp_path, BandEncoder.space)
    expected = BandEncoder().encode([heard(clip) for clip in clips])
    np.testing.assert_array_equal(store.layer(1, [clip.clip_id for clip in clips]), expected[:, 1])


def test_what_the_encoder_is_at_is_kept_when_the_run_is_interrupted(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip]
) -> None:
    """Of twelve clips in three batches, one is committed, one is being encoded, one has not begun: eight are sealed."""
    encoder = Gated(free=1)
    run = run_of(catalog, tmp_path, encoder, EmbedOptions(batch=4))
    threading.Timer(0.3, encoder.go.set).start()
    with pytest.raises(KeyboardInterrupt), run:
        _interrupted_after(run, clips[:11], lambda: encoder.batches == 2)
    assert sealed(tmp_path) == [clip.clip_id for clip in clips[:8]]
    assert encoder.clips == 8
    assert {clip.clip_id for clip in catalog.pending_clips(BandEncoder.space.key)} == {c.clip_id for c in clips[8:]}


def _interrupted_after(run: EmbeddingRun, clips: Sequence[PendingClip], ready: Callable[[], bool]) -> None:
    for clip in clips:
        run.take(clip, heard(clip))
    assert until(ready)
    raise KeyboardInterrupt


def _to_the_end(run: EmbeddingRun, clips: Sequence[PendingClip]) -> None:
    for clip in clips:
        run.take(clip, heard(clip))
    run.finish()


class InterruptedInSealing(EmbeddingStore):
    """The first shard is there, and before anybody has noted so, Ctrl-C comes."""

    def append(self, clip_ids: Sequence[str], embeddings: ClipEmbeddings, *, space: Space) -> None:
        before = self.clip_ids
        super().append(clip_ids, embeddings, space=space)
        if not before:
            raise KeyboardInterrupt


def test_an_interrupt_right_after_a_shard_is_sealed_seals_nothing_twice(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip]
) -> None:
    encoder = BandEncoder()
    store = InterruptedInSealing(tmp_path, encoder.space)
    run = EmbeddingRun(catalog, store, encoder, options=EmbedOptions(batch=4, seal_every=4), total=20)
    with pytest.raises(KeyboardInterrupt), run:
        _to_the_end(run, clips)
    assert len(sealed(tmp_path)) == len(set(sealed(tmp_path))) == encoder.clips


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_encoder_that_is_interrupted_ends_the_run_and_loses_nothing_before_it(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip], error: type[BaseException]
) -> None:
    class Interrupted(BandEncoder):
        def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
            if self.clips:
                raise error
            return super().encode(clips)

    run = run_of(catalog, tmp_path, Interrupted(), EmbedOptions(batch=4))
    with pytest.raises(error), run:
        _to_the_end(run, clips)
    assert sealed(tmp_path) == [clip.clip_id for clip in clips[:4]]


def test_a_device_that_is_lost_ends_the_run_and_no_clip_is_blamed(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip]
) -> None:
    class ProcessLost(BandEncoder):
        def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
            if self.clips:
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            return super().encode(clips)

    run = run_of(catalog, tmp_path, ProcessLost(), EmbedOptions(batch=4))
    with pytest.raises(EncoderLost, match="illegal memory access"), run:
        _to_the_end(run, clips)
    assert sealed(tmp_path) == [clip.clip_id for clip in clips[:4]]
    assert run.failed == []
    assert {clip.clip_id for clip in catalog.pending_clips(BandEncoder.space.key)} == {c.clip_id for c in clips[4:]}


@pytest.mark.parametrize("seal_every", [8, 12, 20])
def test_encoded_clips_that_are_not_sealed_never_exceed_a_shard(
    catalog: Catalog, tmp_path: Path, clips: list[PendingClip], seal_every: int
) -> None:
    encoder, unsealed = BandEncoder(), []

    def look() -> None:
        unsealed.append(encoder.clips - run.sealed)

    options = EmbedOptions(batch=2, seal_every=seal_every, progress=lambda now: look())
    with run_of(catalog, tmp_path, encoder, options) as run:
        for clip in clips:
            run.take(clip, heard(clip))
            time.sleep(0.002)
            look()
        run.finish()
    assert max(unsealed) <= seal_every
    assert run.sealed == 20


def test_progress_counts_what_is_settled(catalog: Catalog, tmp_path: Path, clips: list[PendingClip]) -> None:
    seen: list[EmbedProgress] = []
    with run_of(catalog, tmp_path, BandEncoder(), EmbedOptions(batch=4, progress=seen.append)) as run:
        for clip in clips[:-1]:
            run.take(clip, heard(clip))
        run.take(clips[-1], np.zeros(0, np.float32))
        run.finish()
    last = seen[-1]
    assert [now.done for now in seen] == sorted(now.done for now in seen)
    assert (last.done, last.total, last.embedded, last.sealed) == (20, 20, 19, 19)
    assert last.failed == {"encoder_failed": 1}
    assert last.audio_s == 19.0


class Liking(BandEncoder):
    """Likes batches of five, and works in rows of three if it says so."""

    batch = 5


class Rowed(Liking):
    rows = 3


def test_the_encoder_says_how_many_clips_it_likes_unless_the_caller_does() -> None:
    assert [full_batch(encoder, None) for encoder in (BandEncoder(), Liking(), Rowed())] == [8, 5, 6]
    assert [full_batch(Rowed(), wanted) for wanted in (1, 3, 4)] == [3, 3, 6]
    assert full_batch(Liking(), 4) == 4


@pytest.mark.parametrize("name", ["batch", "limit", "seal_every"])
def test_a_number_of_clips_below_one_is_refused(name: str) -> None:
    numbers: dict[str, Any] = {name: 0}  # Any: an option by name
    with pytest.raises(InvalidArgument, match=name):
        EmbedOptions(**numbers)


@pytest.fixture(autouse=True)
def _no_encoder_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("soundkin-encoder")]
