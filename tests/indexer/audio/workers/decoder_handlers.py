"""Request handlers that misbehave as a taken-over or broken decoder would; the file's name says how."""

from __future__ import annotations

import json
import mmap
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from indexer.audio.decoder_base import samples_in
from indexer.audio.workers.job_handler import answer
from indexer.audio.workers.jobs import DecodeJob
from indexer.audio.workers.wire import job_from_bytes, waveform_to_parts
from indexer.processes.message_frames import Message


def misbehave(request: bytes) -> Message:
    """Crash, hang, babble … when the path says so; otherwise do the work."""
    path = json.loads(request)["path"]
    for word, act in _ACTS.items():
        if word in path:
            return act()
    reply = answer(request)
    if "tell" in path:
        Path(path).with_suffix(".done").touch()
    return reply


def crash_on_content(request: bytes) -> Message:
    """Crash over a file that begins with CRASH, whatever its name; otherwise do the work."""
    with Path(json.loads(request)["path"]).open("rb") as file:
        return _crash() if file.read(5) == b"CRASH" else answer(request)


def _crash() -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def _hang() -> bytes:
    while True:
        time.sleep(1)


def _endless() -> bytes:
    while True:
        sum(range(1000))


def _leave() -> bytes:
    os._exit(0)


def _memory_descriptor() -> int:
    """The descriptor of the memory that this decoder process shares with its parent."""
    links = {int(link.name): os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    return next(number for number, target in links.items() if "soundkin-samples" in target)


def _scribble() -> None:
    """Fill all of the shared memory with NaN."""
    descriptor = _memory_descriptor()
    with mmap.mmap(descriptor, 0) as mapped:
        mapped[:] = b"\xff" * len(mapped)


def _halfway() -> bytes:
    """Die while samples are being written."""
    _scribble()
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def _overwrite() -> bytes:
    """Write over samples that were handed in before, then refuse the file."""
    _scribble()
    return b'{"reason": "silent", "detail": "written over"}'


def _shorten() -> bytes:
    """Try to take the memory away from under the parent's hands."""
    try:
        os.ftruncate(_memory_descriptor(), 0)
    except PermissionError:
        return b'{"reason": "silent", "detail": "not permitted"}'
    return b""


_ACTS: dict[str, Callable[[], Message]] = {
    "crash": _crash,
    "hang": _hang,
    "endless": _endless,
    "leave": _leave,
    "babble": lambda: b"\x80\x04\x95 this could be a pickle",
    "flood": lambda: bytes(8 << 20),
    "liar": lambda: (b'{"samples": 3}', memoryview(bytes(12))),
    "nan": lambda: (b'{"samples": 220500}', memoryview(b"\xff" * (220500 * 4))),
    "glut": lambda: (b'{"samples": 220501}', memoryview(bytes(220501 * 4))),
    "halfway": _halfway,
    "overwrite": _overwrite,
    "shorten": _shorten,
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
