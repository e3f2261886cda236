"""The inside of a decoder process: limits first, then one request after another.

Imports nothing beyond the standard library, so that the limits are in place before anything heavy is loaded.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from indexer.audio.rejection_reasons import Reason
from indexer.audio.workers.frames import Message, Room, receive, send
from indexer.audio.workers.jobs import Inspection, perform
from indexer.audio.workers.shared_slot import Slot
from indexer.audio.workers.wire import error_to_bytes, job_from_bytes, value_to_bytes, waveform_to_parts
from recommender.errors import BadInput
from recommender.process_control import THREAD_VARIABLES


def answer(request: bytes) -> Message:
    """Do the job in ``request`` and say how it went. Runs inside a worker (:mod:`indexer.audio.workers.worker`)."""
    try:
        value = perform(job_from_bytes(request))
        return value_to_bytes(value) if isinstance(value, Inspection) else waveform_to_parts(value)
    except BadInput as error:
        return error_to_bytes(error)
    except MemoryError:
        return error_to_bytes(BadInput(Reason.DECODER_MEMORY, "decoding it takes more memory than a decoder may have"))
    except Exception as error:  # one file must not end the run; the reply carries it to the log
        return error_to_bytes(BadInput(Reason.DECODE_ERROR, f"unexpected {type(error).__name__}: {error}"))


READY = b"ready"
"""Sent once, when the handler is loaded."""
_REQUEST = Room(head_bytes=1 << 20)
"""A path, at its longest, in JSON takes a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What a worker runs and what it may use."""

    handler: str
    """``module:function``; takes the bytes of a request and returns those of a reply, in one piece or two."""
    memory_bytes: int
    """Address space, where the system can limit it (Linux)."""


def serve(connection: Connection[bytes, bytes], limits: WorkerLimits, shared: bool) -> None:
    """Answer requests until the other end of ``connection`` closes or the parent process ends.

    Where ``shared`` says so, the memory for the samples of replies comes first (``send_handle``).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    slot = Slot(recv_handle(connection)) if shared else None
    handle = _load(limits.handler)
    _silence()
    _limit(resource.RLIMIT_FSIZE, 0)
    pipe = connection.fileno()
    send(pipe, READY)
    with contextlib.suppress(EOFError, OSError):
        while True:
            send(pipe, handle(bytes(receive(pipe, _REQUEST).head)), slot)


def _end_with_parent() -> None:
    """Die when the parent does, even in the middle of a file.

    The kernel's own parent-death signal is not used: it fires when the thread that started us ends.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _limit(what: int, value: int) -> None:
    with contextlib.suppress(OSError, ValueError):  # a lower hard limit is in force, or the system has none
        resource.setrlimit(what, (value, value))


def _load(handler: str) -> Callable[[bytes], Message]:
    module, _, function = handler.partition(":")
    loaded: Callable[[bytes], Message] = getattr(importlib.import_module(module), function)
    return loaded


def _silence() -> None:
    """Send what C libraries print about damaged files nowhere; what matters is in the reply."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
