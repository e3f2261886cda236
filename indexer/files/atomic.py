"""Files that are whole or absent: written aside, synced, then renamed into place.

An error of fsync is never answered by another fsync: the kernel may have dropped the pages and say that all is well.
It ends the run; the next one reads what there is. After an error of the last fsync of a folder, what was renamed may
be there or not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from indexer.files.failpoints import reach
from recommender.errors import DiskFull, InvalidArgument

HEADROOM = 2.2
"""Free space asked for before a build, in sizes of what is built: beside it stand the one that serves and the next."""


def write_file(path: Path, blocks: Iterable[bytes]) -> None:
    """Write ``path`` so that after any crash it is either absent (or as it was) or complete.

    Temporary name in the same folder, fsync, rename, fsync of the folder (reference/reliability.md 2.4).
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            reach("file.opened")
            for block in blocks:
                file.write(block)
            file.flush()
            reach("file.written")
            os.fsync(file.fileno())
        reach("file.synced")
        aside.rename(path)
        reach("file.renamed")
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
    reach("file.folder_synced")


def make_folder(path: Path) -> None:
    """Make the folder ``path`` and those missing above it, so that their names survive a power cut."""
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        reach("folder.made")
        sync_folder(folder.parent)


def require_home(path: Path) -> None:
    """Raise InvalidArgument when there is no folder ``path``: what only uses a home must not make one of a typo."""
    if not path.is_dir():
        raise InvalidArgument("home", f"{path} is no folder; give the one that was built in")


def sync_file(path: Path) -> None:
    """Make the contents of ``path`` survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    reach("file.synced")


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    reach("folder.synced")


def remove_parts(folder: Path) -> int:
    """Remove what a killed :func:`write_file` left in ``folder``; how many bytes. The caller holds the lock."""
    freed = 0
    for part in folder.glob(".*.part"):
        freed += part.stat().st_size
        part.unlink()
    return freed


def require_space(folder: Path, expected: int) -> None:
    """Refuse to begin writing ``expected`` bytes under ``folder``, which exists, where it has too little room.

    Enough is :data:`HEADROOM` times as many. Raises DiskFull.
    """
    free = shutil.disk_usage(folder).free
    needed = int(HEADROOM * expected)
    if free < needed:
        raise DiskFull(str(folder), free=free, needed=needed)
