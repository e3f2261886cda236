"""Tracks, their clips, and the audio files that were scanned."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from recommender.catalog.rows import AddedClip, Clip, FileRecord, NewClip
from recommender.catalog.tables import clips, extractions, files, tracks
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import batches, upsert
from recommender.errors import BadInput
from recommender.names import clean, fold
from recommender.names import clip_id as name_clip
from recommender.retry_schedule import POISON, RETRY_AFTER_RUNS


class Tracks(OpenDatabase):
    """The part of the catalog with tracks, clips and files."""

    def find_or_add_track(self, artist_id: str, title: str) -> str:
        """Id of the artist's track with that title, added when there is none. Spellings that fold alike are one title.

        Raises BadInput ``no_title`` or ``bad_text``.
        """
        cleaned = clean(title, what="title")
        folded = fold(cleaned)
        if not folded:
            raise BadInput("no_title", "the title is blank; give one")
        query = select(tracks.c.id).where(tracks.c.artist_id == artist_id, tracks.c.folded == folded)
        with self._writing() as connection:
            known: str | None = connection.scalar(query)
            if known is not None:
                return known
            row = {"id": uuid.uuid4().hex, "artist_id": artist_id, "title": cleaned, "folded": folded}
            connection.execute(tracks.insert(), row)
            return row["id"]

    def add_clip(self, clip: NewClip) -> AddedClip:
        """Add an excerpt of a file under a track. Returns its clip id and whether it is new.

        The same excerpt of the same content is the same clip: it moves to the track and path that are given now. A
        track that has no clip left after the move is deleted.
        """
        identifier = name_clip(clip.content_sha256, clip.start_ms, clip.length_ms)
        with self._writing() as connection:
            old = connection.execute(select(clips.c.track_id).where(clips.c.id == identifier)).first()
            if old is None:
                connection.execute(clips.insert(), {"id": identifier, **asdict(clip)})
            else:
                _move_clip(connection, identifier, old=old[0], new=clip.track_id)
                connection.execute(_set_path(identifier, clip.source_path))
        return AddedClip(clip_id=identifier, is_new=old is None)

    def move_clip(self, clip_id: str, track_id: str) -> None:
        """Move a clip to another track. Its old track is deleted when it has no clip left."""
        with self._writing() as connection:
            old = connection.scalar(select(clips.c.track_id).where(clips.c.id == clip_id))
            if old is not None:
                _move_clip(connection, clip_id, old=old, new=track_id)

    def set_source_path(self, clip_id: str, path: str) -> None:
        """Set the absolute path where the clip's audio can be read."""
        with self._writing() as connection:
            connection.execute(_set_path(clip_id, path))

    def record_files(self, records: Sequence[FileRecord]) -> None:
        """Store the results of a scan, one record for each path, in place of earlier records of these paths.

        Where a path now has another clip, its earlier clip is read from another file with the same content, if there is
        one. Where a file changed and still has the same clip, the clip's failures of decoders and encoders are
        forgotten, so that it is tried again.
        """
        with self._writing() as connection:
            earlier = _read_files(connection, [record.path for record in records])
            upsert(connection, files, [asdict(record) for record in records], keys=["path"], by=["path"])
            for record in records:
                old = earlier.get(record.path)
                if old is not None:
                    _update_old_clip(connection, old, record)

    def count_skipped_files(self, paths: Sequence[str]) -> None:
        """Reduce ``skip_runs`` by one for each of these files, because this run skipped them."""
        with self._writing() as connection:
            for part in batches(sorted(set(paths))):
                waiting = files.c.path.in_(part) & (files.c.skip_runs > 0)
                connection.execute(files.update().where(waiting).values(skip_runs=files.c.skip_runs - 1))

    def retry_files(self, paths: Sequence[str]) -> None:
        """Make the next scan read those of ``paths`` again that were rejected, for any reason."""
        poison = files.c.reason.in_(sorted(POISON))
        last_try = len(RETRY_AFTER_RUNS)  # so many losses are not quarantined yet: the file gets one more try
        with self._writing() as connection:
            for part in batches(sorted(set(paths))):
                here = files.c.path.in_(part)
                connection.execute(files.update().where(here, poison).values(skip_runs=0))
                connection.execute(
                    files.update().where(here, poison, files.c.losses > last_try).values(losses=last_try)
                )
                connection.execute(files.update().where(here, ~poison).values(reason=None, detail=None))

    def file_record(self, path: str) -> FileRecord | None:
        """Record of the last scan of an absolute path; None when it was never scanned."""
        return self.file_records([path]).get(path)

    def file_records(self, paths: Sequence[str]) -> dict[str, FileRecord]:
        """Record of the last scan of each of ``paths``, by path. Paths that were never scanned are left out."""
        with self._reading() as connection:
            return _read_files(connection, paths)

    def read_clips(self, clip_ids: Sequence[str]) -> dict[str, Clip]:
        """Those of ``clip_ids`` that exist, with their track and artist, by id."""
        query = select(clips.c.id, clips.c.track_id, tracks.c.title, tracks.c.artist_id, clips.c.source_path).join(
            tracks, tracks.c.id == clips.c.track_id
        )
        with self._reading() as connection:
            read = [
                Clip(**_fields(row))
                for part in batches(sorted(set(clip_ids)))
                for row in connection.execute(query.where(clips.c.id.in_(part))).mappings()
            ]
        return {clip.id: clip for clip in read}

    def clip_ids_of_artists(self, artist_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Artist id -> ids of all its clips. Artists without a clip are left out."""
        query = select(tracks.c.artist_id, clips.c.id).join(tracks, tracks.c.id == clips.c.track_id)
        clip_ids: dict[str, set[str]] = {}
        with self._reading() as connection:
            for part in batches(sorted(set(artist_ids))):
                for artist_id, identifier in connection.execute(query.where(tracks.c.artist_id.in_(part))):
                    clip_ids.setdefault(artist_id, set()).add(identifier)
        return {artist_id: frozenset(ids) for artist_id, ids in clip_ids.items()}


def _fields(row: RowMapping) -> dict[str, Any]:  # Any: database values; the row's class has their types
    return dict(row)


def _read_files(connection: Connection, paths: Sequence[str]) -> dict[str, FileRecord]:
    records = [
        FileRecord(**_fields(row))
        for part in batches(sorted(set(paths)))
        for row in connection.execute(select(files).where(files.c.path.in_(part))).mappings()
    ]
    return {record.path: record for record in records}


def _set_path(clip_id: str, path: str) -> Any:
    return clips.update().where(clips.c.id == clip_id).values(source_path=path)


def _move_clip(connection: Connection, clip_id: str, *, old: str, new: str) -> None:
    if old == new:
        return
    connection.execute(clips.update().where(clips.c.id == clip_id).values(track_id=new))
    remaining = select(clips.c.id).where(clips.c.track_id == old)
    connection.execute(tracks.delete().where(tracks.c.id == old, ~remaining.exists()))


def _update_old_clip(connection: Connection, old: FileRecord, new: FileRecord) -> None:
    """Adapt the clip that a path had before, as :meth:`Tracks.record_files` says."""
    if old.clip_id is None:
        return
    if old.clip_id != new.clip_id:
        _read_elsewhere(connection, old.clip_id, new.path)
    elif (old.size, old.mtime_ns) != (new.size, new.mtime_ns) and new.reason is None:
        retryable = (extractions.c.clip_id == new.clip_id) & extractions.c.reason.in_(sorted(POISON))
        connection.execute(extractions.delete().where(retryable))


def _read_elsewhere(connection: Connection, clip_id: str, path: str) -> None:
    """If the clip was read from ``path``, read it from another file that has it, where there is one."""
    other = connection.scalar(select(func.min(files.c.path)).where(files.c.clip_id == clip_id))
    if other is not None:
        connection.execute(_set_path(clip_id, other).where(clips.c.source_path == path))
