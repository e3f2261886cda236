"""Opens audio files safely: regular files only, which is checked before anything is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput

MAX_FILE_BYTES = 2 << 30
"""2 GiB: three hours of CD audio as wav. Larger files are refused unread."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def open_regular(path: Path) -> BinaryIO:
    """Open ``path`` for reading, if it is a regular file of at most :data:`MAX_FILE_BYTES` and not empty.

    Checks before it opens, because opening a pipe can wait for ever and opening a device can have effects; then opens
    without following a link and without waiting, and checks again what was opened, which may be another file by then.
    Links in the folders above are followed: the scan does not walk into linked folders (:mod:`indexer.ingest.scan`).

    Raises BadInput: ``not_a_file``, ``unreadable``, ``not_audio`` (empty) or ``unsupported`` (too large).
    """
    _require_regular(_lstat(path))
    descriptor = _open(path)
    file = os.fdopen(descriptor, "rb")
    try:
        status = os.fstat(descriptor)
        _require_regular(status)
        _require_size(status.st_size)
    except BadInput:
        file.close()
        raise
    return file


@contextmanager
def reading() -> Iterator[None]:
    """Turn an error of the disk or network share into BadInput: it rejects this file and does not end the run."""
    try:
        yield
    except OSError as error:
        raise BadInput(Reason.UNREADABLE, f"{error.strerror or error}; check the disk or the share") from error


def _lstat(path: Path) -> os.stat_result:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise BadInput(Reason.NOT_A_FILE, "there is no such file; scan the folder again") from error
    except OSError as error:
        raise BadInput(Reason.UNREADABLE, f"{error.strerror or error}; check its permissions") from error


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadInput(Reason.UNREADABLE, f"{error.strerror or error}; check its permissions") from error


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "not a regular file")
    raise BadInput(Reason.NOT_A_FILE, f"this is {kind}; only regular files are read")


def _require_size(size: int) -> None:
    if size == 0:
        raise BadInput(Reason.NOT_AUDIO, "the file is empty")
    if size > MAX_FILE_BYTES:
        detail = f"{size / (1 << 30):.1f} GiB; files up to {MAX_FILE_BYTES >> 30} GiB are read, split or compress it"
        raise BadInput(Reason.UNSUPPORTED, detail)
