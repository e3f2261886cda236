"""Remembers which generations could not be loaded and why, and when each may be tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from recommender.generation.open_generation import Pointer
from server.metrics import Reason

RETRY_S = 30.0
"""Seconds until a rejected generation is tried again. The wait doubles with each further rejection."""

MAX_RETRY_S = 3600.0
"""Longest wait in seconds: the disk or network that has its files may have been repaired."""

MAX_REMEMBERED = 64
"""Rejected generations that are remembered; the oldest is dropped first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A generation that cannot be served."""

    key: str
    """:func:`key_of` its pointer or, when the pointer itself is unreadable, the problem."""
    reason: Reason
    why: str
    """For the operator: the file, the problem, and what to do next."""


def key_of(pointer: Pointer) -> str:
    """Key of the generation that ``pointer`` names: its version and the checksum of its manifest."""
    return f"{pointer.version} {pointer.manifest_sha256}"


class RejectedGenerations:
    """The rejected generations of this process, by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waits: dict[str, tuple[float, float]] = {}
        """Key -> clock time of the next try, and seconds from the last rejection to it."""

    def due(self, key: str) -> bool:
        """Whether ``key`` may be tried now: it was never rejected, or its wait is over."""
        return key not in self._waits or self._clock() >= self._waits[key][0]

    def add(self, key: str) -> bool:
        """Record that ``key`` was rejected. True when it was not rejected before."""
        _, waited_s = self._waits.pop(key, (0.0, 0.0))
        wait_s = min(2 * waited_s, MAX_RETRY_S) if waited_s else RETRY_S
        while len(self._waits) >= MAX_REMEMBERED:
            del self._waits[next(iter(self._waits))]
        self._waits[key] = (self._clock() + wait_s, wait_s)
        return not waited_s

    def forget(self, key: str) -> None:
        """Forget ``key``, because it was loaded after all."""
        self._waits.pop(key, None)
