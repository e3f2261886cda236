"""Tracks, clips and the files they were heard in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from recommender.catalog.rows import AddedClip, Clip, FileRecord, NewClip
from recommender.catalog.tables import clips, extractions, files, tracks
from recommender.catalog.transactions import Store
from recommender.catalog.upsert import batches, clean, upsert
from recommender.errors import BadInput
from recommender.names import clip_id as name_clip
from recommender.names import fold
from recommender.retry_schedule import POISON, RETRY_AFTER_RUNS


class Audio(Store):
    """The catalog's part on what can be listened to."""

    def find_or_add_track(self, artist_id: str, title: str) -> str:
        """Id of the artist's track of that title, whatever its spelling. Raises BadInput ``no_title``, ``bad_text``."""
        kept = clean(title, what="title")
        folded = fold(kept)
        if not folded:
            raise BadInput("no_title", "the title is blank; give one")
        query = select(tracks.c.id).where(tracks.c.artist_id == artist_id, tracks.c.folded == folded)
        with self._writing() as connection:
            known: str | None = connection.scalar(query)
            if known is not None:
                return known
            row = {"id": uuid.uuid4().hex, "artist_id": artist_id, "title": kept, "folded": folded}
            connection.execute(tracks.insert(), row)
            return row["id"]

    def add_clip(self, clip: NewClip) -> AddedClip:
        """Add an excerpt. The same content and excerpt is the same clip: it moves to the track and path given now.

        A track that is left without any clip by such a move goes.
        """
        identifier = name_clip(clip.content_sha256, clip.start_ms, clip.length_ms)
        with self._writing() as connection:
            old = connection.execute(select(clips.c.track_id).where(clips.c.id == identifier)).first()
            if old is None:
                connection.execute(clips.insert(), {"id": identifier, **asdict(clip)})
            else:
                _move(connection, identifier, old=old[0], new=clip.track_id)
                connection.execute(_point(identifier, clip.source_path))
        return AddedClip(clip_id=identifier, is_new=old is None)

    def move_clip(self, clip_id: str, track_id: str) -> None:
        """Put a clip under another track. The track it leaves goes when nothing is left in it."""
        with self._writing() as connection:
            old = connection.scalar(select(clips.c.track_id).where(clips.c.id == clip_id))
            if old is not None:
                _move(connection, clip_id, old=old, new=track_id)

    def set_source_path(self, clip_id: str, path: str) -> None:
        """Say where the clip's audio can be read now."""
        with self._writing() as connection:
            connection.execute(_point(clip_id, path))

    def record_files(self, records: Sequence[FileRecord]) -> None:
        """Remember what a scan made of these files, each named once. What was known of their paths is replaced.

        A clip that used to be read from such a path, and is not what it holds now, is pointed at another file that
        holds it, if there is one. A file that was touched, and gives the clip it gave before, starts afresh where that
        clip cost decoders their lives.
        """
        with self._writing() as connection:
            before = _read_files(connection, [record.path for record in records])
            upsert(connection, files, [asdict(record) for record in records], keys=["path"], by=["path"])
            for record in records:
                old = before.get(record.path)
                if old is not None:
                    _follow(connection, old, record)

    def pass_over_files(self, paths: Sequence[str]) -> None:
        """Count one run down for each of these files: it passed them over, for their turn had not come."""
        with self._writing() as connection:
            for part in batches(sorted(set(paths))):
                waiting = files.c.path.in_(part) & (files.c.skip_runs > 0)
                connection.execute(files.update().where(waiting).values(skip_runs=files.c.skip_runs - 1))

    def read_again(self, paths: Sequence[str]) -> None:
        """Have the next scan read those of ``paths`` again that were rejected, whatever for."""
        poison = files.c.reason.in_(sorted(POISON))
        most = len(RETRY_AFTER_RUNS)
        with self._writing() as connection:
            for part in batches(sorted(set(paths))):
                here = files.c.path.in_(part)
                connection.execute(files.update().where(here, poison).values(skip_runs=0))
                connection.execute(files.update().where(here, poison, files.c.losses > most).values(losses=most))
                connection.execute(files.update().where(here, ~poison).values(reason=None, detail=None))

    def known_file(self, path: str) -> FileRecord | None:
        """What the last scan made of the file at an absolute path, if it saw one."""
        return self.known_files([path]).get(path)

    def known_files(self, paths: Sequence[str]) -> dict[str, FileRecord]:
        """By path, what the last scan made of those of ``paths`` it saw."""
        with self._reading() as connection:
            return _read_files(connection, paths)

    def read_clips(self, clip_ids: Sequence[str]) -> dict[str, Clip]:
        """By id, those of ``clip_ids`` that exist, with their track and artist."""
        query = select(clips.c.id, clips.c.track_id, tracks.c.title, tracks.c.artist_id, clips.c.source_path).join(
            tracks, tracks.c.id == clips.c.track_id
        )
        with self._reading() as connection:
            found = [
                Clip(**_plain(row))
                for part in batches(sorted(set(clip_ids)))
                for row in connection.execute(query.where(clips.c.id.in_(part))).mappings()
            ]
        return {clip.id: clip for clip in found}

    def clip_ids_of_artists(self, artist_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """By artist, the ids of all its clips; artists without any are left out."""
        query = select(tracks.c.artist_id, clips.c.id).join(tracks, tracks.c.id == clips.c.track_id)
        found: dict[str, set[str]] = {}
        with self._reading() as connection:
            for part in batches(sorted(set(artist_ids))):
                for artist_id, identifier in connection.execute(query.where(tracks.c.artist_id.in_(part))):
                    found.setdefault(artist_id, set()).add(identifier)
        return {artist_id: frozenset(ids) for artist_id, ids in found.items()}


def _plain(row: RowMapping) -> dict[str, Any]:
    return dict(row)  # Any: database values, whose types the row's class names


def _read_files(connection: Connection, paths: Sequence[str]) -> dict[str, FileRecord]:
    found = [
        FileRecord(**_plain(row))
        for part in batches(sorted(set(paths)))
        for row in connection.execute(select(files).where(files.c.path.in_(part))).mappings()
    ]
    return {record.path: record for record in found}


def _point(clip_id: str, path: str) -> Any:
    return clips.update().where(clips.c.id == clip_id).values(source_path=path)


def _move(connection: Connection, clip_id: str, *, old: str, new: str) -> None:
    if old == new:
        return
    connection.execute(clips.update().where(clips.c.id == clip_id).values(track_id=new))
    left = select(clips.c.id).where(clips.c.track_id == old)
    connection.execute(tracks.delete().where(tracks.c.id == old, ~left.exists()))


def _follow(connection: Connection, old: FileRecord, new: FileRecord) -> None:
    if old.clip_id is None:
        return
    if old.clip_id != new.clip_id:
        _point_elsewhere(connection, old.clip_id, new.path)
    elif (old.size, old.mtime_ns) != (new.size, new.mtime_ns) and new.reason is None:
        lost = (extractions.c.clip_id == new.clip_id) & extractions.c.reason.in_(sorted(POISON))
        connection.execute(extractions.delete().where(lost))


def _point_elsewhere(connection: Connection, clip_id: str, path: str) -> None:
    other = connection.scalar(select(func.min(files.c.path)).where(files.c.clip_id == clip_id))
    if other is not None:
        connection.execute(_point(clip_id, other).where(clips.c.source_path == path))
