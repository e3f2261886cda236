"""One call as its work sees it: how long its client still waits, and whether it waits at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol


class Context(Protocol):
    """What is used of grpc's context."""

    def is_active(self) -> bool:
        """The client has not gone, and the deadline has not passed."""

    def time_remaining(self) -> float | None:
        """Seconds to the deadline."""

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Call ``callback`` when the call ends; False when it has ended."""


class CallEnded(Exception):
    """The client has gone or its deadline has passed, so that the work for it stops."""


class Call:
    """One call. Its methods may be called from any thread."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def seconds_left(self) -> float:
        """Seconds until the client's deadline, at least 0; infinite without one."""
        left = self._context.time_remaining()
        return math.inf if left is None else left

    def check(self) -> None:
        """Raise CallEnded when nobody waits for the answer. Long work calls this between its parts."""
        if not self._context.is_active() or self.seconds_left() <= 0:
            raise CallEnded

    def when_ended(self, told: Callable[[], None]) -> None:
        """Have ``told`` called when the call ends, from another thread; at once when it has ended."""
        if not self._context.add_callback(told):
            told()
