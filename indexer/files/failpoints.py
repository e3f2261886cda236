"""Named places where a fault can be ordered, so that tests stop a run there as a crash or a full disk would."""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from dataclasses import dataclass
from functools import cache

from recommender.errors import InvalidArgument

VARIABLE = "SOUNDKIN_FAILPOINT"
"""Environment variable ``NAME[@N][:kill|enospc|eio]``: the N-th time (the first) this process reaches NAME, it is
killed (without a word), or told that the disk is full or broken."""

WRITING = (
    "file.opened",
    "file.written",
    "file.synced",
    "file.renamed",
    "file.folder_synced",
    "folder.made",
    "folder.synced",
)
"""Reached wherever something is made durable: :mod:`indexer.files.atomic`."""

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
"""From the lock to the audit, in this order; CURRENT is written between ``frozen`` and ``pointed``."""

SETTING_ASIDE = ("quarantine.renamed", "quarantine.explained")
COLLECTING = ("collect.renamed", "collect.synced", "collect.removed")

NAMES = (*WRITING, *PUBLISHING, *SETTING_ASIDE, *COLLECTING)
"""Every name there is."""

_NUMBERS = {"enospc": errno.ENOSPC, "eio": errno.EIO}
FAULTS = ("kill", *_NUMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The fault that was ordered."""

    name: str
    time: int
    """Which time the place is reached, from 1."""
    fault: str


_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """Do nothing, unless a fault was ordered for this place: then suffer it.

    Raises:
        OSError: ``enospc`` or ``eio`` was ordered here.
        InvalidArgument: what was ordered cannot be understood.
    """
    order = ordered()
    if order is None or order.name != name:
        return
    _reached[name] += 1
    if _reached[name] == order.time:
        _suffer(order)


@cache
def ordered() -> Order | None:
    """What the environment ordered when it was first asked; None when nothing. Raises InvalidArgument."""
    text = os.environ.get(VARIABLE, "")
    return parse(text) if text else None


def parse(text: str) -> Order:
    """Read an order. Raises InvalidArgument when there is no such place or fault.

    >>> parse("publish.renamed"), parse("file.synced@2:eio").time
    (Order(name='publish.renamed', time=1, fault='kill'), 2)
    """
    place, _, fault = text.partition(":")
    name, _, time = place.partition("@")
    if name not in NAMES or (fault or "kill") not in FAULTS or not (time or "1").isdigit():
        raise InvalidArgument(VARIABLE, f"{text!r} is not NAME[@N][:FAULT] with NAME of {NAMES} and FAULT of {FAULTS}")
    return Order(name=name, time=int(time or 1), fault=fault or "kill")


def _suffer(order: Order) -> None:
    if order.fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    number = _NUMBERS[order.fault]
    raise OSError(number, os.strerror(number), f"failpoint {order.name}")
