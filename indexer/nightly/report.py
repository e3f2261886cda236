"""The report of a nightly run: HOME/runs/ID.json, a record in SQL, and stdout with --json."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import Struct

from indexer.files.atomic import make_folder, remove_parts, write_file
from indexer.nightly.generation_changes import Changes
from recommender.strict_json import from_facts, to_facts

RUNS = "runs"
"""Folder in the home with one file for each run that ended, also with an error."""

KEPT_REPORTS = 400
"""Files in it: more than a year of nights."""


class Problem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One item that a step could not process."""

    step: str
    what: str
    """The file, or the row in a file."""
    reason: str
    detail: str

    @property
    def shown(self) -> tuple[str, str, str]:
        """(what, reason, detail), for a list on the terminal."""
        return self.what, self.reason, self.detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a run that was completed."""

    name: str
    seconds: float
    counts: Mapping[str, int]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyReport:
    """One run."""

    run: int
    started_at: str
    """RFC 3339, UTC."""
    ended_at: str
    seconds: float
    outcome: str
    """``published``, ``unchanged`` (the served generation has the same inputs), ``refused`` (by the gate), ``failed``,
    or ``interrupted`` from the keyboard."""
    version: int | None
    """The version that CURRENT names at the end; None when there is none."""
    steps: tuple[Step, ...]
    new_problems: tuple[Problem, ...]
    """Problems that the previous run did not have."""
    refusals: tuple[tuple[str, str], ...] = ()
    """(code, detail) of each refusal of the gate."""
    error: str | None = None
    """The error that ended a failed or interrupted run."""
    note: str | None = None
    """A remark on the outcome."""
    changes: Changes | None = None
    """None when nothing was published, or nothing had been before."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of all steps."""
        return tuple(problem for step in self.steps for problem in step.problems)

    @property
    def state(self) -> str:
        """``done`` or ``failed``, as SQL keeps it."""
        return "done" if self.outcome in ("published", "unchanged") else "failed"

    @property
    def all_well(self) -> bool:
        """No error and no new problem: exit status 0."""
        return self.state == "done" and not self.new_problems

    def to_json(self, *, with_problems: bool = True) -> str:
        """The report as JSON; without the lists of problems its size does not depend on their number."""
        steps = [_step(step) for step in self.steps]
        rest = to_facts(replace(self, steps=(), new_problems=()))
        counts = {
            "problems": len(self.problems),
            "new_problems": len(self.new_problems),
            "failures": _by_reason(self.problems),
        }
        lists = {
            "problem_list": [to_facts(problem) for problem in self.problems],
            "new_problem_list": [to_facts(problem) for problem in self.new_problems],
        }
        return json.dumps(rest | {"steps": steps} | counts | (lists if with_problems else {}), indent=1)


def _step(step: Step) -> dict[str, object]:
    return {
        "name": step.name,
        "seconds": round(step.seconds, 3),
        "counts": dict(step.counts),
        "failures": _by_reason(step.problems),
    }


def _by_reason(problems: Sequence[Problem]) -> dict[str, int]:
    return dict(sorted(Counter(problem.reason for problem in problems).items()))


def write_report(home: Path, report: NightlyReport) -> Path:
    """Write ``report`` to ``home/runs`` and remove the oldest; the path of its file. The caller has the lock.

    :data:`KEPT_REPORTS` are kept. The record in SQL keeps every run, without the lists of problems.
    """
    make_folder(home / RUNS)
    remove_parts(home / RUNS)
    path = home / RUNS / f"{report.run}.json"
    write_file(path, [report.to_json().encode()])
    for old in _newest_first(home)[KEPT_REPORTS:]:
        old.unlink(missing_ok=True)
    return path


class _OldStep(Struct, frozen=True, kw_only=True):
    """What is read again of a step in the report of an earlier run."""

    name: str


class _OldProblem(Struct, frozen=True, kw_only=True):
    """What is read again of a problem in the report of an earlier run."""

    step: str
    what: str
    reason: str


class _OldReport(Struct, frozen=True, kw_only=True):
    """What is read again of the report of an earlier run. Its other keys are for people, and may change."""

    steps: tuple[_OldStep, ...]
    problem_list: tuple[_OldProblem, ...]


def new_among(problems: Sequence[Problem], home: Path) -> tuple[Problem, ...]:
    """The problems that their step did not have when it was last completed; all of them where there is no such report.

    For each step this is the newest report with that step: a run that failed early has no record of later steps. The
    detail of a problem is not compared. A damaged music file is a problem every night for years, so only problems that
    are new are worth a message.
    """
    known = _last_problems(home, frozenset(problem.step for problem in problems))
    return tuple(problem for problem in problems if (problem.step, problem.what, problem.reason) not in known)


def _last_problems(home: Path, wanted: frozenset[str]) -> frozenset[tuple[str, str, str]]:
    """(step, what, reason) of the problems in the newest report of each of the steps ``wanted``."""
    known: set[tuple[str, str, str]] = set()
    for path in _newest_first(home):
        if not wanted:
            break
        steps, rows = _read(path)
        known |= {row for row in rows if row[0] in wanted}
        wanted -= steps
    return frozenset(known)


def _read(path: Path) -> tuple[frozenset[str], frozenset[tuple[str, str, str]]]:
    """The completed steps in the report ``path``, and their problems; empty where it is damaged."""
    try:
        report = from_facts(json.loads(path.read_bytes()), _OldReport)
    except (OSError, ValueError, RecursionError):
        return frozenset(), frozenset()
    rows = frozenset((problem.step, problem.what, problem.reason) for problem in report.problem_list)
    return frozenset(step.name for step in report.steps), rows


def _newest_first(home: Path) -> list[Path]:
    """Reports by time of writing, not by number: after the loss of a catalog, runs count from 1 again."""
    files = {path: int(path.stem) for path in (home / RUNS).glob("*.json") if re.fullmatch(r"\d+", path.stem)}
    return sorted(files, key=lambda path: (path.stat().st_mtime_ns, files[path]), reverse=True)
