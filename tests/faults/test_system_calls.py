"""Every fsync, rename, write and mkdir that strace sees a writer make: killed there, or told that the disk failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.faults.crashing import SCENARIOS
from tests.faults.writing import BEGIN

ROOT = Path(__file__).resolve().parents[2]
CALLS = ("fsync", "fdatasync", "rename", "write", "pwrite64", "mkdir")
"""The last but one, and fdatasync, are how SQLite writes; Python and FAISS use the others."""
NAMING = ("fsync", "rename", "mkdir")
"""Those on which the order of a build rests. Its writes go to files that have no name yet; there are hundreds."""
FAULTS = ("signal=SIGKILL", "error=ENOSPC", "error=EIO")


@pytest.fixture(scope="module")
def strace() -> str:
    """The program, where it is installed and allowed to trace."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    if subprocess.run([found, "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    return found


def program(home: Path, what: str) -> list[str]:
    return [sys.executable, "-m", "tests.faults.writing", str(home), what]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def points(strace: str, template: Path, home: Path, what: str) -> dict[str, range]:
    """Call -> which of its occurrences belong to the writer, from 1, as strace counts them."""
    shutil.copytree(template, home)
    trace = home.with_name("trace")
    done = run([strace, "-f", "-qq", "-o", str(trace), "-e", f"trace={','.join(CALLS)}", *program(home, what)])
    shutil.rmtree(home)
    assert done.returncode == 0, done.stderr
    lines = trace.read_text(errors="replace").splitlines()
    begin = next(number for number, line in enumerate(lines) if BEGIN in line)
    names = [match[1] for line in lines if (match := re.match(r"\d+ +(\w+)\(", line))]
    assert len(names) == len(lines)
    return {call: range(1 + names[: begin + 1].count(call), 1 + names.count(call)) for call in CALLS}


def broken(strace: str, template: Path, what: str, calls: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(where, how the run ended, what a reader finds and what the next run made of it) of each fault at each call."""
    home = template.with_name("home")
    found_at = points(strace, template, home, what)
    for call in calls:
        for occurrence in found_at[call]:
            for fault in FAULTS:
                shutil.copytree(template, home)
                inject = f"inject={call}:{fault}:when={occurrence}"
                ended = run(
                    [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", inject, *program(home, what)]
                )
                found = run(program(home, f"finish-{what}"))
                yield f"{call} {occurrence} {fault}", str(ended.returncode), found.stdout.strip() or found.stderr[-300:]
                shutil.rmtree(home)


@pytest.mark.faults
@pytest.mark.parametrize(("what", "calls"), [("publish", CALLS), ("seal", CALLS), ("build", NAMING)])
def test_no_system_call_of_a_writer_can_fail_to_any_harm(
    what: str, calls: Sequence[str], strace: str, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    SCENARIOS[what].prepare(template)
    allowed = {f"{version} |" for version in SCENARIOS[what].allowed}
    cases = list(broken(strace, template, what, calls))
    bad = [case for case in cases if case[2] not in allowed]
    print(
        f"{what}: {len(cases)} faults at system calls, ended {dict(Counter(case[1] for case in cases))}, {len(bad)} bad"
    )
    assert bad == []
    assert len(cases) >= 9


def test_a_writer_makes_the_system_calls_that_the_long_run_breaks(strace: str, tmp_path: Path) -> None:
    template = tmp_path / "template"
    SCENARIOS["seal"].prepare(template)
    found = points(strace, template, tmp_path / "home", "seal")
    assert {call: len(found[call]) for call in ("fsync", "rename")} == {"fsync": 2, "rename": 1}
    assert len(found["write"]) >= 1
