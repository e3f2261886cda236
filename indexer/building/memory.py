"""Memory of a build: what was freed goes back to the system, and what is kept is not searched for what can go."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager


def give_back() -> None:
    """Hand freed memory back, where the C library can (glibc's ``malloc_trim``); elsewhere nothing happens.

    It would be kept for later, and a build seem to need twice as much as it does.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def without_collecting() -> Iterator[None]:
    """Read many rows without looking for cycles among them again and again: there are none, and it halves the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
