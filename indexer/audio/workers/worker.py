"""The inside of a decoder process: limits first, then one request after another.

Imports nothing beyond the standard library: the thread variables are read when numpy is loaded, and the limit on memory
is to hold for the decoders' own libraries as well. The handler is therefore loaded by name, after both are in place.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass

from indexer.processes.child_process import load_function
from indexer.processes.message_frames import Message, MessageBounds, receive, send
from indexer.processes.shared_memory import SharedMemory
from recommender.process_control import THREAD_VARIABLES

READY = b"ready"
"""Sent once, when the handler is loaded."""
_REQUEST = MessageBounds(head_bytes=1 << 20)
"""The longest path there can be takes a tenth of it in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What a worker runs and what it may use."""

    handler: str
    """``module:function``; takes the bytes of a request and returns those of a reply, in one piece or two."""
    memory_bytes: int
    """Address space, where the system can limit it (Linux)."""


def serve(pipe: int, limits: WorkerLimits, descriptor: int | None) -> None:
    """Answer requests until the other end of ``pipe`` is closed.

    The samples of replies go to the shared memory that ``descriptor`` is open on, if there is one.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    memory = SharedMemory(descriptor) if descriptor is not None else None
    handle: Callable[[bytes], Message] = load_function(limits.handler)
    _discard_output()
    _limit(resource.RLIMIT_FSIZE, 0)
    send(pipe, READY)
    with contextlib.suppress(EOFError, OSError):
        while True:
            send(pipe, handle(bytes(receive(pipe, _REQUEST).head)), memory)


def _limit(resource_number: int, value: int) -> None:
    with contextlib.suppress(OSError, ValueError):  # a lower hard limit is in force, or the system has none
        resource.setrlimit(resource_number, (value, value))


def _discard_output() -> None:
    """Discard what C libraries print about damaged files; the reply says what matters."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
