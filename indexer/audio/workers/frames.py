"""Messages over a pipe: how long they are, a head of text, and a body of samples that may lie in shared memory.

``multiprocessing``'s own ``recv_bytes`` collects a clip of 2.88 MB from pieces and copies it, which cost more than all
the rest of handing out a clip (benchmarks/pipeline.py). Imports only the standard library: decoder processes load this
before their limits are in place.
"""

from __future__ import annotations

import os
import select
import struct
import time
from dataclasses import dataclass
from typing import TypeAlias

from indexer.audio.workers.shared_slot import Slot

_LENGTHS = struct.Struct("<QQ?")
"""Bytes of the head, bytes of the body, and whether the body lies in the slot instead of behind the head."""

Message: TypeAlias = bytes | tuple[bytes, memoryview]
"""A head, or a head and a body; the body is one-dimensional and of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The longest message that is expected."""

    head_bytes: int
    body_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it came in."""

    head: bytearray
    body: bytearray | memoryview
    """A memoryview is still the slot itself, where the sender can change it: copy it, then look at the copy."""


def send(pipe: int, message: Message, slot: Slot | None = None) -> None:
    """Write ``message`` to the file descriptor ``pipe``, its body to ``slot`` if it fits there.

    Raises OSError when nobody reads the pipe any more.
    """
    head, body = (message, memoryview(b"")) if isinstance(message, bytes) else message
    shared = slot is not None and 0 < len(body) <= slot.size
    if slot is not None and shared:
        slot.put(body)
    _write(pipe, _LENGTHS.pack(len(head), len(body), shared) + head)
    if not shared:
        _write(pipe, body)


def receive(pipe: int, room: Room, *, slot: Slot | None = None, timeout_s: float | None = None) -> Received:
    """Read one message from the file descriptor ``pipe``.

    Raises EOFError when the other end closes before all of it came, TimeoutError when not all of it came in time, and
    another OSError when it is longer than ``room`` or claims more of ``slot`` than there is.
    """
    latest = None if timeout_s is None else time.monotonic() + timeout_s
    head_bytes, body_bytes, shared = _LENGTHS.unpack(_read(pipe, _LENGTHS.size, latest))
    if head_bytes > room.head_bytes or body_bytes > room.body_bytes:
        expected = f"at most {room.head_bytes} and {room.body_bytes} are expected"
        raise OSError(f"a message of {head_bytes} and {body_bytes} bytes; {expected}")
    head = _read(pipe, head_bytes, latest)
    if not shared:
        return Received(head=head, body=_read(pipe, body_bytes, latest))
    if slot is None or body_bytes > slot.size:
        raise OSError(f"{body_bytes} bytes are said to be in shared memory, where they do not fit")
    return Received(head=head, body=slot.view(body_bytes))


def _write(pipe: int, part: bytes | memoryview) -> None:
    left = memoryview(part)
    while left:
        left = left[os.write(pipe, left) :]


def _read(pipe: int, length: int, latest: float | None) -> bytearray:
    message = bytearray(length)
    left = memoryview(message)
    while left:
        if latest is not None:
            _wait(pipe, latest)
        count = os.readv(pipe, [left])
        if not count:
            raise EOFError
        left = left[count:]
    return message


def _wait(pipe: int, latest: float) -> None:
    """Until there is something to read, or the other end is closed. Raises TimeoutError at ``latest``, monotonic."""
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    if not waiting.poll(max(0.0, latest - time.monotonic()) * 1000):
        raise TimeoutError
