"""Tracks, and the clips that stand for them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from recommender.catalog.rows import AddedClip, Clip, NewClip
from recommender.catalog.tables import artist_external_ids, artist_names, artists, clips, files, tracks
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import batches, update
from recommender.errors import BadInput
from recommender.names import clean, fold
from recommender.names import clip_id as name_clip

_COLUMNS = (
    clips.c.id,
    clips.c.track_id,
    clips.c.audio_id,
    clips.c.content_sha256,
    clips.c.start_ms,
    clips.c.length_ms,
    clips.c.source_path,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOwner:
    """The artist of a track, and the track's title."""

    name: str
    title: str
    external_ids: tuple[tuple[str, str], ...]
    shares_name: bool
    """Whether another artist of the catalog has this name too."""


class Tracks(OpenDatabase):
    """The part of the catalog with tracks and clips."""

    def find_or_add_track(self, artist_id: str, title: str) -> str:
        """Id of the artist's track with that title and no album, added when there is none.

        Spellings that fold alike are one title. Raises BadInput ``no_title`` or ``bad_text``.
        """
        cleaned = clean(title, what="title")
        folded = fold(cleaned)
        if not folded:
            raise BadInput("no_title", "the title is blank; give one")
        same = (tracks.c.artist_id == artist_id, tracks.c.folded == folded, tracks.c.album_folded == "")
        with self._writing() as connection:
            known: str | None = connection.scalar(select(tracks.c.id).where(*same))
            if known is not None:
                return known
            row = {"id": uuid.uuid4().hex, "artist_id": artist_id, "title": cleaned, "folded": folded}
            connection.execute(tracks.insert(), row)
            return row["id"]

    def add_clip(self, clip: NewClip) -> AddedClip:
        """Add an excerpt of a sound. Returns its clip id and whether it is new.

        The same excerpt of the same sound is the same clip: it moves to the track and path that are given now. A track
        that has no clip left after the move is deleted.
        """
        identifier = name_clip(clip.audio_id or clip.content_sha256, clip.start_ms, clip.length_ms)
        with self._writing() as connection:
            old = connection.execute(select(clips.c.track_id).where(clips.c.id == identifier)).first()
            if old is None:
                connection.execute(clips.insert(), {"id": identifier, **asdict(clip)})
            else:
                _move(connection, identifier, old=old[0], new=clip.track_id)
                here = clips.c.id == identifier
                connection.execute(clips.update().where(here).values(source_path=clip.source_path))
        return AddedClip(clip_id=identifier, is_new=old is None)

    def set_audio_ids(self, audio_ids: Sequence[tuple[str, str]]) -> None:
        """Record the identity of the sound of clips: (clip id, audio id)."""
        with self._writing() as connection:
            changed = [{"id": clip_id, "audio_id": audio_id} for clip_id, audio_id in audio_ids]
            update(connection, clips, changed, keys=["id"])

    def set_same_sound(self, clip_id: str, stands_for_it: str) -> None:
        """Let another clip of the same sound stand for a clip: its files and its track go to that one."""
        with self._writing() as connection:
            here = clips.c.id == clip_id
            connection.execute(clips.update().where(here).values(same_as=stands_for_it, track_id=None))
            connection.execute(clips.update().where(clips.c.same_as == clip_id).values(same_as=stands_for_it))
            connection.execute(files.update().where(files.c.clip_id == clip_id).values(clip_id=stands_for_it))

    def track_owner(self, track_id: str) -> TrackOwner | None:
        """Who made a track; None when there is none."""
        query = select(artists.c.id, artists.c.name, tracks.c.title).join(tracks, tracks.c.artist_id == artists.c.id)
        ids, names = artist_external_ids.c, artist_names.c
        with self._reading() as connection:
            row = connection.execute(query.where(tracks.c.id == track_id)).first()
            if row is None:
                return None
            artist_id, name, title = row
            pairs = connection.execute(select(ids.namespace, ids.value).where(ids.artist_id == artist_id)).all()
            others = select(names.artist_id).where(names.folded == fold(name), names.artist_id != artist_id)
            shares_name = connection.execute(others.limit(1)).first() is not None
        return TrackOwner(
            name=name,
            title=title,
            external_ids=tuple(sorted((pair[0], pair[1]) for pair in pairs)),
            shares_name=shares_name,
        )

    def read_clips(self, clip_ids: Sequence[str]) -> dict[str, Clip]:
        """Those of ``clip_ids`` that exist, by id."""
        return {clip.id: clip for clip in self._clips(clips.c.id, clip_ids)}

    def clips_by_sound(self, audio_ids: Sequence[str]) -> dict[str, Clip]:
        """Audio id -> the clip that stands for the sound. Sounds without a clip are left out."""
        found = self._clips(clips.c.audio_id, audio_ids, clips.c.same_as.is_(None))
        return {clip.audio_id: clip for clip in reversed(found) if clip.audio_id is not None}

    def clips_by_content(self, hashes: Sequence[str]) -> dict[str, Clip]:
        """SHA-256 of a file -> its clip, among the clips whose sound has no identity yet."""
        found = self._clips(clips.c.content_sha256, hashes, clips.c.audio_id.is_(None))
        return {clip.content_sha256: clip for clip in reversed(found)}

    def _clips(self, column: ColumnElement[str], values: Sequence[str], *where: ColumnElement[bool]) -> list[Clip]:
        """Clips in which ``column`` has one of ``values``, by id."""
        query: Select[Any] = select(*_COLUMNS).where(*where)  # Any: database values of several types
        with self._reading() as connection:
            read = [
                Clip(**dict(row))
                for part in batches(sorted(set(values)))
                for row in connection.execute(query.where(column.in_(part))).mappings()
            ]
        return sorted(read, key=lambda clip: clip.id)


def _move(connection: Connection, clip_id: str, *, old: str | None, new: str | None) -> None:
    if old == new:
        return
    connection.execute(clips.update().where(clips.c.id == clip_id).values(track_id=new))
    remaining = select(clips.c.id).where(clips.c.track_id == old)
    connection.execute(tracks.delete().where(tracks.c.id == old, ~remaining.exists()))
