"""Stop signals of the serving processes, and the environment variables that set the threads of numeric libraries."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from types import FrameType

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables from which OpenMP (FAISS), OpenBLAS and MKL (numpy) take their number of threads, at import."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
REPEAT_S = 1.0
"""A second signal within this time, in seconds, is taken for the same request: timeout(1) signals the process, then its
process group."""


def on_stop_signals() -> asyncio.Event:
    """An event that the first stop signal sets, for the running event loop.

    :data:`REPEAT_S` later the signals get their usual effect back, so that a second one ends the process at once.
    """
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def restore_defaults() -> None:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    def stop() -> None:
        if not stopping.is_set():
            loop.call_later(REPEAT_S, restore_defaults)
        stopping.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    return stopping


def stop_event() -> threading.Event:
    """The same for a program without an event loop; called in the main thread, which alone may set signal handlers."""
    stopping, first_s = threading.Event(), 0.0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first_s
        if not stopping.is_set():
            first_s = time.monotonic()
            stopping.set()
        elif time.monotonic() - first_s >= REPEAT_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    return stopping
