"""A process is judged by its CPU time and its progress, not by the clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from indexer.processes import work_limit
from indexer.processes.work_limit import WorkLimit, process_use

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what another process uses")
BUSY = "while True: pass"
IDLE = "import time\nwhile True: time.sleep(0.1)"
READS = """
import time
while True:
    open("/dev/zero", "rb", buffering=0).read(10)
    time.sleep(0.05)
"""


@contextmanager
def program(code: str) -> Iterator[int]:
    """Run ``code`` in a process of its own, and give its number."""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            time.sleep(0.5)  # the interpreter has started
            yield process.pid
        finally:
            process.kill()


def breach_within(limit: WorkLimit, seconds: float) -> str | None:
    """The first breach by then."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        breach = limit.breach()
        if breach is not None:
            return breach
        time.sleep(0.02)
    return None


def test_too_much_cpu_time_is_a_breach() -> None:
    with program(BUSY) as pid:
        assert "0.3 s of CPU time" in (breach_within(WorkLimit(pid, cpu_s=0.3, idle_s=60), 60) or "")


def test_doing_nothing_is_a_breach_though_no_cpu_time_is_used() -> None:
    with program(IDLE) as pid:
        assert "nothing done in 0.5 s" in (breach_within(WorkLimit(pid, cpu_s=60, idle_s=0.5), 60) or "")


@pytest.mark.parametrize("code", [BUSY, READS])
def test_work_and_reading_are_progress(code: str) -> None:
    with program(code) as pid:
        assert breach_within(WorkLimit(pid, cpu_s=60, idle_s=1.0), 2.5) is None


def test_a_process_that_gets_no_processor_is_not_late_by_the_clock() -> None:
    """As on a busy machine: a slow process is stopped and continued, and gets a tenth of the time."""
    with program(BUSY) as pid:
        limit = WorkLimit(pid, cpu_s=5.0, idle_s=1.5)
        for _ in range(8):
            os.kill(pid, 19)
            time.sleep(0.3)
            os.kill(pid, 18)
            time.sleep(0.1)
            assert limit.breach() is None


def test_the_clock_counts_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_limit, "process_use", lambda pid: None)
    assert "within 0.5 s" in (breach_within(WorkLimit(1, cpu_s=0.1, idle_s=60), 60) or "")


def test_the_use_of_a_process_that_has_ended_is_unknown() -> None:
    with program("pass") as pid:
        own = process_use(os.getpid())
        assert own is not None
        assert own.cpu_s == pytest.approx(time.process_time(), abs=1.0)
    assert process_use(pid) is None


def test_what_a_process_used_before_does_not_count() -> None:
    use = process_use(os.getpid())
    assert use is not None
    assert use.cpu_s > 0.3, "the interpreter alone takes that long to start"
    assert WorkLimit(os.getpid(), cpu_s=0.25, idle_s=60).breach() is None
