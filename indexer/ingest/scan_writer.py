"""Writes the files of a scan to the catalog: artist, track, clip, genres and ledger, one batch per transaction."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.audio.decode import EXCERPT_POLICY, Excerpt, choose_excerpt
from indexer.audio.rejection_reasons import PASSING
from indexer.audio.workers.jobs import Inspection
from indexer.ingest.identify import TAGS, TRACKLIST, Identity, identify
from indexer.ingest.scan_plan import KEEPS_CLIP, FileToRead, UnchangedFile, UnusableFile, WaitingFile
from indexer.ingest.tracklist import TracklistRow
from indexer.ingest.walk_folder import FoundFile
from indexer.tabular.records import Rejected, reason_of
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistGenre, ArtistRef, Clip, FileRecord, MatchResult, NewClip
from recommender.errors import AmbiguousName, BadInput
from recommender.names import clip_id, fold
from recommender.retry_schedule import count_losses, skip_after

logger = logging.getLogger(__name__)

LICENCE = "own"
"""Licence of the genres of tracklists and tags, which are the operator's own data."""

_MAX_LEDGER_PATH_BYTES = 2000
_MAX_DETAIL = 1000


class GenreCollector:
    """Collects the genres that tracklist and tags give to artists during a scan, and writes them at its end."""

    def __init__(self) -> None:
        self._genres: dict[str, defaultdict[str, set[str]]] = {TRACKLIST: defaultdict(set), TAGS: defaultdict(set)}
        """Source -> artist id -> genres."""
        self._clips: set[str] = set()

    def add_clip(self, clip_id: str) -> None:
        """Record that this scan met a clip."""
        self._clips.add(clip_id)

    def add_genres(self, source: str, artist_id: str, genres: Iterable[str]) -> None:
        """Record that ``source`` gives these folded genres, possibly none, to an artist."""
        self._genres[source][artist_id].update(genres)

    def write(self, catalog: Catalog) -> None:
        """Write the collected genres, each with weight 1.

        Genres of a tracklist replace the artist's earlier ones when this scan met all clips of the artist: only then
        has it seen every row that could name a genre. Otherwise, and with tags, which are only read from new files,
        genres are added.
        """
        for source, by_artist in self._genres.items():
            if by_artist:
                catalog.ensure_source(source, LICENCE)
        listed = self._genres[TRACKLIST]
        clips = catalog.clip_ids_of_artists(sorted(listed))
        complete = {artist_id for artist_id in listed if clips.get(artist_id, frozenset()) <= self._clips}
        catalog.replace_genres(TRACKLIST, {artist_id: listed[artist_id] for artist_id in sorted(complete)})
        added = [
            ArtistGenre(artist_id=artist_id, genre=genre, source=source, weight=1.0)
            for source, by_artist in self._genres.items()
            for artist_id in sorted(by_artist)
            if source != TRACKLIST or artist_id not in complete
            for genre in sorted(by_artist[artist_id])
        ]
        catalog.add_genres(added)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadFile:
    """A file that was read, with its artist, title and genres."""

    planned: FileToRead
    inspection: Inspection
    excerpt: Excerpt
    identity: Identity

    @property
    def clip_id(self) -> str:
        return clip_id(self.inspection.content_sha256, self.excerpt.start_ms, self.excerpt.length_ms)


class ScanWriter:
    """Writes the files of one scan to the catalog, and counts them.

    When several files have the same content, their one clip belongs to the file it was first found in, as long as that
    file still has this content. The others are copies: their tags and tracklist rows do not change the clip.
    """

    def __init__(self, catalog: Catalog, present: frozenset[str]) -> None:
        """``present``: paths of all files of this scan."""
        self.rejected: list[Rejected] = []
        self.new_clips = 0
        self.known_clips = 0
        self.unchanged = 0
        self.waiting = 0
        self.quarantined = 0
        self._catalog = catalog
        self._present = present
        self._clip_at: dict[str, str] = {}
        """Path -> clip id, of the files whose content this scan knows."""
        self._genres = GenreCollector()
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
            if not one.recorded:
                self._record_rejection(one.file, one.error)

    def pass_over(self, waiting: Sequence[WaitingFile]) -> None:
        """Skip the files that crashed their decoders, and count this run in their retry schedule."""
        for one in waiting:
            self._reject(one.file, one.error)
            self._keep(one.file.path, one.before)
            self.quarantined += one.quarantined
            self.waiting += not one.quarantined
        self._passed_over += [one.file.path for one in waiting]

    def update_unchanged(self, files: Sequence[UnchangedFile]) -> None:
        """Accept files that have not changed, and apply their tracklist rows."""
        for one in files:
            self._clip_at[one.file.path] = one.clip.id
            self._genres.add_clip(one.clip.id)
        owners = [one for one in files if self._is_owner(one.file.path, one.clip)]
        listed = [(one, one.row) for one in owners if one.row is not None]
        refs = [_with_current(row.artist, one.clip.artist_id) for one, row in listed]
        with self._catalog.transaction():
            for one in owners:
                if one.clip.source_path != one.file.path:
                    self._catalog.set_source_path(one.clip.id, one.file.path)
            artists = self._catalog.find_or_add_artists(refs)
            moved = [self._apply_row(*pair, artist) for pair, artist in zip(listed, artists, strict=True)]
        self.known_clips += sum(moved)
        self.unchanged += len(files) - sum(moved)

    def take(self, planned: FileToRead, outcome: Inspection | BadInput) -> None:
        """Accept a file that was read, or the error of a file that could not be."""
        try:
            self._read.append(_identified(planned, outcome))
        except BadInput as error:
            self._reject_read(planned, error)

    def flush(self) -> None:
        """Write everything taken so far, in one transaction."""
        files, self._read = self._read, []
        with self._catalog.transaction():
            artists = self._catalog.find_or_add_artists([one.identity.artist for one in files])
            known = self._catalog.read_clips([one.clip_id for one in files])
            for one, artist in zip(files, artists, strict=True):
                self._write(one, artist, known)
            records, self._ledger = self._ledger, []
            self._catalog.record_files(records)

    def finish(self) -> None:
        """Write the remaining files and the genres, and advance the retry schedule of the waiting files."""
        self.flush()
        with self._catalog.transaction():
            self._genres.write(self._catalog)
            self._catalog.count_skipped_files(self._passed_over)

    def _write(self, one: _ReadFile, artist: MatchResult, known: dict[str, Clip]) -> None:
        if isinstance(artist, AmbiguousName | BadInput):
            self._reject_read(one.planned, artist)
            return
        clip = known.get(one.clip_id)
        if clip is None or not self._is_owned_elsewhere(clip, one.planned.file.path):
            try:
                clip = self._place(one, artist.artist_id, clip)
            except BadInput as error:
                self._reject_read(one.planned, error)
                return
            known[clip.id] = clip
        else:
            self.known_clips += 1
        self._clip_at[one.planned.file.path] = clip.id
        self._genres.add_clip(clip.id)
        self._ledger.append(_record(one, clip.id))

    def _place(self, one: _ReadFile, artist_id: str, before: Clip | None) -> Clip:
        """Add the clip to its track, or move it there; returns the clip as it is afterwards."""
        track_id = self._catalog.find_or_add_track(artist_id, one.identity.title)
        path = one.planned.file.path
        added = self._catalog.add_clip(
            NewClip(
                track_id=track_id,
                content_sha256=one.inspection.content_sha256,
                start_ms=one.excerpt.start_ms,
                length_ms=one.excerpt.length_ms,
                policy=EXCERPT_POLICY,
                source_path=path,
            )
        )
        self.new_clips += added.is_new
        self.known_clips += not added.is_new
        if before is not None and before.artist_id != artist_id:
            self._genres.add_genres(TRACKLIST, before.artist_id, ())
        if one.identity.genres is not None:
            self._genres.add_genres(one.identity.source, artist_id, one.identity.genres)
        title = one.identity.title
        return Clip(id=added.clip_id, track_id=track_id, title=title, artist_id=artist_id, source_path=path)

    def _apply_row(self, one: UnchangedFile, row: TracklistRow, artist: MatchResult) -> bool:
        """Apply a tracklist row to an unchanged file; returns whether its clip moved to another track."""
        if isinstance(artist, AmbiguousName | BadInput):
            self._reject(one.file, artist, row)
            return False
        if row.genres is not None:
            self._genres.add_genres(TRACKLIST, artist.artist_id, row.genres)
        title = row.title or one.clip.title
        if artist.artist_id == one.clip.artist_id and fold(title) == fold(one.clip.title):
            return False
        if artist.artist_id != one.clip.artist_id:
            self._genres.add_genres(TRACKLIST, one.clip.artist_id, ())
        self._catalog.move_clip(one.clip.id, self._catalog.find_or_add_track(artist.artist_id, title))
        return True

    def _is_owner(self, path: str, clip: Clip) -> bool:
        owner = clip.source_path
        return owner == path or not (owner in self._present or Path(owner).is_file())

    def _is_owned_elsewhere(self, clip: Clip, path: str) -> bool:
        """Whether the clip belongs to another file, which still has its content."""
        owner = clip.source_path
        if owner == path or owner in self._present:
            return owner != path and self._clip_at.get(owner) == clip.id
        record = self._catalog.file_record(owner)
        return record is not None and record.clip_id == clip.id and Path(owner).is_file()

    def _reject_read(self, planned: FileToRead, error: BadInput | AmbiguousName) -> None:
        self._reject(planned.file, error, planned.row)
        reason = reason_of(error)[0]
        kept = planned.before if reason in KEEPS_CLIP else None
        self._keep(planned.file.path, kept)
        if kept is not None and reason in PASSING:
            return  # the old ledger row keeps the clip, and makes the next scan read the file again
        self._record_rejection(planned.file, error, kept=kept, losses=count_losses(planned.losses, reason))

    def _keep(self, path: str, clip: Clip | None) -> None:
        """Let a file that could not be read keep the clip that it gave before."""
        if clip is not None:
            self._clip_at[path] = clip.id
            self._genres.add_clip(clip.id)

    def _reject(self, file: FoundFile, error: BadInput | AmbiguousName, row: TracklistRow | None = None) -> None:
        reason, detail = reason_of(error)
        line = row.record.line if row else None
        self.rejected.append(Rejected(path=file.path, line=line, reason=str(reason), detail=detail))
        logger.info("%s: %s: %s", file.path, reason, detail)

    def _record_rejection(
        self, file: FoundFile, error: BadInput | AmbiguousName, *, kept: Clip | None = None, losses: int = 0
    ) -> None:
        if len(file.path.encode()) > _MAX_LEDGER_PATH_BYTES:
            return
        reason, detail = reason_of(error)
        self._ledger.append(
            FileRecord(
                path=file.path,
                size=file.size,
                mtime_ns=file.mtime_ns,
                clip_id=kept.id if kept else None,
                reason=str(reason),
                detail=detail.encode(errors="backslashreplace").decode().replace("\0", "")[:_MAX_DETAIL],
                losses=losses,
                skip_runs=skip_after(losses),
            )
        )


def _identified(planned: FileToRead, outcome: Inspection | BadInput) -> _ReadFile:
    if isinstance(outcome, BadInput):
        raise outcome
    current_id = planned.before.artist_id if planned.before else None
    return _ReadFile(
        planned=planned,
        inspection=outcome,
        excerpt=choose_excerpt(outcome.info.duration_s),
        identity=identify(planned.file.relative, planned.row, outcome.tags, current_id=current_id),
    )


def _record(one: _ReadFile, clip: str) -> FileRecord:
    return FileRecord(
        path=one.planned.file.path,
        size=one.inspection.size,
        mtime_ns=one.inspection.mtime_ns,
        content_sha256=one.inspection.content_sha256,
        clip_id=clip,
    )


def _with_current(ref: ArtistRef, current_id: str) -> ArtistRef:
    return ArtistRef(name=ref.name, external_ids=ref.external_ids, current_id=current_id)
