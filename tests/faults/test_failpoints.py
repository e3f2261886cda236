"""SIGKILL, a full disk and a broken one at every failpoint of every writer: the old or the complete new, never less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.files import failpoints
from tests.faults.crashing import SCENARIOS, Case

ROOT = Path(__file__).resolve().parents[2]

REACHED = {
    "publish": {*failpoints.PUBLISHING, *failpoints.WRITING} - {"folder.made"},
    "refusal": {*failpoints.PUBLISHING[:3], *failpoints.WRITING, *failpoints.SETTING_ASIDE},
    "build": {*failpoints.WRITING},
    "seal": {*failpoints.WRITING} - {"folder.made"},
    "collect": {"folder.synced", *failpoints.COLLECTING},
    "rollback": {*failpoints.WRITING} - {"folder.made"},
}
"""Which places each writer passes."""


OFTEN = 1000
"""More often than any writer reaches any place."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that can be had: there is no power to lose here, and an fsync costs nothing."""
    memory = Path("/dev/shm")  # noqa: S108 - made with a name of its own
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="soundkin-faults-") as made:
        yield Path(made)


def swept(scenario: str, folder: Path, times: int) -> list[Case]:
    """Every case of ``scenario``, from a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.faults.crashing", str(folder), scenario, str(times)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return [Case(**json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("scenario", "times"),
    [
        ("publish", OFTEN),
        ("refusal", OFTEN),
        ("seal", OFTEN),
        ("collect", 2),
        ("rollback", OFTEN),
        ("build", 1),
        pytest.param("collect", OFTEN, marks=pytest.mark.faults),
        pytest.param("build", OFTEN, marks=pytest.mark.faults),
    ],
)
def test_wherever_a_writer_is_stopped_the_old_or_the_new_is_there_and_the_next_run_finishes(
    scenario: str, times: int, folder: Path
) -> None:
    cases = swept(scenario, folder, times)
    bad = [case for case in cases if case.left not in SCENARIOS[scenario].allowed or case.finished]
    print(f"{scenario}: {len(cases)} faults, {dict(Counter(case.ended for case in cases))}, {len(bad)} bad states")
    assert bad == []
    assert {case.order.partition("@")[0] for case in cases} == REACHED[scenario]
    assert {case.ended for case in cases} == {"killed", "errno 28", "errno 5"}


def test_every_failpoint_is_reached_by_some_writer() -> None:
    assert set().union(*REACHED.values()) == {*failpoints.NAMES}
