"""The pipeline benchmark fails when a kill cost more than what was not sealed yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.pipeline import lost_nothing
from benchmarks.pipeline_kills import KillReport
from indexer.embed.pipeline import SEAL_EVERY_CLIPS

FINE = KillReport(
    kills=5,
    ledgers_lost=0,
    missing=0,
    twice=0,
    wrong=0,
    unmarked=0,
    sealed_again=0,
    encoded_again=900,
    most_again=SEAL_EVERY_CLIPS,
    left_running=0,
)


def test_a_shard_of_clips_a_kill_is_the_price() -> None:
    assert lost_nothing(FINE)


@pytest.mark.parametrize("what", ["missing", "twice", "wrong", "unmarked", "sealed_again", "left_running"])
def test_anything_else_is_too_much(what: str) -> None:
    assert not lost_nothing(replace(FINE, **{what: 1}))
    assert not lost_nothing(replace(FINE, most_again=SEAL_EVERY_CLIPS + 1))
