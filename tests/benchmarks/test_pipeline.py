"""The pipeline benchmark fails when a kill cost more than what was not sealed yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.pipeline import Run, bars_of
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


RUN = Run(wall_s=2.0, parent_s=1.2, children_s=0.6, plain_s=0.1, resident_mb=(1.0, 1.0, 1.0))
"""1.7 ms a clip for 1,000 clips."""


def missed(report: KillReport, run: Run = RUN) -> list[str]:
    """Names of the bars that one run of 1,000 clips misses."""
    return [bar.name for bar in bars_of([run], report, 1_000) if not bar.passed]


def test_a_shard_of_clips_a_kill_is_the_price() -> None:
    assert missed(FINE) == []


@pytest.mark.parametrize("what", ["missing", "twice", "wrong", "unmarked", "sealed_again", "left_running"])
def test_anything_else_is_too_much(what: str) -> None:
    assert len(missed(replace(FINE, **{what: 1}))) == 1
    assert len(missed(replace(FINE, most_again=SEAL_EVERY_CLIPS + 1))) == 1


def test_a_pipeline_that_costs_two_milliseconds_a_clip_misses() -> None:
    assert missed(FINE, replace(RUN, parent_s=1.5)) == ["CPU ms of the pipeline per clip"]
