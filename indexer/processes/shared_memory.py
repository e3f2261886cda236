"""Memory that a process and its parent both see: samples cross it without passing through a pipe.

Imports only the standard library: decoder processes load this module before their memory limit is in place.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import tempfile

if sys.platform == "linux":
    import fcntl

_NAME = "soundkin-samples"
"""Shown in /proc/PID/fd of the processes that have it open; no file has this name."""


class SharedMemory:
    """Memory without a name: it is gone when the last process that has it open ends, also when it is killed.

    The process on the other side can write anything here at any moment, so a reader that does not trust it checks a
    copy of its own.
    """

    def __init__(self, descriptor: int) -> None:
        """Map all that ``descriptor`` is open on, which may be empty as yet; :meth:`close` closes it."""
        self.descriptor = descriptor
        self._mapped: mmap.mmap | None = None
        self.map(os.fstat(descriptor).st_size)

    @property
    def size(self) -> int:
        """Bytes that are mapped."""
        return len(self._mapped) if self._mapped is not None else 0

    def reserve(self, size: int) -> None:
        """Grow to ``size`` bytes; never shrink. Views from before stay valid. Raises OSError when there is no room."""
        if size > self.size:
            os.ftruncate(self.descriptor, size)
            self.map(size)

    def map(self, size: int) -> None:
        """Map ``size`` bytes, after the other side has grown the memory to that."""
        if size != self.size:
            # The mapping before is not closed here: it ends with the last view of it.
            self._mapped = mmap.mmap(self.descriptor, size)

    def put(self, payload: memoryview) -> None:
        """Copy ``payload``, one-dimensional, of bytes, to the start. Raises IndexError when it does not fit."""
        if len(payload) > self.size:
            raise IndexError(f"{len(payload)} bytes; {self.size} fit")
        if self._mapped is not None:
            self._mapped[: len(payload)] = payload

    def view(self, length: int) -> memoryview:
        """The first ``length`` bytes, in place and writeable. Raises BufferError when nothing is mapped."""
        if self._mapped is None:
            raise BufferError("no memory is mapped")
        return memoryview(self._mapped)[:length]

    def close(self) -> None:
        """Close the descriptor and the mapping. To be called once."""
        os.close(self.descriptor)
        with contextlib.suppress(BufferError):  # there is a view of it; the mapping ends with that view
            if self._mapped is not None:
                self._mapped.close()
        self.descriptor, self._mapped = -1, None


def make_growing_memory() -> SharedMemory:
    """New memory, empty at first: a memfd on Linux, a temporary file without a name on other systems."""
    if hasattr(os, "memfd_create"):
        return SharedMemory(os.memfd_create(_NAME))
    with tempfile.TemporaryFile() as file:
        return SharedMemory(os.dup(file.fileno()))


def make_sealed_memory(size: int) -> SharedMemory | None:
    """New memory whose size stays ``size`` bytes; None where the system cannot make or seal it (all but Linux).

    A process that shortened memory under a reader would kill the reader (SIGBUS), so the size is sealed.
    """
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.memfd_create(_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return SharedMemory(descriptor)
    except OSError:
        os.close(descriptor)
        return None
