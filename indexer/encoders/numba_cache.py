"""A folder where numba may keep what it compiles, for a user who has none: librosa does not load without one."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

NAMED = "NUMBA_CACHE_DIR"
"""Where numba looks first. It is read when numba is loaded."""
USERS = "XDG_CACHE_HOME"
"""Where the user's caches are when this is set; librosa asks for it when it is loaded, and writes nothing."""


def ensure_cache_folder() -> Path | None:
    """Give numba a folder of this process alone when the user's cannot be written; to be called before librosa loads.

    The folder, which goes when the process ends; None when there was no need. It is readable to nobody else, and no two
    processes share one: numba loads what it finds there as code.
    """
    named, users = os.environ.get(NAMED), _of_the_user()
    writable = any(_can_be_written(Path(folder)) for folder in (named, users) if folder)
    if writable and users:
        return None
    folder = Path(tempfile.mkdtemp(prefix="soundkin-numba-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if not users:
        os.environ[USERS] = str(folder)
    if not writable:
        os.environ[NAMED] = str(folder)
    logger.info("HOME and %s name no folder that can be written; compiling into %s", NAMED, folder)
    return folder


def _of_the_user() -> str | None:
    """The folder for caches of this user; None without HOME, where there is no account to look it up in either."""
    said = os.environ.get(USERS)
    if said:
        return said
    if os.environ.get("HOME") == "":
        return None
    try:
        return str(Path.home() / ".cache")
    except RuntimeError:
        return None


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
