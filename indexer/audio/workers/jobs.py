"""The jobs of a decoder process: inspect a file, or decode an excerpt of it; and the work itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from indexer.audio.decode import decode_audible, probe_open, require_rate
from indexer.audio.decoder_base import AudioInfo, Excerpt
from indexer.audio.identity.audio_id import FileHashes, audio_id_of, content_sha256_of, hash_file
from indexer.audio.rejection_reasons import PASSING, Reason
from indexer.audio.safe_open import open_regular, reading
from indexer.audio.tags.read_tags import read_tags_open
from recommender.catalog.file_facts import FileTags
from recommender.errors import BadInput
from recommender.types import Waveform


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
    """Of the whole file as it was scanned."""
    audio_id: str | None = None
    """Of its sound as it was scanned. A file that has neither these bytes nor this sound is rejected as
    ``changed_since_scan``: new tags are no reason. With neither of the two given, any file is decoded."""

    def __post_init__(self) -> None:
        require_rate(self.sample_rate_hz)


Job = InspectJob | DecodeJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Size, times, hashes, length and tags of a usable audio file."""

    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int
    """When its bytes, name or rights last changed, which no tagger can set back; on Windows when it was made."""
    content_sha256: str
    """Of all its bytes, 64 hex digits."""
    audio_id: str
    """Of its sound alone (:mod:`indexer.audio.identity.audio_id`): stays the same when tags change."""
    info: AudioInfo
    tags: FileTags


def inspect(path: Path) -> Inspection:
    """Hash, probe and read the tags of one file, opened once. Raises BadInput."""
    with open_regular(path) as file:
        before = os.fstat(file.fileno())
        info = probe_open(file)
        tags = read_tags_open(file)
        hashes = _hashes(file)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadInput(Reason.UNREADABLE, "it was being written while it was read; scan again when that is done")
    return Inspection(
        size=before.st_size,
        mtime_ns=before.st_mtime_ns,
        ctime_ns=before.st_ctime_ns,
        content_sha256=hashes.content_sha256,
        audio_id=hashes.audio_id,
        info=info,
        tags=tags,
    )


def perform(job: Job) -> Inspection | Waveform:
    """Do ``job`` in this process. Raises BadInput."""
    if isinstance(job, InspectJob):
        return inspect(job.path)
    if job.content_sha256 is None and job.audio_id is None:
        with open_regular(job.path) as file:
            return decode_audible(file, excerpt=job.excerpt, sample_rate_hz=job.sample_rate_hz)
    with open_as_scanned(job.path, job.content_sha256, job.audio_id) as file:
        return decode_audible(file, excerpt=job.excerpt, sample_rate_hz=job.sample_rate_hz)


@contextmanager
def open_as_scanned(path: Path, content_sha256: str | None, audio_id: str | None = None) -> Iterator[BinaryIO]:
    """Open a file that has, now and until the block ends, the sound with that id, or the bytes with that hash.

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
        if not _is_as_scanned(file, content_sha256, audio_id):
            raise _changed()
        try:
            yield file
        finally:
            if _state(file) != before:
                raise _changed()


def _is_as_scanned(file: BinaryIO, content_sha256: str | None, audio_id: str | None) -> bool:
    """The sound first, because the tags may be new; then the bytes, because another FFmpeg may cut other packets."""
    with reading():
        try:
            if audio_id is not None and audio_id_of(file) == audio_id:
                return True
        except BadInput:  # what is there now is no audio
            return False
        return content_sha256 is not None and content_sha256_of(file) == content_sha256


def _state(file: BinaryIO) -> tuple[int, int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _changed() -> BadInput:
    detail = "the file is not what was scanned; scan again, and touch it first if its size and time are the same"
    return BadInput(Reason.CHANGED_SINCE_SCAN, detail)


def _hashes(file: BinaryIO) -> FileHashes:
    with reading():
        return hash_file(file)
