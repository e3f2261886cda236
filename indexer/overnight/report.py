"""What a nightly run says of itself: in HOME/runs/ID.json, in SQL, and on stdout when asked."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from indexer.durable import make_folder, remove_parts, write_file
from indexer.overnight.changes import Changes

RUNS = "runs"
"""Folder in the home with a file for each run that came to an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that a step had to leave out."""

    step: str
    what: str
    """The file, or the row of a file."""
    reason: str
    detail: str

    @property
    def shown(self) -> tuple[str, str, str]:
        """(what, reason, detail), to be listed."""
        return self.what, self.reason, self.detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a run that came to its end."""

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
    """``published``, ``unchanged`` (what serves is made of the same), ``refused`` (by the gate) or ``failed``."""
    version: int | None
    """What CURRENT points to now; None when to nothing."""
    steps: tuple[Step, ...]
    new_problems: tuple[Problem, ...]
    """Those that the run before did not have."""
    refusals: tuple[tuple[str, str], ...] = ()
    """(code, detail) of what the gate held against the new generation."""
    error: str | None = None
    """What ended a run that failed."""
    note: str | None = None
    """What else there is to know of the outcome."""
    changes: Changes | None = None
    """None when nothing was published, or nothing before it."""

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
        """Nothing went wrong that was not wrong before: exit status 0."""
        return self.state == "done" and not self.new_problems

    def to_json(self, *, with_problems: bool = True) -> str:
        """All of it; without the list of problems it stays small, whatever the folders hold."""
        steps = [_step(step) for step in self.steps]
        rest = asdict(replace(self, steps=(), new_problems=()))
        counts = {
            "problems": len(self.problems),
            "new_problems": len(self.new_problems),
            "failures": _by_reason(self.problems),
        }
        lists = {
            "problem_list": [asdict(problem) for problem in self.problems],
            "new_problem_list": [asdict(problem) for problem in self.new_problems],
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
    """Keep ``report`` in ``home/runs``; the file. The caller holds the lock of the night."""
    make_folder(home / RUNS)
    remove_parts(home / RUNS)
    path = home / RUNS / f"{report.run}.json"
    write_file(path, [report.to_json().encode()])
    return path


def new_among(problems: Sequence[Problem], home: Path) -> tuple[Problem, ...]:
    """Those that the last run on file did not have; all of them when none is on file. What is said of one is ignored.

    Files that cannot be used stay where they are for years: only what was not known yesterday is worth a message.
    """
    known = _last_problems(home)
    return tuple(problem for problem in problems if (problem.step, problem.what, problem.reason) not in known)


def _last_problems(home: Path) -> frozenset[tuple[str, str, str]]:
    files = {int(path.stem): path for path in (home / RUNS).glob("*.json") if re.fullmatch(r"\d+", path.stem)}
    if not files:
        return frozenset()
    try:
        rows = json.loads(files[max(files)].read_bytes())["problem_list"]
        return frozenset((row["step"], row["what"], row["reason"]) for row in rows)
    except (ValueError, KeyError, TypeError):
        return frozenset()
