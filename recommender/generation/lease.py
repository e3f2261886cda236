"""Leases: a reader of a generation holds a shared lock on its LEASE file, so that collection does not remove it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from recommender.errors import GenerationCorrupt

LEASE = "LEASE"
"""An empty file in the folder of every generation. Readers lock it shared; the collector locks it exclusively."""


class Lease:
    """A reader's claim on one generation. The kernel releases the lock when the process ends, also when it is killed.

    Taken with :meth:`take`, given back with :meth:`release` or at the end of ``with``. Many readers may hold one.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, folder: Path) -> Self:
        """Claim the generation in ``folder``: from now on it is not collected. Take it before anything is opened.

        Waits for a collector that is looking at the folder at this moment.

        Raises:
            GenerationCorrupt: the folder or its LEASE is not there, or was collected meanwhile. Read CURRENT again.
        """
        descriptor = _open(folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            _require_in_place(folder, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give the claim back. Doing it twice changes nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextmanager
def try_exclusive(folder: Path) -> Iterator[bool]:
    """Yield whether no process reads the generation in ``folder``; if True, none can begin to until the block ends.

    A folder without LEASE, as the first release made them, counts as free: it has no lock that a reader could take.
    """
    try:
        descriptor = os.open(folder / LEASE, os.O_RDONLY)
    except FileNotFoundError:
        yield True
        return
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(folder: Path) -> int:
    try:
        return os.open(folder / LEASE, os.O_RDONLY)
    except OSError as error:
        raise GenerationCorrupt(folder.name, LEASE, f"cannot be opened ({error.strerror})") from error


def _require_in_place(folder: Path, descriptor: int) -> None:
    """Raise GenerationCorrupt unless the locked file is still the one at the path.

    Between open and flock the collector may have removed the folder: the lock would then be on a deleted file.
    """
    try:
        status = os.stat(folder / LEASE)
    except OSError as error:
        raise GenerationCorrupt(folder.name, LEASE, "was collected while it was being opened") from error
    if not os.path.samestat(status, os.fstat(descriptor)):
        raise GenerationCorrupt(folder.name, LEASE, "was replaced while it was being opened")
