"""Named points where a test can inject a crash or a disk error, set by an environment variable."""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from dataclasses import dataclass
from functools import cache

from recommender.errors import InvalidArgument

VARIABLE = "SOUNDKIN_FAILPOINT"
"""Environment variable ``NAME[@N][:kill|enospc|eio]``: the N-th time (default: first) that the process reaches NAME,
it is killed, or gets the error of a full or broken disk."""

WRITING = (
    "file.opened",
    "file.written",
    "file.synced",
    "file.renamed",
    "file.folder_synced",
    "folder.made",
    "folder.synced",
)
"""Failpoints of :mod:`indexer.files.atomic`, reached by every durable write."""

PUBLISHING = (
    "publish.locked",
    "publish.read_back",
    "publish.judged",
    "publish.renamed",
    "publish.versions_synced",
    "publish.frozen",
    "publish.pointed",
    "publish.recorded",
)
"""Failpoints of a publish, in order; CURRENT is written between ``frozen`` and ``pointed``."""

SETTING_ASIDE = ("quarantine.renamed", "quarantine.explained")
COLLECTING = ("collect.renamed", "collect.synced", "collect.removed")

NAMES = (*WRITING, *PUBLISHING, *SETTING_ASIDE, *COLLECTING)
"""All failpoints."""

_NUMBERS = {"enospc": errno.ENOSPC, "eio": errno.EIO}
FAULTS = ("kill", *_NUMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault to inject."""

    name: str
    time: int
    """Number of the visit that fails, from 1."""
    kind: str
    """``kill``, ``enospc`` or ``eio``."""


_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """Inject the fault that is set for failpoint ``name``; otherwise do nothing.

    Raises:
        OSError: the fault is ``enospc`` or ``eio``.
        InvalidArgument: the environment variable cannot be parsed.
    """
    fault = injected()
    if fault is None or fault.name != name:
        return
    _reached[name] += 1
    if _reached[name] == fault.time:
        _inject(fault)


@cache
def injected() -> Fault | None:
    """The fault in the environment, read once; None when there is none. Raises InvalidArgument."""
    text = os.environ.get(VARIABLE, "")
    return parse(text) if text else None


def parse(text: str) -> Fault:
    """Parse a fault. Raises InvalidArgument for an unknown failpoint or kind.

    >>> parse("publish.renamed"), parse("file.synced@2:eio").time
    (Fault(name='publish.renamed', time=1, kind='kill'), 2)
    """
    visit, _, kind = text.partition(":")
    name, _, time = visit.partition("@")
    if name not in NAMES or (kind or "kill") not in FAULTS or not (time or "1").isdigit():
        raise InvalidArgument(VARIABLE, f"{text!r} is not NAME[@N][:FAULT] with NAME of {NAMES} and FAULT of {FAULTS}")
    return Fault(name=name, time=int(time or 1), kind=kind or "kill")


def _inject(fault: Fault) -> None:
    if fault.kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    number = _NUMBERS[fault.kind]
    raise OSError(number, os.strerror(number), f"failpoint {fault.name}")
