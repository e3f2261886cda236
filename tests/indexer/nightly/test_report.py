"""The summary of a night: what is news in it, and what it leaves out where it has to stay small."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from indexer.nightly.report import KEPT_REPORTS, NightlyReport, Problem, Step, new_among, write_report

SILENT = Problem(step="embed", what="/a.wav", reason="silent", detail="nothing above -60 dBFS")
LOST = Problem(step="scan", what="/b.wav", reason="decoder_crashed", detail="SIGSEGV")
EMBED = Step(name="embed", seconds=1.23456, counts={"embedded": 2}, problems=(SILENT,))
REPORT = NightlyReport(
    run=9,
    started_at="2026-11-21T02:30:00+00:00",
    ended_at="2026-11-21T02:31:00+00:00",
    seconds=60.0,
    outcome="published",
    version=4,
    steps=(EMBED,),
    new_problems=(),
)


def test_a_problem_is_news_until_a_run_on_file_has_had_it(tmp_path: Path) -> None:
    assert new_among([SILENT, LOST], tmp_path) == (SILENT, LOST)
    write_report(tmp_path, REPORT)
    assert new_among([SILENT, LOST], tmp_path) == (LOST,)
    assert new_among([structs.replace(SILENT, detail="said otherwise")], tmp_path) == ()
    too_short = structs.replace(SILENT, reason="too_short")
    assert new_among([too_short], tmp_path) == (too_short,)


def test_what_counts_is_the_last_run_in_which_the_step_came_to_its_end(tmp_path: Path) -> None:
    scanned = Step(name="scan", seconds=1.0, counts={})
    write_report(tmp_path, replace(REPORT, run=9))
    write_report(tmp_path, replace(REPORT, run=10, outcome="interrupted", steps=(scanned,)))
    (tmp_path / "runs" / "notes.json").write_text("[]")
    assert new_among([SILENT, LOST], tmp_path) == (LOST,)
    write_report(tmp_path, replace(REPORT, run=11, steps=(replace(EMBED, problems=()),)))
    assert new_among([SILENT], tmp_path) == (SILENT,)


def test_the_last_run_is_the_one_written_last_whatever_its_number(tmp_path: Path) -> None:
    """A catalog that was lost counts from 1 again."""
    os.utime(write_report(tmp_path, replace(REPORT, run=400)), (1, 1))
    write_report(tmp_path, replace(REPORT, run=1, steps=(replace(EMBED, problems=()),)))
    assert new_among([SILENT], tmp_path) == (SILENT,)


def test_files_of_runs_are_kept_for_a_year_of_nights_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for run in range(1, KEPT_REPORTS + 3):
        old = tmp_path / "runs" / f"{run}.json"
        old.write_text("{}")
        os.utime(old, (run, run))
    (tmp_path / "runs" / "notes.json").write_text("mine")
    write_report(tmp_path, replace(REPORT, run=7))
    left = {path.stem for path in (tmp_path / "runs").iterdir()}
    expected = {"7", "notes", *(str(run) for run in range(3, KEPT_REPORTS + 3))}
    assert left == expected
    assert len(left) == KEPT_REPORTS + 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"problem_list": [{"step": "scan"}]}', "\x00"])
def test_a_damaged_file_makes_everything_news(tmp_path: Path, text: str) -> None:
    write_report(tmp_path, REPORT).write_text(text)
    assert new_among([SILENT], tmp_path) == (SILENT,)


def test_the_summary_counts_failures_by_reason_and_can_leave_out_their_list() -> None:
    whole, small = json.loads(REPORT.to_json()), json.loads(REPORT.to_json(with_problems=False))
    assert whole["failures"] == whole["steps"][0]["failures"] == {"silent": 1}
    assert (whole["steps"][0]["seconds"], whole["problems"], whole["new_problems"]) == (1.235, 1, 0)
    assert whole["problem_list"] == [
        {"step": "embed", "what": "/a.wav", "reason": "silent", "detail": "nothing above -60 dBFS"}
    ]
    assert {key: value for key, value in whole.items() if not key.endswith("_list")} == small


@pytest.mark.parametrize(
    ("outcome", "state"), [("published", "done"), ("unchanged", "done"), ("refused", "failed"), ("failed", "failed")]
)
def test_what_was_published_or_need_not_be_is_done(outcome: str, state: str) -> None:
    report = replace(REPORT, outcome=outcome)
    assert (report.state, report.all_well) == (state, state == "done")
    assert not replace(report, new_problems=(LOST,)).all_well
