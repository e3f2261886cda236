"""Plans a scan: decides for each file of a folder whether to read it, before any file is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.audio.rejection_reasons import DECODER_LOST, PASSING
from indexer.ingest.facts.derive import IDENTITY
from indexer.ingest.walk_folder import FoundFile
from recommender.catalog import Catalog
from recommender.catalog.rows import FileRecord
from recommender.errors import BadInput
from recommender.retry_schedule import is_due, is_quarantined

KEEPS_CLIP = PASSING | DECODER_LOST
"""Reasons that depend on the machine at that moment more than on the file: the file keeps the clip it last gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToRead:
    """A file that is new, changed, or due to be tried again."""

    file: FoundFile
    before: FileRecord | None
    """What the last scan recorded of this path."""
    losses: int = 0
    """Decoders that it has crashed in a row, in its present state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchangedFile:
    """A file that has not changed since the last scan; only its tracklist row may be new."""

    file: FoundFile
    record: FileRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableFile:
    """A file that is not read, and why."""

    file: FoundFile
    error: BadInput
    before: FileRecord | None
    """The record that stays: it has this error already, or the error passes. None when the error is to be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFile:
    """A file that crashed its decoder, and is not read in this run."""

    file: FoundFile
    error: BadInput
    """The error of its last reading."""
    before: FileRecord
    quarantined: bool
    """It is not read again until it changes, instead of until its turn in the retry schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every file of a folder in one of four lists, each in the order of the walk."""

    to_read: tuple[FileToRead, ...]
    unchanged: tuple[UnchangedFile, ...]
    unusable: tuple[UnusableFile, ...]
    waiting: tuple[WaitingFile, ...]


def plan(files: tuple[FoundFile, ...], ledger: Mapping[str, FileRecord], *, reread: bool = False) -> Plan:
    """Compare a folder's files with the ledger (path -> record). ``reread``: read also files that have not changed."""
    decisions = [_decide(file, ledger.get(file.path), reread) for file in files]
    return Plan(
        to_read=tuple(one for one in decisions if isinstance(one, FileToRead)),
        unchanged=tuple(one for one in decisions if isinstance(one, UnchangedFile)),
        unusable=tuple(one for one in decisions if isinstance(one, UnusableFile)),
        waiting=tuple(one for one in decisions if isinstance(one, WaitingFile)),
    )


def read_ledger(catalog: Catalog, files: tuple[FoundFile, ...]) -> dict[str, FileRecord]:
    """The records of these files, by path."""
    return catalog.file_records([file.path for file in files])


def _decide(
    file: FoundFile, record: FileRecord | None, reread: bool
) -> FileToRead | UnchangedFile | UnusableFile | WaitingFile:
    if file.fault is not None:
        return UnusableFile(file=file, error=file.fault, before=record if file.fault.reason in PASSING else None)
    # Size and times stand for the content: hashing every file would cost as much as reading it.
    if record is None or (record.size, record.mtime_ns) != (file.size, file.mtime_ns):
        return FileToRead(file=file, before=record)
    if record.reason in DECODER_LOST and record.ctime_ns in (None, file.ctime_ns):
        return _decide_lost(file, record)
    # A record without a ctime is older than migration 0004: its file is read once more, for its identity and its tags.
    if record.ctime_ns != file.ctime_ns:
        return FileToRead(file=file, before=record)
    if record.reason is None or record.reason in PASSING | IDENTITY:
        known = record.clip_id is not None and record.tags is not None and not reread
        return UnchangedFile(file=file, record=record) if known else FileToRead(file=file, before=record)
    if reread:
        return FileToRead(file=file, before=record)
    return UnusableFile(file=file, error=BadInput(record.reason, record.detail or ""), before=record)


def _decide_lost(file: FoundFile, record: FileRecord) -> FileToRead | WaitingFile:
    """Decide for a file that crashed its last decoder and has not changed since."""
    reason = record.reason or ""
    if is_due(reason, record.losses, record.skip_runs):
        return FileToRead(file=file, before=record, losses=record.losses)
    error = BadInput(reason, record.detail or "")
    return WaitingFile(file=file, error=error, before=record, quarantined=is_quarantined(record.losses))
