"""The jobs of a decoder process: inspect a file, or decode an excerpt of it; and the work itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from indexer.audio.decode import decode_audible, probe_open, require_rate
from indexer.audio.decoder_base import AudioInfo, Excerpt
from indexer.audio.rejection_reasons import PASSING, Reason
from indexer.audio.safe_open import open_regular
from indexer.audio.tags import Tags, read_tags_open
from recommender.errors import BadInput
from recommender.types import Waveform

_HASH_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectJob:
    """Hash a file and read its length and tags; the result is an :class:`Inspection`."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeJob:
    """Decode an excerpt; the result is a Waveform. Raises InvalidArgument for a rate outside 4-384 kHz."""

    path: Path
    excerpt: Excerpt
    sample_rate_hz: int
    content_sha256: str | None = None
    """Of the whole file as it was scanned. A file with other bytes is rejected as ``changed_since_scan``."""

    def __post_init__(self) -> None:
        require_rate(self.sample_rate_hz)


Job = InspectJob | DecodeJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Size, time, hash, length and tags of a usable audio file."""

    size: int
    """Bytes."""
    mtime_ns: int
    content_sha256: str
    """Of all its bytes, 64 hex digits."""
    info: AudioInfo
    tags: Tags


def inspect(path: Path) -> Inspection:
    """Hash, probe and read the tags of one file, opened once. Raises BadInput."""
    with open_regular(path) as file:
        before = os.fstat(file.fileno())
        info = probe_open(file)
        tags = read_tags_open(file)
        content_sha256 = _sha256(file)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadInput(Reason.UNREADABLE, "it was being written while it was read; scan again when that is done")
    return Inspection(
        size=before.st_size, mtime_ns=before.st_mtime_ns, content_sha256=content_sha256, info=info, tags=tags
    )


def perform(job: Job) -> Inspection | Waveform:
    """Do ``job`` in this process. Raises BadInput."""
    if isinstance(job, InspectJob):
        return inspect(job.path)
    if job.content_sha256 is None:
        with open_regular(job.path) as file:
            return decode_audible(file, excerpt=job.excerpt, sample_rate_hz=job.sample_rate_hz)
    with open_as_scanned(job.path, job.content_sha256) as file:
        return decode_audible(file, excerpt=job.excerpt, sample_rate_hz=job.sample_rate_hz)


@contextmanager
def open_as_scanned(path: Path, content_sha256: str) -> Iterator[BinaryIO]:
    """Open a file that has, now and until the block ends, the bytes with that hash.

    Raises BadInput ``changed_since_scan`` otherwise, even when the block itself raises over the other bytes.
    """
    try:
        file = open_regular(path)
    except BadInput as error:
        if error.reason in PASSING:
            raise
        raise _changed() from error  # it is empty or too large now, which it was not when it was scanned
    with file:
        before = _state(file)
        if _sha256(file) != content_sha256:
            raise _changed()
        try:
            yield file
        finally:
            if _state(file) != before:
                raise _changed()


def _state(file: BinaryIO) -> tuple[int, int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _changed() -> BadInput:
    detail = "the file is not what was scanned; scan again, and touch it first if its size and time are the same"
    return BadInput(Reason.CHANGED_SINCE_SCAN, detail)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    try:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    except OSError as error:
        raise BadInput(Reason.UNREADABLE, f"{error.strerror or error}; check the disk or the share") from error
    return digest.hexdigest()
