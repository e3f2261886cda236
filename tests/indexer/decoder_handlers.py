"""Request handlers that misbehave as a taken-over or broken decoder would; the file's name says how."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

import numpy as np

from indexer.decoders.base import samples_in
from indexer.workers.answering import answer
from indexer.workers.frames import Message
from indexer.workers.jobs import DecodeJob
from indexer.workers.wire import job_from_bytes, waveform_to_parts


def misbehave(request: bytes) -> Message:
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


def let_silence_through(request: bytes) -> Message:
    """Do the work, but answer what is refused as silent with silence, as a careless decoder would."""
    reply = answer(request)
    if isinstance(reply, tuple) or b'"reason": "silent"' not in reply:
        return reply
    job = job_from_bytes(request)
    if not isinstance(job, DecodeJob):
        raise TypeError("only decoding finds silence")
    samples = samples_in(job.excerpt.length_ms, job.sample_rate_hz)
    return waveform_to_parts(np.zeros(samples, dtype=np.float32))
