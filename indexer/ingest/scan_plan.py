"""What is to be done about each file of a folder, before any of them is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.audio.rejection_reasons import DECODER_LOST, PASSING
from indexer.ingest.tracklist import ManifestRow
from indexer.ingest.walk_folder import FoundFile
from recommender.catalog import Catalog
from recommender.catalog.rows import Clip, FileRecord
from recommender.errors import BadInput
from recommender.retry_schedule import is_due, is_quarantined

KEEPS_CLIP = PASSING | DECODER_LOST
"""Reasons that say more about the moment than about the file: the clip it last gave stays its own."""

CURABLE = frozenset({"no_artist", "ambiguous_name", "external_ids_disagree", "bad_external_id", "bad_text", "no_title"})
"""Reasons that lie in what is said of the file and known of the artists: it is judged again next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRead:
    """A file that is new, or not as the last scan left it."""

    file: FoundFile
    row: ManifestRow | None
    before: Clip | None
    """The clip the last scan found at this path."""
    losses: int = 0
    """Decoders it has cost in a row, as it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A file as the last scan left it, with its clip: only the manifest may have something new to say."""

    file: FoundFile
    row: ManifestRow | None
    clip: Clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Hopeless:
    """A file that is not read, and why."""

    file: FoundFile
    error: BadInput
    recorded: bool
    """Whether the ledger says so already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that costs its decoder its life, and is passed over this time."""

    file: FoundFile
    error: BadInput
    """What became of it the last time."""
    before: Clip | None
    """The clip it gave before it was as it is."""
    quarantined: bool
    """It is passed over until it changes, not only until its turn comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every file of a folder in one of four lists, each in the order of the walk."""

    to_read: tuple[ToRead, ...]
    settled: tuple[Settled, ...]
    hopeless: tuple[Hopeless, ...]
    waiting: tuple[Waiting, ...]


def plan(catalog: Catalog, files: tuple[FoundFile, ...], rows: Mapping[str, ManifestRow]) -> Plan:
    """Compare a folder with the ledger. ``rows``: the manifest's, by absolute path."""
    ledger = catalog.file_records([file.path for file in files])
    clips = catalog.read_clips([record.clip_id for record in ledger.values() if record.clip_id is not None])
    fates = [_fate(file, ledger.get(file.path), rows.get(file.path), clips) for file in files]
    return Plan(
        to_read=tuple(fate for fate in fates if isinstance(fate, ToRead)),
        settled=tuple(fate for fate in fates if isinstance(fate, Settled)),
        hopeless=tuple(fate for fate in fates if isinstance(fate, Hopeless)),
        waiting=tuple(fate for fate in fates if isinstance(fate, Waiting)),
    )


def _fate(
    file: FoundFile, record: FileRecord | None, row: ManifestRow | None, clips: Mapping[str, Clip]
) -> ToRead | Settled | Hopeless | Waiting:
    if file.fault is not None:
        return Hopeless(file=file, error=file.fault, recorded=False)
    clip = clips.get(record.clip_id) if record and record.clip_id else None
    if record is None or (record.size, record.mtime_ns) != (file.size, file.mtime_ns):
        return ToRead(file=file, row=row, before=clip)
    if record.reason in DECODER_LOST:
        return _lost(file, record, row, clip)
    if clip is not None:
        return Settled(file=file, row=row, clip=clip)
    if record.reason is None or record.reason in PASSING | CURABLE:
        return ToRead(file=file, row=row, before=None)
    return Hopeless(file=file, error=BadInput(record.reason, record.detail or ""), recorded=True)


def _lost(file: FoundFile, record: FileRecord, row: ManifestRow | None, clip: Clip | None) -> ToRead | Waiting:
    """What to do with a file that cost its last decoder its life, and has not changed since."""
    reason = record.reason or ""
    if is_due(reason, record.losses, record.skip_runs):
        return ToRead(file=file, row=row, before=clip, losses=record.losses)
    error = BadInput(reason, record.detail or "")
    return Waiting(file=file, error=error, before=clip, quarantined=is_quarantined(record.losses))
