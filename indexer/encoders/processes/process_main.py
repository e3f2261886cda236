"""The inside of an encoder process: load one encoder, then answer one request after another."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from indexer.encoders.base import Batching, Encoder, InRows, is_lost
from indexer.encoders.processes.wire import (
    MAX_HEAD_BYTES,
    Embedded,
    Ready,
    Request,
    clip_views,
    error_to_bytes,
)
from indexer.processes.child_process import load_function
from indexer.processes.message_frames import MessageBounds, receive, send
from indexer.processes.shared_memory import SharedMemory
from recommender.errors import SoundkinError
from recommender.process_control import THREAD_VARIABLES

REPORTED = (SoundkinError, RuntimeError, MemoryError, ValueError, OSError)
"""Errors that are sent to the parent, torch's among them. Any other ends the process, with its traceback on stderr."""

_REQUEST = MessageBounds(head_bytes=MAX_HEAD_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a process makes its encoder."""

    loader: str
    """``module:function``; the function takes ``settings`` and returns an encoder."""
    settings: Mapping[str, str]
    device: str
    """Named in messages; the loader reads it from ``settings``."""
    threads: int
    """Threads of each numerical library, where the environment does not set them."""


def serve(pipe: int, recipe: Recipe, descriptor: int) -> None:
    """Answer requests until the other end of ``pipe`` is closed or the device is lost.

    The clips of requests lie in the shared memory that ``descriptor`` is open on.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, str(recipe.threads))
    load: Callable[[Mapping[str, str]], Encoder]
    try:
        memory = SharedMemory(descriptor)
        load = load_function(recipe.loader)
        encoder = load(recipe.settings)
    except REPORTED as error:
        send(pipe, error_to_bytes(error))
        return
    send(pipe, _ready(encoder).to_bytes())
    while (request := _next_request(pipe)) is not None and _answer(pipe, encoder, memory, request):
        pass


def _next_request(pipe: int) -> Request | None:
    """The next request; None when the parent has closed its end."""
    try:
        message = receive(pipe, _REQUEST)
    except (EOFError, OSError):
        return None
    return Request.from_bytes(message.head)


def _answer(pipe: int, encoder: Encoder, memory: SharedMemory, request: Request) -> bool:
    """Embed the clips of ``request`` and send the result or the error; False when the process must end after it."""
    try:
        memory.map(request.size)
        embeddings = encoder.encode(clip_views(memory, request.lengths, offset=request.offset))
    except REPORTED as error:
        send(pipe, error_to_bytes(error))
        return not is_lost(error)
    send(pipe, Embedded(embeddings=embeddings, rows=_rows(encoder)).to_message())
    return True


def _ready(encoder: Encoder) -> Ready:
    rows = _rows(encoder)
    batch = encoder.batch if isinstance(encoder, Batching) else rows
    return Ready(space=encoder.space, licence=encoder.licence.name, rows=rows, batch=batch)


def _rows(encoder: Encoder) -> int:
    return encoder.rows if isinstance(encoder, InRows) else 1
