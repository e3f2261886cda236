"""A call without a client: what of grpc's context the server uses, with a switch to end it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import grpc


class AbortedCall(Exception):
    """The call was ended with a status."""


class FakeContext:
    """A call with ``left_s`` seconds to its deadline, that ends when told."""

    def __init__(self, left_s: float = math.inf) -> None:
        self._left_s = left_s
        self._ended = threading.Event()
        self._told: list[Callable[[], None]] = []
        self.trailers: Any = ()  # Any: as grpc takes them
        self.status: tuple[grpc.StatusCode, str] | None = None

    def end(self) -> None:
        """The client goes."""
        self._ended.set()
        for told in self._told:
            told()

    def is_active(self) -> bool:
        return not self._ended.is_set()

    def time_remaining(self) -> float:
        return self._left_s

    def add_callback(self, callback: Callable[[], None]) -> bool:
        if self._ended.is_set():
            return False
        self._told.append(callback)
        return True

    def code(self) -> grpc.StatusCode | None:
        return None if self.status is None else self.status[0]

    def set_trailing_metadata(self, trailers: Any) -> None:  # Any: as above
        self.trailers = trailers

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.status = (code, details)
        raise AbortedCall
