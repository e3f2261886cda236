"""Enter files in the catalog, a batch to a transaction: artist, track, clip, ledger."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.audio.decode import EXCERPT_POLICY, Excerpt, choose_excerpt
from indexer.audio.rejection_reasons import PASSING
from indexer.audio.workers.jobs import Inspection
from indexer.ingest.identify import MANIFEST, TAGS, Identity, identify
from indexer.ingest.scan_plan import KEEPS_CLIP, Hopeless, Settled, ToRead, Waiting
from indexer.ingest.tracklist import ManifestRow
from indexer.ingest.walk_folder import FoundFile
from indexer.tabular.rejects import Rejected, reason_of
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistGenre, ArtistRef, Clip, FileRecord, MatchResult, NewClip
from recommender.errors import AmbiguousName, BadInput
from recommender.names import clip_id, fold
from recommender.retry_schedule import count_losses, skip_after

LICENCE = "own"
"""Manifests and tags are the operator's own data."""


class GenreCollector:
    """Artist by artist, what manifest and tags said, and which clips were looked at."""

    def __init__(self) -> None:
        self._said: dict[str, defaultdict[str, set[str]]] = {MANIFEST: defaultdict(set), TAGS: defaultdict(set)}
        self._seen: set[str] = set()

    def see(self, clip_id: str) -> None:
        """Note that the scan came across a clip."""
        self._seen.add(clip_id)

    def say(self, source: str, artist_id: str, genres: Iterable[str]) -> None:
        """Note that ``source`` gives an artist these folded genres, be they none."""
        self._said[source][artist_id].update(genres)

    def write(self, catalog: Catalog) -> None:
        """Enter what was gathered, each genre with weight 1.

        What a manifest says of an artist replaces what one said before, when this scan saw all clips of the artist.
        Otherwise, and with tags, which are only read of new files, it is added.
        """
        for source, said in self._said.items():
            if said:
                catalog.ensure_source(source, LICENCE)
        manifest = self._said[MANIFEST]
        clips = catalog.clip_ids_of_artists(sorted(manifest))
        whole = {artist_id for artist_id in manifest if clips.get(artist_id, frozenset()) <= self._seen}
        catalog.replace_genres(MANIFEST, {artist_id: manifest[artist_id] for artist_id in sorted(whole)})
        added = [
            ArtistGenre(artist_id=artist_id, genre=genre, source=source, weight=1.0)
            for source, said in self._said.items()
            for artist_id in sorted(said)
            if source != MANIFEST or artist_id not in whole
            for genre in sorted(said[artist_id])
        ]
        catalog.add_genres(added)


logger = logging.getLogger(__name__)

_MAX_LEDGER_PATH_BYTES = 2000
_MAX_DETAIL = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A file that was read, and what it is taken to be."""

    wanted: ToRead
    inspection: Inspection
    excerpt: Excerpt
    identity: Identity

    @property
    def clip_id(self) -> str:
        return clip_id(self.inspection.content_sha256, self.excerpt.start_ms, self.excerpt.length_ms)


class ScanWriter:
    """Takes the files of one scan, and counts what became of them.

    Where one content lies in several files, the clip belongs to the one it was first found in, as long as that one
    holds it; the others are copies, and what is said of them moves nothing.
    """

    def __init__(self, catalog: Catalog, present: frozenset[str]) -> None:
        """``present``: paths of all files of this scan."""
        self.rejected: list[Rejected] = []
        self.new_clips = 0
        self.known_clips = 0
        self.unchanged = 0
        self.waiting_files = 0
        self.quarantined = 0
        self._catalog = catalog
        self._present = present
        self._holds: dict[str, str] = {}  # path -> clip, of files whose content this scan is sure of
        self._genres = GenreCollector()
        self._heard: list[_Heard] = []
        self._ledger: list[FileRecord] = []
        self._passed_over: list[str] = []

    @property
    def waiting(self) -> int:
        """Files taken since the last transaction."""
        return len(self._heard) + len(self._ledger)

    def give_up(self, hopeless: Sequence[Hopeless]) -> None:
        """Reject files that nobody will read."""
        for one in hopeless:
            self._reject(one.file, one.error)
            if not one.recorded:
                self._record_rejection(one.file, one.error)

    def pass_over(self, waiting: Sequence[Waiting]) -> None:
        """Leave files alone that cost their decoders their lives, and count this run as one they waited."""
        for one in waiting:
            self._reject(one.file, one.error)
            self._keep(one.file.path, one.before)
            self.quarantined += one.quarantined
            self.waiting_files += not one.quarantined
        self._passed_over += [one.file.path for one in waiting]

    def settle(self, settled: Sequence[Settled]) -> None:
        """Accept files that are as they were, and see whether the manifest has something new to say of them."""
        for one in settled:
            self._holds[one.file.path] = one.clip.id
            self._genres.see(one.clip.id)
        owners = [one for one in settled if self._owns(one.file.path, one.clip)]
        spoken = [(one, one.row) for one in owners if one.row is not None]
        refs = [_still(row.artist, one.clip.artist_id) for one, row in spoken]
        with self._catalog.transaction():
            for one in owners:
                if one.clip.source_path != one.file.path:
                    self._catalog.set_source_path(one.clip.id, one.file.path)
            artists = self._catalog.find_or_add_artists(refs)
            moved = [self._resettle(*pair, artist) for pair, artist in zip(spoken, artists, strict=True)]
        self.known_clips += sum(moved)
        self.unchanged += len(settled) - sum(moved)

    def take(self, wanted: ToRead, outcome: Inspection | BadInput) -> None:
        """Accept a file that was read, or the reason why it could not be."""
        try:
            self._heard.append(_hear(wanted, outcome))
        except BadInput as error:
            self._reject_read(wanted, error)

    def flush(self) -> None:
        """Write everything taken so far, in one transaction."""
        heard, self._heard = self._heard, []
        with self._catalog.transaction():
            artists = self._catalog.find_or_add_artists([one.identity.artist for one in heard])
            known = self._catalog.read_clips([one.clip_id for one in heard])
            for one, artist in zip(heard, artists, strict=True):
                self._enter(one, artist, known)
            records, self._ledger = self._ledger, []
            self._catalog.record_files(records)

    def finish(self) -> None:
        """Write what is left, the genres, and that this run is over for those that wait."""
        self.flush()
        with self._catalog.transaction():
            self._genres.write(self._catalog)
            self._catalog.count_skipped_files(self._passed_over)

    def _enter(self, one: _Heard, artist: MatchResult, known: dict[str, Clip]) -> None:
        if isinstance(artist, AmbiguousName | BadInput):
            self._reject_read(one.wanted, artist)
            return
        clip = known.get(one.clip_id)
        if clip is None or not self._held_elsewhere(clip, one.wanted.file.path):
            try:
                clip = self._place(one, artist.artist_id, clip)
            except BadInput as error:
                self._reject_read(one.wanted, error)
                return
            known[clip.id] = clip
        else:
            self.known_clips += 1
        self._holds[one.wanted.file.path] = clip.id
        self._genres.see(clip.id)
        self._ledger.append(_record(one, clip.id))

    def _place(self, one: _Heard, artist_id: str, before: Clip | None) -> Clip:
        """Put the clip under its track; what it is afterwards."""
        track_id = self._catalog.find_or_add_track(artist_id, one.identity.title)
        path = one.wanted.file.path
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
            self._genres.say(MANIFEST, before.artist_id, ())
        if one.identity.genres is not None:
            self._genres.say(one.identity.source, artist_id, one.identity.genres)
        title = one.identity.title
        return Clip(id=added.clip_id, track_id=track_id, title=title, artist_id=artist_id, source_path=path)

    def _resettle(self, one: Settled, row: ManifestRow, artist: MatchResult) -> bool:
        """Let a manifest row speak for an unchanged file; whether its clip moved to another track."""
        if isinstance(artist, AmbiguousName | BadInput):
            self._reject(one.file, artist, row)
            return False
        if row.genres is not None:
            self._genres.say(MANIFEST, artist.artist_id, row.genres)
        title = row.title or one.clip.title
        if artist.artist_id == one.clip.artist_id and fold(title) == fold(one.clip.title):
            return False
        if artist.artist_id != one.clip.artist_id:
            self._genres.say(MANIFEST, one.clip.artist_id, ())
        self._catalog.move_clip(one.clip.id, self._catalog.find_or_add_track(artist.artist_id, title))
        return True

    def _owns(self, path: str, clip: Clip) -> bool:
        owner = clip.source_path
        return owner == path or not (owner in self._present or Path(owner).is_file())

    def _held_elsewhere(self, clip: Clip, path: str) -> bool:
        """Whether another file is known to hold the clip, and so decides on it."""
        owner = clip.source_path
        if owner == path or owner in self._present:
            return owner != path and self._holds.get(owner) == clip.id
        record = self._catalog.file_record(owner)
        return record is not None and record.clip_id == clip.id and Path(owner).is_file()

    def _reject_read(self, wanted: ToRead, error: BadInput | AmbiguousName) -> None:
        self._reject(wanted.file, error, wanted.row)
        reason = reason_of(error)[0]
        kept = wanted.before if reason in KEEPS_CLIP else None
        self._keep(wanted.file.path, kept)
        if kept is not None and reason in PASSING:
            return  # the ledger keeps the clip, and that the file is to be read again
        self._record_rejection(wanted.file, error, kept=kept, losses=count_losses(wanted.losses, reason))

    def _keep(self, path: str, clip: Clip | None) -> None:
        """Let a file that could not be read go on holding the clip it gave before."""
        if clip is not None:
            self._holds[path] = clip.id
            self._genres.see(clip.id)

    def _reject(self, file: FoundFile, error: BadInput | AmbiguousName, row: ManifestRow | None = None) -> None:
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


def _hear(wanted: ToRead, outcome: Inspection | BadInput) -> _Heard:
    if isinstance(outcome, BadInput):
        raise outcome
    current_id = wanted.before.artist_id if wanted.before else None
    return _Heard(
        wanted=wanted,
        inspection=outcome,
        excerpt=choose_excerpt(outcome.info.duration_s),
        identity=identify(wanted.file.relative, wanted.row, outcome.tags, current_id=current_id),
    )


def _record(one: _Heard, clip: str) -> FileRecord:
    return FileRecord(
        path=one.wanted.file.path,
        size=one.inspection.size,
        mtime_ns=one.inspection.mtime_ns,
        content_sha256=one.inspection.content_sha256,
        clip_id=clip,
    )


def _still(ref: ArtistRef, current_id: str) -> ArtistRef:
    return ArtistRef(name=ref.name, external_ids=ref.external_ids, current_id=current_id)
