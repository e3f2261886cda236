"""The limit on one piece of work of another process: its CPU time, and time by the clock in which it does nothing.

Time by the clock alone would kill good work on a machine that is busy: a file that takes 24 s of CPU time took 60 s
beside twenty other programs.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

_STEP_S = 0.05
"""CPU time that counts as progress. A process that sleeps and wakes once a second uses less in a minute."""
_CLOCK_ALLOWANCE = 5.0
"""Seconds by the clock for one of CPU time, where the system does not tell the CPU time of a process."""
_STAT_CPU_FIELDS = slice(11, 13)
"""User and system time in ticks, counted from the field behind the name (proc_pid_stat(5), fields 14 and 15)."""
_READ_FIELD = "rchar:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUse:
    """What a process has used since it started."""

    cpu_s: float
    read_bytes: int


class WorkLimit:
    """Watches process ``pid`` from now on.

    Args:
        pid: of the process that does the work.
        cpu_s: CPU time that it may use.
        idle_s: time by the clock in which it must use CPU time or read something.
    """

    def __init__(self, pid: int, *, cpu_s: float, idle_s: float) -> None:
        self._pid, self._cpu_s, self.idle_s = pid, cpu_s, idle_s
        self._started_s = self._progress_s = time.monotonic()
        self._first = self._latest = process_use(pid)

    def breach(self) -> str | None:
        """What the process did too much or too little of; None while it is within its limits."""
        now_s, use = time.monotonic(), process_use(self._pid)
        if use is None or self._first is None or self._latest is None:
            limit_s = self._cpu_s * _CLOCK_ALLOWANCE
            return f"no answer within {limit_s:g} s" if now_s - self._started_s > limit_s else None
        if use.cpu_s - self._first.cpu_s > self._cpu_s:
            return f"no answer within {self._cpu_s:g} s of CPU time"
        if use.cpu_s - self._latest.cpu_s >= _STEP_S or use.read_bytes != self._latest.read_bytes:
            self._latest, self._progress_s = use, now_s
        idle_s = now_s - self._progress_s
        return f"no answer, and nothing done in {self.idle_s:g} s" if idle_s > self.idle_s else None


def process_use(pid: int) -> ProcessUse | None:
    """What process ``pid`` has used; None where the system does not say (it is not Linux, or the process has ended)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[_STAT_CPU_FIELDS])
        return ProcessUse(cpu_s=ticks / os.sysconf("SC_CLK_TCK"), read_bytes=_read_bytes(pid))
    except (OSError, ValueError):
        return None


def _read_bytes(pid: int) -> int:
    """Bytes that the process has read; 0 where the system keeps that to itself."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(_READ_FIELD)), 0)
