"""Killing `embed` at any moment: the next runs finish the work, and nothing is lost, doubled or mistaken."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pipeline_kills import id_of, kill_and_resume, make_catalog, open_catalog
from benchmarks.pipeline_stub import StubEncoder, made_clip, name_of, path_of

SEAL_EVERY = 32
"""A smaller shard than the product's 256, so that kills fall between seals and into them, and the bound is tighter."""


def _torment(home: Path, clips: int, *, kills: int, ledgers_lost: int) -> None:
    survived = kill_and_resume(home, clips, kills=kills, seal_every=SEAL_EVERY, seed=3)
    print(f"{clips} clips: {survived}")
    assert (survived.kills, survived.ledgers_lost) == (kills, ledgers_lost)
    assert (survived.missing, survived.twice, survived.wrong, survived.unmarked) == (0, 0, 0, 0)
    assert (survived.sealed_again, survived.left_running) == (0, 0)
    assert 0 < survived.encoded_again <= kills * SEAL_EVERY
    assert survived.most_again <= SEAL_EVERY
    assert list(home.rglob("*.part")) == []


def test_kills_at_random_moments_lose_nothing_and_cost_a_shard_each_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.pipeline_kills.LEDGER_LOST_EVERY", 2)
    _torment(tmp_path, 300, kills=5, ledgers_lost=2)


@pytest.mark.faults
def test_fifty_kills_and_five_lost_ledgers_lose_nothing(tmp_path: Path) -> None:
    _torment(tmp_path, 2_000, kills=50, ledgers_lost=5)


def test_the_clips_that_are_killed_over_are_told_apart_by_name_and_embedding(tmp_path: Path) -> None:
    make_catalog(tmp_path, 3)
    with open_catalog(tmp_path) as catalog:
        pending = catalog.pending_clips(StubEncoder.space.key)
    assert {clip.clip_id for clip in pending} == {id_of(number) for number in range(3)}
    clips = [made_clip(path_of(number)) for number in range(2_000)]
    assert len(set(map(name_of, clips))) == 2_000
    embeddings = StubEncoder().encode(clips[:3])
    assert (embeddings[0] != embeddings[1]).all(axis=1).all()
