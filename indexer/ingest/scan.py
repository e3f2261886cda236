"""Scans a folder of music into the catalog: each file becomes a clip or is rejected with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from indexer.audio.workers.jobs import Inspection, InspectJob
from indexer.audio.workers.pool import DecoderPool
from indexer.ingest.facts.derive import IDENTITY, derive
from indexer.ingest.path_layout import checked_layouts
from indexer.ingest.scan_plan import FileToRead, plan, read_ledger
from indexer.ingest.scan_writer import ScanWriter
from indexer.ingest.tracklist import NO_TRACKLIST, TracklistMatch, TracklistRow, match, read_tracklist
from indexer.ingest.vanished_files import VanishedFiles, record_vanished
from indexer.ingest.walk_folder import Walk, walk, within_library
from indexer.tabular.records import Rejected
from recommender.catalog import Catalog
from recommender.catalog.file_facts import RowFacts
from recommender.catalog.rows import FileRecord
from recommender.errors import BadInput

BATCH = 200
"""Files written in one transaction."""

UNPLACED = frozenset({"file_not_found", "outside_folder"})
"""Reasons of tracklist rows whose file is not in the scanned folder: it may be in another one of the same scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """How a folder is scanned."""

    tracklist: Path | None = None
    """A row of it comes before tags and path. Without one, files keep the rows of the last tracklist."""
    reread: bool = False
    """Read every file again, also those whose size and times have not changed."""
    layouts: tuple[str, ...] = ()
    """Path layouts to read artist and title from, as ``indexer.ingest.path_layout`` has them. Empty: those of the last
    scan, as the rows of the last tracklist are kept; ``built-in`` alone: the built-in ones again."""
    forget_after_days: float | None = None
    """Days after which a vanished file leaves the catalog; None: it stays, because its embedding is still valid."""


NO_OPTIONS = ScanOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """The counts of one scan. ``files`` is new + known + unchanged, plus the rejected files."""

    files: int
    """Audio files, and files with the suffix of one."""
    new_clips: int
    """Files whose sound was not in the catalog."""
    known_clips: int
    """Files that were read and whose sound was in it: copies, renamed and retagged files; and files with a new row."""
    unchanged: int
    """Files that were not read, because they have not changed since the last scan."""
    ignored: int
    """Hidden files, pictures, texts and the like, symbolic links."""
    rejected: tuple[Rejected, ...]
    """Files, tracklist rows and folders that could not be used."""
    waiting: int
    """Of the rejected, files not read in this run: they crashed a decoder, and a later run tries them again."""
    quarantined: int
    """Of the rejected, files that crashed so many decoders that they are not read again until they change."""
    vanished: int
    """Files of earlier scans of this folder that are not there: they stay in the catalog until they are forgotten."""
    forgotten: int
    """Vanished files that left the catalog in this scan."""


def scan(
    catalog: Catalog,
    folder: Path,
    *,
    pool: DecoderPool,
    progress: Callable[[int, int], None],
    options: ScanOptions = NO_OPTIONS,
) -> ScanReport:
    """Read the audio files of ``folder``, and of all folders below it, into the catalog.

    A file that has not changed since the last scan is not read again; a tracklist may still give it another artist or
    title. Afterwards artists, tracks, genres and collaborations are derived from what all files say. ``progress`` is
    called with (files done, all files).

    Raises BadInput when the folder, the tracklist or a layout as a whole cannot be used.
    """
    walked = within_library(catalog, walk(folder))
    matched = match(read_tracklist(options.tracklist), walked) if options.tracklist else NO_TRACKLIST
    ledger = read_ledger(catalog, walked.files)
    planned = plan(walked.files, ledger, reread=options.reread)
    rows = {path: _facts(row) for path, row in matched.rows.items()} if options.tracklist else None
    writer = ScanWriter(catalog, rows, _layouts(options, ledger.values()))
    writer.reject_unusable(planned.unusable)
    writer.pass_over(planned.waiting)
    writer.update_unchanged(planned.unchanged)
    before, total = len(walked.files) - len(planned.to_read), len(walked.files)
    progress(before, total)
    for done, (file, outcome) in enumerate(_read(pool, planned.to_read), start=before + 1):
        writer.take(file, outcome)
        if writer.pending >= BATCH:
            writer.flush()
        progress(done, total)
    writer.finish()
    vanished = record_vanished(catalog, walked, forget_after_days=options.forget_after_days)
    derive(catalog)
    return _report(catalog, walked, matched, writer, vanished)


def join_reports(reports: Sequence[ScanReport]) -> ScanReport:
    """The reports of several folders as one. A tracklist row is rejected when its file is in none of the folders."""
    counts = {
        field.name: sum(getattr(report, field.name) for report in reports)
        for field in fields(ScanReport)
        if field.name != "rejected"
    }
    unplaced = [{_row_key(row) for row in report.rejected if row.reason in UNPLACED} for report in reports]
    nowhere = set[tuple[object, ...]]().union(*unplaced[:1]).intersection(*unplaced)
    rejected: dict[object, Rejected] = {}
    for row in (row for report in reports for row in report.rejected):
        if row.reason not in UNPLACED:
            rejected.setdefault(row, row)
        elif _row_key(row) in nowhere:
            rejected.setdefault(_row_key(row), row)
    return ScanReport(**counts, rejected=tuple(rejected.values()))


def _row_key(row: Rejected) -> tuple[object, ...]:
    return (row.path, row.line, row.key)


def read_again(catalog: Catalog, folder: Path) -> None:
    """Make the next scan of ``folder`` read every rejected file again, those in quarantine too."""
    catalog.retry_files([file.path for file in walk(folder).files])


def _layouts(options: ScanOptions, ledger: Iterable[FileRecord]) -> tuple[str, ...] | None:
    """The layouts of this scan as they are recorded; None for the built-in ones."""
    if options.layouts:
        return checked_layouts(options.layouts)
    return next((record.layout for record in ledger if record.layout), None)


def _facts(row: TracklistRow) -> RowFacts:
    return RowFacts(
        artist=row.artist.name,
        external_ids=row.artist.external_ids,
        title=row.title,
        album=row.album,
        genres=row.genres,
    )


def _read(pool: DecoderPool, files: Sequence[FileToRead]) -> Iterator[tuple[FileToRead, Inspection | BadInput]]:
    jobs = (InspectJob(path=Path(one.file.path)) for one in files)
    for one, outcome in zip(files, pool.run(jobs), strict=True):
        value = outcome.error or outcome.value
        if not isinstance(value, Inspection | BadInput):
            raise TypeError(f"an InspectJob was answered with {type(value).__name__}")
        yield one, value


def _report(
    catalog: Catalog, walked: Walk, matched: TracklistMatch, writer: ScanWriter, vanished: VanishedFiles
) -> ScanReport:
    nameless = list(_without_artist(catalog, writer.states, matched.rows))
    without = {one.path for one in nameless}
    states = Counter(state for path, state in writer.states.items() if path not in without)
    rejected = (*walked.unreadable, *matched.rejected, *vanished.problems, *writer.rejected, *nameless)
    return ScanReport(
        files=len(walked.files),
        new_clips=states["new"],
        known_clips=states["known"],
        unchanged=states["unchanged"],
        ignored=walked.ignored,
        rejected=tuple(sorted(rejected, key=lambda item: (item.path, item.line or 0, item.key or ""))),
        waiting=writer.waiting,
        quarantined=writer.quarantined,
        vanished=vanished.waiting,
        forgotten=vanished.forgotten,
    )


def _without_artist(
    catalog: Catalog, states: Mapping[str, str], rows: Mapping[str, TracklistRow]
) -> Iterator[Rejected]:
    """The usable files of this scan for which no artist or title could be derived."""
    for path, record in catalog.file_records(sorted(states)).items():
        if record.reason in IDENTITY:
            line = rows[path].record.line if path in rows else None
            yield Rejected(path=path, line=line, reason=str(record.reason), detail=record.detail or "")
