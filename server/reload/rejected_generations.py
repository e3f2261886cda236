"""Why a generation may not answer, and which were found so: a bad one is read again only after a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from recommender.generation.open_generation import Pointer
from server.metrics import Reason

RETRY_S = 30.0
"""How long a rejected generation is left alone at first. Each time it is rejected again, twice as long as before."""

MAX_RETRY_S = 3600.0
"""No rejected generation is left alone longer: what holds its files may have been repaired."""

REMEMBERED = 64
"""Rejections kept in mind; the oldest goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A generation that may not answer."""

    key: str
    """What it is remembered by: :func:`key_of` its pointer, or what is wrong with the pointer itself."""
    reason: Reason
    why: str
    """For the reader: the file, the problem, and what to do next."""


def key_of(pointer: Pointer) -> str:
    """What the generation that ``pointer`` names is remembered by."""
    return f"{pointer.version} {pointer.manifest_sha256}"


class Rejections:
    """The rejections of this process, by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left_alone: dict[str, tuple[float, float]] = {}
        """Key -> when it may be tried again, and how long that was from its last rejection, in seconds."""

    def due(self, key: str) -> bool:
        """Whether ``key`` may be tried: it was never rejected, or long enough ago."""
        return key not in self._left_alone or self._clock() >= self._left_alone[key][0]

    def add(self, key: str) -> bool:
        """Leave ``key`` alone for a while; True when it was not rejected before."""
        _, waited_s = self._left_alone.pop(key, (0.0, 0.0))
        wait_s = min(2 * waited_s, MAX_RETRY_S) if waited_s else RETRY_S
        while len(self._left_alone) >= REMEMBERED:
            del self._left_alone[next(iter(self._left_alone))]
        self._left_alone[key] = (self._clock() + wait_s, wait_s)
        return not waited_s

    def forget(self, key: str) -> None:
        """``key`` turned out well after all."""
        self._left_alone.pop(key, None)
