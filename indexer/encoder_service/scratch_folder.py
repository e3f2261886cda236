"""The folder for clips while they are decoded; removes those of encoder processes that were killed."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "soundkin-clips-"

_log = logging.getLogger(__name__)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder among the system's temporary files, removed after the block with all that is in it.

    A process that is killed cannot remove its folder. But each process has a lock on its folder, which ends with the
    process in any case, so the next process removes the folders of its user that are not locked.
    """
    _remove_abandoned()
    folder, lock = _make()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make() -> tuple[Path, int]:
    """A new folder and the descriptor that locks it.

    Repeated when another process removed the folder before it was locked.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = _lock(folder)
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if lock is None:
            continue
        try:
            shutil.rmtree(folder, ignore_errors=True)
            _log.info("removed %s, left by an encoder that was killed", folder)
        finally:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """A descriptor that locks ``folder``; None if it is no folder of this user, or another process has locked it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None
