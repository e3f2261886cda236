"""One at a time: an advisory lock on a file, released by the kernel however the holder ends."""

from __future__ import annotations

import fcntl
import io
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recommender.errors import Busy

HOME_LOCK = "LOCK"
"""File in the home that is locked by whoever builds, publishes, rolls back or collects."""
NIGHTLY_LOCK = "nightly.lock"
"""File in the home that is locked by the nightly run."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold ``path`` for the block. Raises Busy, naming the holder, when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        _lock(file, path)
        file.truncate(0)
        with suppress(OSError):  # on a full disk nobody is named, and collect, which makes room, runs all the same
            file.write(f"{os.getpid()} on {socket.gethostname()}\n".encode())
        yield
        file.truncate(0)


def require_free(path: Path) -> None:
    """Raise Busy, naming the holder, when another process holds ``path`` at this moment.

    For a command that would otherwise load large libraries before it learns that it has to wait.
    """
    if path.exists():
        with path.open("rb", buffering=0) as file:
            _lock(file, path)


def _lock(file: io.FileIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise Busy(str(path), f"process {file.read().decode(errors='replace').strip() or 'unknown'}") from None
