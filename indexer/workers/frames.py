"""Messages over a pipe: eight bytes that say how long, then that many bytes, read straight into their place.

``multiprocessing``'s own ``recv_bytes`` collects a clip of 2.88 MB from pieces and copies it, which cost more than all
the rest of handing out a clip (benchmarks/pipeline.py). Imports only the standard library: decoder processes load this
before their limits are in place.
"""

from __future__ import annotations

import os
import select
import struct
import time
from typing import TypeAlias

_LENGTH = struct.Struct("<Q")


Message: TypeAlias = bytes | tuple[bytes, memoryview]
"""A message in one piece, or in two that need not be copied together; the second is one-dimensional and of bytes."""


def send(pipe: int, message: Message) -> None:
    """Write ``message`` to the file descriptor ``pipe``. Raises OSError when nobody reads it any more."""
    parts = (message,) if isinstance(message, bytes) else message
    for part in (_LENGTH.pack(sum(map(len, parts))), *parts):
        left = memoryview(part)
        while left:
            left = left[os.write(pipe, left) :]


def receive(pipe: int, most_bytes: int, *, timeout_s: float | None = None) -> bytearray:
    """Read one message from the file descriptor ``pipe``.

    Raises EOFError when the other end closes before all of it came, TimeoutError when not all of it came in time, and
    another OSError when it is longer than ``most_bytes``.
    """
    latest = None if timeout_s is None else time.monotonic() + timeout_s
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size, latest))
    if length > most_bytes:
        raise OSError(f"a message of {length} bytes; at most {most_bytes} are expected")
    return _read(pipe, length, latest)


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
