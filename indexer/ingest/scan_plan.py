"""Plans a scan: decides for each file of a folder whether to read it, before any file is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.audio.rejection_reasons import DECODER_LOST, PASSING
from indexer.ingest.tracklist import TracklistRow
from indexer.ingest.walk_folder import FoundFile
from recommender.catalog import Catalog
from recommender.catalog.rows import Clip, FileRecord
from recommender.errors import BadInput
from recommender.retry_schedule import is_due, is_quarantined

KEEPS_CLIP = PASSING | DECODER_LOST
"""Reasons that depend on the machine at that moment more than on the file: the file keeps the clip it last gave."""

CURABLE = frozenset({"no_artist", "ambiguous_name", "external_ids_disagree", "bad_external_id", "bad_text", "no_title"})
"""Reasons that depend on the tracklist, the tags and the known artists: the file is read again in the next scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToRead:
    """A file that is new, changed, or due to be tried again."""

    file: FoundFile
    row: TracklistRow | None
    before: Clip | None
    """The clip that the last scan found at this path."""
    losses: int = 0
    """Decoders that it has crashed in a row, in its present state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchangedFile:
    """A file that has not changed since the last scan, with its clip; only its tracklist row may be new."""

    file: FoundFile
    row: TracklistRow | None
    clip: Clip


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableFile:
    """A file that is not read, and why."""

    file: FoundFile
    error: BadInput
    recorded: bool
    """Whether the ledger has this error already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFile:
    """A file that crashed its decoder, and is not read in this run."""

    file: FoundFile
    error: BadInput
    """The error of its last reading."""
    before: Clip | None
    """The clip that it gave before it changed to its present state."""
    quarantined: bool
    """It is not read again until it changes, instead of until its turn in the retry schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every file of a folder in one of four lists, each in the order of the walk."""

    to_read: tuple[FileToRead, ...]
    unchanged: tuple[UnchangedFile, ...]
    unusable: tuple[UnusableFile, ...]
    waiting: tuple[WaitingFile, ...]


def plan(catalog: Catalog, files: tuple[FoundFile, ...], rows: Mapping[str, TracklistRow]) -> Plan:
    """Compare a folder's files with the ledger. ``rows``: absolute path -> tracklist row."""
    ledger = catalog.file_records([file.path for file in files])
    clips = catalog.read_clips([record.clip_id for record in ledger.values() if record.clip_id is not None])
    decisions = [_decide(file, ledger.get(file.path), rows.get(file.path), clips) for file in files]
    return Plan(
        to_read=tuple(one for one in decisions if isinstance(one, FileToRead)),
        unchanged=tuple(one for one in decisions if isinstance(one, UnchangedFile)),
        unusable=tuple(one for one in decisions if isinstance(one, UnusableFile)),
        waiting=tuple(one for one in decisions if isinstance(one, WaitingFile)),
    )


def _decide(
    file: FoundFile, record: FileRecord | None, row: TracklistRow | None, clips: Mapping[str, Clip]
) -> FileToRead | UnchangedFile | UnusableFile | WaitingFile:
    if file.fault is not None:
        return UnusableFile(file=file, error=file.fault, recorded=False)
    clip = clips.get(record.clip_id) if record and record.clip_id else None
    # Size and modification time stand for the content: hashing every file would cost as much as reading it.
    if record is None or (record.size, record.mtime_ns) != (file.size, file.mtime_ns):
        return FileToRead(file=file, row=row, before=clip)
    if record.reason in DECODER_LOST:
        return _decide_lost(file, record, row, clip)
    if clip is not None:
        return UnchangedFile(file=file, row=row, clip=clip)
    if record.reason is None or record.reason in PASSING | CURABLE:
        return FileToRead(file=file, row=row, before=None)
    return UnusableFile(file=file, error=BadInput(record.reason, record.detail or ""), recorded=True)


def _decide_lost(
    file: FoundFile, record: FileRecord, row: TracklistRow | None, clip: Clip | None
) -> FileToRead | WaitingFile:
    """Decide for a file that crashed its last decoder and has not changed since."""
    reason = record.reason or ""
    if is_due(reason, record.losses, record.skip_runs):
        return FileToRead(file=file, row=row, before=clip, losses=record.losses)
    error = BadInput(reason, record.detail or "")
    return WaitingFile(file=file, error=error, before=clip, quarantined=is_quarantined(record.losses))
