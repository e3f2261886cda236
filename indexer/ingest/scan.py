"""Scans a folder of music into the catalog: each file becomes a clip or is rejected with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.audio.workers.jobs import Inspection, InspectJob
from indexer.audio.workers.pool import DecoderPool
from indexer.ingest.scan_plan import FileToRead, plan
from indexer.ingest.scan_writer import ScanWriter
from indexer.ingest.tracklist import NO_TRACKLIST, TracklistMatch, match, read_tracklist
from indexer.ingest.walk_folder import Walk, walk
from indexer.tabular.records import Rejected
from recommender.catalog import Catalog
from recommender.errors import BadInput

BATCH = 200
"""Files written in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """The counts of one scan. ``files`` is new + known + unchanged, plus the rejected files."""

    files: int
    """Audio files, and files with the suffix of one."""
    new_clips: int
    """Files whose excerpt was not in the catalog."""
    known_clips: int
    """Files read or moved whose excerpt was in it: copies, renamed files, files with a new artist or title."""
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


def scan(
    catalog: Catalog,
    folder: Path,
    *,
    tracklist: Path | None,
    pool: DecoderPool,
    progress: Callable[[int, int], None],
) -> ScanReport:
    """Read the audio files of ``folder``, and of all folders below it, into the catalog.

    A file that has not changed since the last scan is not read again; a tracklist may still give it another artist or
    title, and its clip then moves there. A file that is gone keeps its rows, because its embeddings are still valid.
    ``progress`` is called with (files done, all files).

    Raises BadInput when the folder or the tracklist as a whole cannot be used.
    """
    walked = walk(folder)
    matched = match(read_tracklist(tracklist), walked) if tracklist else NO_TRACKLIST
    planned = plan(catalog, walked.files, matched.rows)
    writer = ScanWriter(catalog, frozenset(file.path for file in walked.files))
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
    return _report(walked, matched, writer)


def read_again(catalog: Catalog, folder: Path) -> None:
    """Make the next scan of ``folder`` read every rejected file again, those in quarantine too."""
    catalog.retry_files([file.path for file in walk(folder).files])


def _read(pool: DecoderPool, files: Sequence[FileToRead]) -> Iterator[tuple[FileToRead, Inspection | BadInput]]:
    jobs = (InspectJob(path=Path(one.file.path)) for one in files)
    for one, outcome in zip(files, pool.run(jobs), strict=True):
        value = outcome.error or outcome.value
        if not isinstance(value, Inspection | BadInput):
            raise TypeError(f"an InspectJob was answered with {type(value).__name__}")
        yield one, value


def _report(walked: Walk, matched: TracklistMatch, writer: ScanWriter) -> ScanReport:
    rejected = (*walked.unreadable, *matched.rejected, *writer.rejected)
    return ScanReport(
        files=len(walked.files),
        new_clips=writer.new_clips,
        known_clips=writer.known_clips,
        unchanged=writer.unchanged,
        ignored=walked.ignored,
        rejected=tuple(sorted(rejected, key=lambda item: (item.path, item.line or 0, item.key or ""))),
        waiting=writer.waiting,
        quarantined=writer.quarantined,
    )
