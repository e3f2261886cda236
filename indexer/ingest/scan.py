"""From a folder of files to clips in the catalog: every file gives a clip or a reason, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.audio.workers.jobs import Inspection, InspectJob
from indexer.audio.workers.pool import DecoderPool
from indexer.ingest.scan_plan import ToRead, plan
from indexer.ingest.scan_writer import ScanWriter
from indexer.ingest.tracklist import NOTHING, Matched, match, read_manifest
from indexer.ingest.walk_folder import Walk, walk
from indexer.tabular.rejects import Rejected
from recommender.catalog import Catalog
from recommender.errors import BadInput

BATCH = 200
"""Files entered in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What one scan found. ``files`` is new + known + unchanged, and the files that were rejected."""

    files: int
    """Audio files, and files that claim to be."""
    new_clips: int
    """Files whose excerpt the catalog did not have."""
    known_clips: int
    """Files read or moved whose excerpt it had: copies, renamed files, files given another artist or title."""
    unchanged: int
    """Files that were not read, being as the last scan left them."""
    ignored: int
    """Hidden files, pictures, texts and the like, symbolic links."""
    rejected: tuple[Rejected, ...]
    """Files with a reason, rows of the manifest that are of no use, folders that could not be listed."""
    waiting: int
    """Of the rejected, files not read this time: they cost decoders their lives, and their turn is in a later run."""
    quarantined: int
    """Of the rejected, files that cost so many that none is risked on them again until they change."""


def scan(
    catalog: Catalog,
    folder: Path,
    *,
    manifest: Path | None,
    pool: DecoderPool,
    progress: Callable[[int, int], None],
) -> ScanReport:
    """Enter the audio files of ``folder``, and all below it, in the catalog.

    A file that is as the last scan left it is not read again; a manifest may still give it another artist or title,
    and its clip moves there. A file that vanished keeps its rows, for embeddings outlive audio. ``progress`` is called
    with (files done with, files).

    Raises BadInput for a folder or a manifest that is of no use as a whole.
    """
    found = walk(folder)
    said = match(read_manifest(manifest), found) if manifest else NOTHING
    planned = plan(catalog, found.files, said.rows)
    entering = ScanWriter(catalog, frozenset(file.path for file in found.files))
    entering.give_up(planned.hopeless)
    entering.pass_over(planned.waiting)
    entering.settle(planned.settled)
    before, total = len(found.files) - len(planned.to_read), len(found.files)
    progress(before, total)
    for done, (wanted, outcome) in enumerate(_read(pool, planned.to_read), start=before + 1):
        entering.take(wanted, outcome)
        if entering.waiting >= BATCH:
            entering.flush()
        progress(done, total)
    entering.finish()
    return _report(found, said, entering)


def read_again(catalog: Catalog, folder: Path) -> None:
    """Have the next scan of ``folder`` read every file again that was rejected, those in quarantine too."""
    catalog.retry_files([file.path for file in walk(folder).files])


def _read(pool: DecoderPool, wanted: Sequence[ToRead]) -> Iterator[tuple[ToRead, Inspection | BadInput]]:
    jobs = (InspectJob(path=Path(one.file.path)) for one in wanted)
    for one, outcome in zip(wanted, pool.run(jobs), strict=True):
        value = outcome.error or outcome.value
        if not isinstance(value, Inspection | BadInput):
            raise TypeError(f"an InspectJob was answered with {type(value).__name__}")
        yield one, value


def _report(found: Walk, said: Matched, entering: ScanWriter) -> ScanReport:
    rejected = (*found.unreadable, *said.rejected, *entering.rejected)
    return ScanReport(
        files=len(found.files),
        new_clips=entering.new_clips,
        known_clips=entering.known_clips,
        unchanged=entering.unchanged,
        ignored=found.ignored,
        rejected=tuple(sorted(rejected, key=lambda item: (item.path, item.line or 0, item.key or ""))),
        waiting=entering.waiting_files,
        quarantined=entering.quarantined,
    )
