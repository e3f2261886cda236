"""A piece of memory that a decoder process and its parent both see: samples cross it, and pass no pipe.

Imports only the standard library: decoder processes load this before their limits are in place.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys

if sys.platform == "linux":
    import fcntl

SLOT_BYTES = 8 << 20
"""Room for 30 s at 69 kHz. Pages that are never written take no memory; what does not fit goes through the pipe."""


class Slot:
    """Memory without a name: it is gone with the last process that has it open, however that ends.

    The other side may be in hostile hands. It can write anything here at any moment, so what counts is a copy of one's
    own; it cannot make the memory shorter, which would kill whoever reads it, for the size is sealed.
    """

    def __init__(self, descriptor: int) -> None:
        """Map all of what ``descriptor`` is open on; the slot closes it from now on."""
        self.descriptor = descriptor
        self._mapped = mmap.mmap(descriptor, 0)
        self.size = len(self._mapped)
        """Bytes that fit."""

    def put(self, payload: memoryview) -> None:
        """Copy ``payload``, one-dimensional and of bytes, to the start. Raises IndexError when it does not fit."""
        if len(payload) > self.size:
            raise IndexError(f"{len(payload)} bytes; {self.size} fit")
        self._mapped[: len(payload)] = payload

    def view(self, length: int) -> memoryview:
        """The first ``length`` bytes, in place."""
        return memoryview(self._mapped)[:length]

    def close(self) -> None:
        """Let go of the memory. For once."""
        os.close(self.descriptor)
        with contextlib.suppress(BufferError):  # somebody holds a view; the memory goes with it
            self._mapped.close()


def make_slot(size: int = SLOT_BYTES) -> Slot | None:
    """New memory of ``size`` bytes, for good; None where the system cannot make or seal it (all but Linux)."""
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.memfd_create("soundkin-slot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return Slot(descriptor)
    except OSError:
        os.close(descriptor)
        return None
