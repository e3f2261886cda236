"""Gives numba a folder for its compiled code when the user has none: librosa does not load without one."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

NUMBA_FOLDER = "NUMBA_CACHE_DIR"
"""Variable of the folder that numba tries first. It is read when numba is loaded."""
USER_FOLDER = "XDG_CACHE_HOME"
"""Variable of the user's cache folder; librosa reads it when it is loaded, and writes nothing there."""


def ensure_cache_folder() -> Path | None:
    """Make a cache folder for this process if the user's cannot be written. To be called before librosa is loaded.

    Returns the folder, which is removed when the process ends; None when none was needed. Only this user can read it
    and no two processes share one: numba loads the files in it as code.
    """
    numba_folder, user_folder = os.environ.get(NUMBA_FOLDER), _user_cache_folder()
    writable = any(_is_writable(Path(folder)) for folder in (numba_folder, user_folder) if folder)
    if writable and user_folder:
        return None
    folder = Path(tempfile.mkdtemp(prefix="soundkin-numba-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if not user_folder:
        os.environ[USER_FOLDER] = str(folder)
    if not writable:
        os.environ[NUMBA_FOLDER] = str(folder)
    logger.info("HOME and %s name no folder that can be written; compiling into %s", NUMBA_FOLDER, folder)
    return folder


def _user_cache_folder() -> str | None:
    """The folder for caches of this user; None without a home folder."""
    folder = os.environ.get(USER_FOLDER)
    if folder:
        return folder
    if os.environ.get("HOME") == "":
        return None
    try:
        return str(Path.home() / ".cache")
    except RuntimeError:
        return None


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
