"""Writes files atomically: under a temporary name, synced, then renamed, so that a file is complete or absent.

After an error of fsync, fsync is not tried again: the kernel may have dropped the pages, and a second fsync would then
report success (docs/methods.md, "Publishing and power loss"). The error ends the run, and the next run reads what is
on disk. After an error of the last fsync, of the folder, the renamed file may be there or not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from indexer.files.failpoints import reach
from recommender.errors import DiskFull, InvalidArgument

HEADROOM = 2.2
"""Free space that a build needs, as a multiple of its own size: room for this build and the next one."""


def write_file(path: Path, blocks: Iterable[bytes]) -> None:
    """Write ``path`` so that after any crash it is either as before (or absent) or complete.

    Raises OSError when the disk is full or fails.
    """
    # In the same folder, because rename is atomic only within one file system.
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            reach("file.opened")
            for block in blocks:
                file.write(block)
            file.flush()
            reach("file.written")
            os.fsync(file.fileno())  # before the rename: else the name could survive a power cut without the bytes
        reach("file.synced")
        aside.rename(path)
        reach("file.renamed")
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)  # the new name is durable only now
    reach("file.folder_synced")


def make_folder(path: Path) -> None:
    """Make the folder ``path`` and its missing parents, so that their names survive a power cut."""
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        reach("folder.made")
        sync_folder(folder.parent)


def require_home(path: Path) -> None:
    """Raise InvalidArgument when ``path`` is not a folder, so that a mistyped home is not created."""
    if not path.is_dir():
        raise InvalidArgument("home", f"{path} is not a folder; give the home that the index was built in")


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
    """Remove the temporary files of killed :func:`write_file` calls in ``folder``; returns the freed bytes.

    The caller must have the lock, because a temporary file may belong to a running process.
    """
    freed = 0
    for part in folder.glob(".*.part"):
        freed += part.stat().st_size
        part.unlink()
    return freed


def require_space(folder: Path, expected: int) -> None:
    """Raise DiskFull unless the disk of the existing ``folder`` has :data:`HEADROOM` times ``expected`` bytes free."""
    free = shutil.disk_usage(folder).free
    needed = int(HEADROOM * expected)
    if free < needed:
        raise DiskFull(str(folder), free=free, needed=needed)
