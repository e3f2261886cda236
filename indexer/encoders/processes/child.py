"""The inside of an encoder process: load one encoder, then answer one request after another."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from indexer.encoders.base import Batching, Encoder, InRows
from indexer.encoders.device_errors import is_lost
from indexer.encoders.processes.shared import SharedSamples
from indexer.encoders.processes.wire import Embedded, Ready, Request, error_to_bytes
from recommender.errors import SoundkinError
from recommender.process_control import THREAD_VARIABLES

TOLD = (SoundkinError, RuntimeError, MemoryError, ValueError, OSError)
"""Errors that the parent is told of, torch's among them. Any other ends the process, with what it was on stderr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a process comes by its encoder."""

    loader: str
    """``module:function``; the function takes ``told`` and gives an encoder."""
    told: Mapping[str, str]
    device: str
    """For words to the reader; the loader finds it in ``told``."""
    threads: int
    """Of each numerical library, where the environment does not say."""


def serve(connection: Connection[bytes, bytes], recipe: Recipe) -> None:
    """Answer requests until the other end of ``connection`` closes, the parent ends or the device is lost."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the connection
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, str(recipe.threads))
    try:
        memory = SharedSamples(recv_handle(connection))
        encoder = _load(recipe)
    except TOLD as error:
        connection.send_bytes(error_to_bytes(error))
        return
    connection.send_bytes(_ready(encoder).to_bytes())
    while (message := _next(connection)) is not None and _answer(connection, encoder, memory, message):
        pass


def _answer(connection: Connection[bytes, bytes], encoder: Encoder, memory: SharedSamples, message: bytes) -> bool:
    """Do what ``message`` asks for, and say how it went; False when the process has to end after it."""
    request = Request.from_bytes(message)
    try:
        memory.map(request.size)
        embeddings = encoder.encode(memory.views(request.lengths, offset=request.offset))
    except TOLD as error:
        connection.send_bytes(error_to_bytes(error))
        return not is_lost(error)
    connection.send_bytes(Embedded(embeddings=embeddings, rows=_rows(encoder)).to_bytes())
    return True


def _load(recipe: Recipe) -> Encoder:
    module, _, function = recipe.loader.partition(":")
    load: Callable[[Mapping[str, str]], Encoder] = getattr(importlib.import_module(module), function)
    return load(recipe.told)


def _ready(encoder: Encoder) -> Ready:
    rows = _rows(encoder)
    batch = encoder.batch if isinstance(encoder, Batching) else rows
    return Ready(space=encoder.space, licence=encoder.licence.name, rows=rows, batch=batch)


def _rows(encoder: Encoder) -> int:
    return encoder.rows if isinstance(encoder, InRows) else 1


def _next(connection: Connection[bytes, bytes]) -> bytes | None:
    """The next request; None when there will be none."""
    try:
        return connection.recv_bytes()
    except (EOFError, OSError):
        return None


def _end_with_parent() -> None:
    """Die when the parent does, even in the middle of a clip."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
