"""Messages between a process and its parent: a head of text and a body of samples, with bounds and a time limit.

A frame on the pipe is two lengths and a flag, then the head, then the body. The body may lie in shared memory instead;
the flag says so. ``multiprocessing``'s own ``recv_bytes`` is not used: its time limit covers only the first byte, and
it collects a clip of 2.88 MB from pieces and copies it, which cost more CPU time than all the rest of handing out a
clip (measured by benchmarks/pipeline.py).

Imports only the standard library: decoder processes load this module before their memory limit is in place.
"""

from __future__ import annotations

import os
import select
import struct
import time
from dataclasses import dataclass
from typing import TypeAlias

from indexer.processes.shared_memory import SharedMemory

_LENGTHS = struct.Struct("<QQ?")
"""Bytes of the head, bytes of the body, and whether the body lies in shared memory instead of behind the head."""

Message: TypeAlias = bytes | tuple[bytes, memoryview]
"""A head, or a head and a body; the body is one-dimensional, of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBounds:
    """The longest message that the reader accepts."""

    head_bytes: int
    body_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message as it was read."""

    head: bytearray
    body: bytearray | memoryview
    """A memoryview is the shared memory itself, which the sender can still change: copy it, then check the copy."""


def send(pipe: int, message: Message, memory: SharedMemory | None = None) -> None:
    """Write ``message`` to the file descriptor ``pipe``, its body to ``memory`` if it fits there.

    Raises OSError when the other end of the pipe is closed.
    """
    head, body = (message, memoryview(b"")) if isinstance(message, bytes) else message
    shared = memory is not None and 0 < len(body) <= memory.size
    if memory is not None and shared:
        memory.put(body)
    _write(pipe, _LENGTHS.pack(len(head), len(body), shared) + head)
    if not shared:
        _write(pipe, body)


def receive(
    pipe: int, bounds: MessageBounds, *, memory: SharedMemory | None = None, timeout_s: float | None = None
) -> ReceivedMessage:
    """Read one message from the file descriptor ``pipe``.

    Raises:
        EOFError: the other end was closed before the whole message arrived.
        TimeoutError: the whole message did not arrive within ``timeout_s`` seconds.
        OSError: it is longer than ``bounds``, or claims more of ``memory`` than there is.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    head_bytes, body_bytes, shared = _LENGTHS.unpack(_read(pipe, _LENGTHS.size, deadline))
    # Checked before any memory is taken: a process that a hostile file took over can claim any length.
    if head_bytes > bounds.head_bytes or body_bytes > bounds.body_bytes:
        expected = f"at most {bounds.head_bytes} and {bounds.body_bytes} are expected"
        raise OSError(f"a message of {head_bytes} and {body_bytes} bytes; {expected}")
    head = _read(pipe, head_bytes, deadline)
    if not shared:
        return ReceivedMessage(head=head, body=_read(pipe, body_bytes, deadline))
    if memory is None or body_bytes > memory.size:
        raise OSError(f"the message claims {body_bytes} bytes of shared memory, where they do not fit")
    return ReceivedMessage(head=head, body=memory.view(body_bytes))


def _write(pipe: int, part: bytes | memoryview) -> None:
    rest = memoryview(part)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _read(pipe: int, length: int, deadline: float | None) -> bytearray:
    message = bytearray(length)
    rest = memoryview(message)
    while rest:
        if deadline is not None:
            _wait(pipe, deadline)
        count = os.readv(pipe, [rest])
        if not count:
            raise EOFError
        rest = rest[count:]
    return message


def _wait(pipe: int, deadline: float) -> None:
    """Wait until there is something to read or the other end is closed. Raises TimeoutError at ``deadline``."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
