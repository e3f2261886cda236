"""Read a generation back from the disk, every byte of it, before anything is said about it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from recommender.errors import GenerationCorrupt
from recommender.generation.open_generation import (
    VERSIONS,
    FileEntry,
    Generation,
    checksum_file,
    folder_name,
    inspect_current,
    open_generation,
    open_pointed,
    open_verified,
    read_manifest,
    verify,
)

_log = logging.getLogger(__name__)


def read_back(folder: Path) -> tuple[Generation, str]:
    """Open the generation in ``folder`` after checking size, xxh3 and sha256 of all its files; it and its digest.

    The digest is the sha256 of the manifest, as CURRENT has it. The files are read from the disk where the system
    lets us drop what it remembers of them: a page that was never written well is found now, not after a restart.

    Raises GenerationCorrupt.
    """
    manifest, digest = read_manifest(folder)
    verify(folder, manifest, check=_check)
    return open_verified(folder, manifest), digest


def find_serving(home: Path) -> Generation | None:
    """What answers from ``home`` now: what CURRENT points to or, where that is damaged, the newest before it.

    None when nothing was published or nothing of it can be used.
    """
    current = inspect_current(home)
    if current.damage is not None:
        _log.error("%s", current.damage)
        return _newest_sound(home)
    if current.pointer is None:
        return None
    return _sound(partial(open_pointed, home, current.pointer)) or _newest_sound(home, current.pointer.version)


def published_versions(home: Path) -> list[int]:
    """Numbers of the folders in ``home/versions``, the newest first."""
    names = [path.name for path in (home / VERSIONS).glob("v*/")]
    return sorted((int(name[1:]) for name in names if name[1:].isdigit()), reverse=True)


def _newest_sound(home: Path, before: int | None = None) -> Generation | None:
    older = [version for version in published_versions(home) if before is None or version < before]
    folders = (home / VERSIONS / folder_name(version) for version in older)
    opened = (_sound(partial(open_generation, folder)) for folder in folders)
    return next((generation for generation in opened if generation is not None), None)


def _sound(opening: Callable[[], Generation]) -> Generation | None:
    try:
        return opening()
    except (GenerationCorrupt, OSError) as error:
        _log.error("%s", error)
        return None


def _check(folder: Path, entry: FileEntry) -> None:
    path = folder / entry.name
    try:
        _forget_pages(path)
        found = checksum_file(path)
    except FileNotFoundError as error:
        raise GenerationCorrupt(folder.name, entry.name, "is missing") from error
    except OSError as error:
        raise GenerationCorrupt(folder.name, entry.name, f"cannot be read ({error.strerror})") from error
    if found != entry:
        raise GenerationCorrupt(folder.name, entry.name, f"does not have its checksums (it has {found.size} bytes)")


def _forget_pages(path: Path) -> None:
    if not hasattr(os, "posix_fadvise"):  # macOS
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
