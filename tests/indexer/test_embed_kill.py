"""Killing `embed` at any moment: the next runs finish the work, and nothing is lost, doubled or mistaken."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pipeline_kills import kill_and_resume, make_catalogue, open_catalogue
from benchmarks.pipeline_stub import StubEncoder
from indexer.store import EmbeddingStore

CLIPS, KILLS, SEAL_EVERY, BATCH = 300, 3, 32, 8


def test_kills_at_random_moments_lose_nothing_and_cost_a_shard_each_at_most(tmp_path: Path) -> None:
    survived = kill_and_resume(tmp_path, CLIPS, kills=KILLS, seal_every=SEAL_EVERY, seed=3)
    assert (survived.missing, survived.twice, survived.wrong, survived.unmarked) == (0, 0, 0, 0)
    assert 0 <= survived.encoded_again <= KILLS * (SEAL_EVERY + BATCH)


def test_the_clips_that_are_killed_over_are_told_apart_by_their_embeddings(tmp_path: Path) -> None:
    make_catalogue(tmp_path, 3)
    with open_catalogue(tmp_path) as catalog:
        pending = catalog.pending_clips(StubEncoder.space.key)
    assert len({clip.source_path for clip in pending}) == 3
    assert EmbeddingStore(tmp_path, StubEncoder.space).clip_ids == frozenset()
