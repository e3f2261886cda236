"""Writes the files of a scan to the ledger of the catalog, with the clips of their sounds, in batches."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.audio.decode import EXCERPT_POLICY, choose_excerpt
from indexer.audio.rejection_reasons import PASSING
from indexer.audio.workers.jobs import Inspection
from indexer.ingest.facts.old_identity import row_of_old_scan
from indexer.ingest.scan_plan import KEEPS_CLIP, FileToRead, UnchangedFile, UnusableFile, WaitingFile
from indexer.ingest.walk_folder import FoundFile
from indexer.tabular.records import Rejected, reason_of
from recommender.catalog import Catalog
from recommender.catalog.file_facts import RowFacts
from recommender.catalog.rows import Clip, FileRecord, NewClip
from recommender.errors import AmbiguousName, BadInput
from recommender.retry_schedule import count_losses, skip_after

logger = logging.getLogger(__name__)

_MAX_LEDGER_PATH_BYTES = 2000
_MAX_DETAIL = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadFile:
    """A file whose sound was read."""

    planned: FileToRead
    inspection: Inspection


class ScanWriter:
    """Writes the files of one scan to the ledger, and counts them. Their artists and tracks are derived later."""

    def __init__(self, catalog: Catalog, rows: Mapping[str, RowFacts] | None, layout: tuple[str, ...] | None) -> None:
        """``rows``: path -> tracklist row; None without a tracklist: files then keep the rows that they have."""
        self.rejected: list[Rejected] = []
        self.waiting = 0
        self.quarantined = 0
        self.states: dict[str, str] = {}
        """Path of each usable file -> ``new`` (a new clip), ``known`` (read, or another row) or ``unchanged``."""
        self._catalog = catalog
        self._rows = rows
        self._layout = layout
        self._read: list[_ReadFile] = []
        self._ledger: list[FileRecord] = []
        self._passed_over: list[str] = []

    @property
    def pending(self) -> int:
        """Files taken since the last transaction."""
        return len(self._read) + len(self._ledger)

    def reject_unusable(self, unusable: Sequence[UnusableFile]) -> None:
        """Reject the files that are not read."""
        for one in unusable:
            self._reject(one.file, one.error)
            if one.before is None:
                self._record_rejection(one.file, one.error, before=None)
            else:
                self._is_there(one.before)

    def pass_over(self, waiting: Sequence[WaitingFile]) -> None:
        """Skip the files that crashed their decoders, and count this run in their retry schedule."""
        for one in waiting:
            self._reject(one.file, one.error)
            self._is_there(one.before)
            self.quarantined += one.quarantined
            self.waiting += not one.quarantined
        self._passed_over += [one.file.path for one in waiting]

    def update_unchanged(self, files: Sequence[UnchangedFile]) -> None:
        """Accept files that have not changed, and record their tracklist rows and where they are."""
        for one in files:
            record = replace(
                one.record,
                row=self._row(one.file.path, one.record),
                relative=one.file.relative,
                layout=self._layout,
                vanished_at=None,
            )
            self.states[one.file.path] = "unchanged" if record.row == one.record.row else "known"
            if record != one.record:
                self._ledger.append(record)

    def take(self, planned: FileToRead, outcome: Inspection | BadInput) -> None:
        """Accept a file that was read, or the error of a file that could not be."""
        if isinstance(outcome, Inspection):
            self._read.append(_ReadFile(planned=planned, inspection=outcome))
        else:
            self._reject_read(planned, outcome)

    def flush(self) -> None:
        """Write everything taken so far, in one transaction."""
        files, self._read = self._read, []
        with self._catalog.transaction():
            by_sound = self._catalog.clips_by_sound([one.inspection.audio_id for one in files])
            by_content = self._catalog.clips_by_content([one.inspection.content_sha256 for one in files])
            for one in files:
                try:
                    clip = self._clip(one, by_sound, by_content)
                except BadInput as error:
                    self._reject_read(one.planned, error)
                else:
                    self._ledger.append(self._record(one, clip))
            records, self._ledger = self._ledger, []
            if records:
                self._catalog.record_files(records)
                self._catalog.facts_may_differ()

    def finish(self) -> None:
        """Write the remaining files, and advance the retry schedule of the waiting files."""
        self.flush()
        self._catalog.count_skipped_files(self._passed_over)

    def _clip(self, one: _ReadFile, by_sound: dict[str, Clip], by_content: dict[str, Clip]) -> Clip:
        """The clip of a sound: the one that it has, whatever its tags were, else a new one.

        The excerpt is chosen once for each sound: the length that a file claims may change with its tags. A clip from
        before sounds had an identity is found by the hash of its file, and its sound gets its identity now.
        """
        inspection = one.inspection
        clip = by_sound.get(inspection.audio_id)
        old = by_content.pop(inspection.content_sha256, None)
        if old is not None and clip is None:
            self._catalog.set_audio_ids([(old.id, inspection.audio_id)])
            clip = replace(old, audio_id=inspection.audio_id)
        elif old is not None and clip is not None:
            self._catalog.set_audio_ids([(old.id, inspection.audio_id)])
            clip = self._join(clip, old)
        self.states[one.planned.file.path] = "new" if clip is None else "known"
        if clip is None:
            clip = self._add_clip(one)
        by_sound[inspection.audio_id] = clip
        return clip

    def _join(self, clip: Clip, old: Clip) -> Clip:
        """Let one of two clips with one sound stand for both: that with more embeddings, which are then not lost."""
        embeddings = self._catalog.count_embeddings([clip.id, old.id])
        stands, other = (clip, old) if embeddings.get(clip.id, 0) >= embeddings.get(old.id, 0) else (old, clip)
        self._catalog.set_same_sound(other.id, stands.id)
        self._ledger = [
            replace(record, clip_id=stands.id) if record.clip_id == other.id else record for record in self._ledger
        ]
        return stands

    def _add_clip(self, one: _ReadFile) -> Clip:
        inspection = one.inspection
        excerpt = choose_excerpt(inspection.info.duration_s)
        new = NewClip(
            track_id=None,
            content_sha256=inspection.content_sha256,
            start_ms=excerpt.start_ms,
            length_ms=excerpt.length_ms,
            policy=EXCERPT_POLICY,
            source_path=one.planned.file.path,
            audio_id=inspection.audio_id,
        )
        return Clip(
            id=self._catalog.add_clip(new).clip_id,
            track_id=None,
            audio_id=new.audio_id,
            content_sha256=new.content_sha256,
            start_ms=new.start_ms,
            length_ms=new.length_ms,
            source_path=new.source_path,
        )

    def _record(self, one: _ReadFile, clip: Clip) -> FileRecord:
        file, inspection, before = one.planned.file, one.inspection, one.planned.before
        row = self._row(file.path, before)
        if row is None and self._rows is None and before is not None and before.tags is None and clip.track_id:
            row = row_of_old_scan(self._catalog, clip, before, inspection, file.relative)
        return FileRecord(
            path=file.path,
            size=inspection.size,
            mtime_ns=inspection.mtime_ns,
            ctime_ns=inspection.ctime_ns,
            content_sha256=inspection.content_sha256,
            audio_id=inspection.audio_id,
            clip_id=clip.id,
            relative=file.relative,
            length_ms=round(inspection.info.duration_s * 1000),
            tags=inspection.tags,
            row=row,
            layout=self._layout,
        )

    def _row(self, path: str, before: FileRecord | None) -> RowFacts | None:
        if self._rows is not None:
            return self._rows.get(path)
        return before.row if before is not None else None

    def _reject_read(self, planned: FileToRead, error: BadInput) -> None:
        self.states.pop(planned.file.path, None)
        self._reject(planned.file, error)
        before = planned.before if error.reason in KEEPS_CLIP else None
        if before is not None and before.clip_id is not None and error.reason in PASSING:
            self._is_there(before)
            return  # the old record keeps the clip, and makes the next scan read the file again
        self._record_rejection(planned.file, error, before=before, losses=count_losses(planned.losses, error.reason))

    def _is_there(self, before: FileRecord) -> None:
        """Record that a file that cannot be used now has not vanished."""
        if before.vanished_at is not None:
            self._ledger.append(replace(before, vanished_at=None))

    def _reject(self, file: FoundFile, error: BadInput | AmbiguousName) -> None:
        reason, detail = reason_of(error)
        self.rejected.append(Rejected(path=file.path, reason=str(reason), detail=detail))
        logger.info("%s: %s: %s", file.path, reason, detail)

    def _record_rejection(
        self, file: FoundFile, error: BadInput, *, before: FileRecord | None, losses: int = 0
    ) -> None:
        """Record why a file has no usable sound. ``before``: the record whose clip and tags it keeps."""
        if len(file.path.encode()) > _MAX_LEDGER_PATH_BYTES:
            return
        reason, detail = reason_of(error)
        kept = before or FileRecord(path=file.path, size=0, mtime_ns=0)
        self._ledger.append(
            replace(
                kept,
                size=file.size,
                mtime_ns=file.mtime_ns,
                ctime_ns=file.ctime_ns,
                reason=str(reason),
                detail=detail.encode(errors="backslashreplace").decode().replace("\0", "")[:_MAX_DETAIL],
                losses=losses,
                skip_runs=skip_after(losses),
                vanished_at=None,
            )
        )
