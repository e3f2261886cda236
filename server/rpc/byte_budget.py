"""How many bytes of clips all requests together may hold, and giving the memory back to the system afterwards."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from recommender.errors import Overloaded
from server.metrics import Metrics, Refusal

MAX_HELD_BYTES = 256 << 20
"""Four requests of the largest size at once. Each byte is held about three times on its way through gRPC."""


class ByteBudget:
    """Bytes of clips that may be held at once. Its methods may be called from any thread."""

    def __init__(self, metrics: Metrics, *, most: int = MAX_HELD_BYTES) -> None:
        self._metrics = metrics
        self._left, self._most = most, most
        self._lock = threading.Lock()
        self._was_used = False

    @contextmanager
    def share(self) -> Iterator[Share]:
        """What one request takes during the block; all of it is given back at its end."""
        share = Share(self)
        try:
            yield share
        finally:
            with self._lock:
                self._left += share.held_bytes

    def take(self, size_bytes: int) -> None:
        """Raise Overloaded when so many bytes are not left. Called by :meth:`Share.take`."""
        with self._lock:
            if size_bytes <= self._left:
                self._left -= size_bytes
                self._was_used = True
                return
        self._metrics.refused(Refusal.AUDIO)
        raise Overloaded(f"clips of {(self._most - self._left) >> 20} MiB are being worked on")

    def trim(self) -> None:
        """Return freed memory to the system, where clips were held since the last time and glibc is the C library.

        It keeps what it freed for the next requests otherwise: hundreds of megabytes after a burst of clips.
        """
        with self._lock:
            used, self._was_used = self._was_used, self._left < self._most
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if used else None
        if trim is not None:
            trim(0)


class Share:
    """Bytes that one request holds."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.held_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Hold so many more bytes. Raises Overloaded when all requests together would hold too many."""
        self._budget.take(size_bytes)
        self.held_bytes += size_bytes
