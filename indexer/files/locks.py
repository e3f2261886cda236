"""Advisory locks on files, so that one process writes at a time; the kernel releases them even after a crash."""

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
"""File of the home that build, publish, rollback and collect lock."""
NIGHTLY_LOCK = "nightly.lock"
"""File of the home that the nightly run locks."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Lock ``path`` during the block. Raises Busy, with the holder's process id, when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        _lock(file, path)
        file.truncate(0)
        with suppress(OSError):  # on a full disk collect, which frees space, must still run
            file.write(f"{os.getpid()} on {socket.gethostname()}\n".encode())
        yield
        file.truncate(0)


def require_free(path: Path) -> None:
    """Raise Busy, with the holder's process id, when another process has locked ``path`` at this moment.

    A command calls it before it loads large libraries, to fail fast.
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
