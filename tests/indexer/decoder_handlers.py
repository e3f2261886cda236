"""Request handlers that misbehave as a taken-over or broken decoder would; the file's name says how."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

from indexer.workers.answering import answer


def misbehave(request: bytes) -> bytes:
    """Crash, hang, babble … when the path says so; otherwise do the work."""
    path = json.loads(request)["path"]
    for word, act in _ACTS.items():
        if word in path:
            return act()
    return answer(request)


def _crash() -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def _hang() -> bytes:
    while True:
        time.sleep(1)


def _leave() -> bytes:
    os._exit(0)


_ACTS: dict[str, Callable[[], bytes]] = {
    "crash": _crash,
    "hang": _hang,
    "leave": _leave,
    "babble": lambda: b"\x80\x04\x95 this could be a pickle",
    "flood": lambda: bytes(8 << 20),
    "liar": lambda: b'{"samples": 3}\n' + bytes(12),
    "nan": lambda: b'{"samples": 220500}\n' + b"\xff" * (220500 * 4),
}
