"""How a program that serves is asked to stop: by a signal, and a second one does not wait."""

from __future__ import annotations

import asyncio
import signal

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables of the environment that each of them reads."""


SIGNALS = (signal.SIGTERM, signal.SIGINT)
IMPATIENT_S = 1.0
"""A signal sooner after the first is the same wish told twice: timeout(1) tells the process and then its group."""


def on_signals() -> asyncio.Event:
    """Set by the first signal; one that comes :data:`IMPATIENT_S` later has its usual effect and ends the process."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def give_way() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def stop() -> None:
        if not stopping.is_set():
            loop.call_later(IMPATIENT_S, give_way)
        stopping.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    return stopping
