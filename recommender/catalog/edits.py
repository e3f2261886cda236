"""Corrections of the catalog by hand: recorded, and applied over what files and imports say until they are undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
from sqlalchemy import select

from recommender.catalog.extractions import is_overwritten, is_published
from recommender.catalog.rows import EmbeddedClip
from recommender.catalog.tables import catalog_edits, clips, files, tracks
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import batches
from recommender.errors import InvalidArgument, NotFound

REMOVE, MERGE, SPLIT, RENAME = "remove", "merge", "split", "rename"
"""The kinds of edits, as they are stored."""

_MAX_CHAIN = 4
"""Clips that stand for one another in a row: one, but for a second migration of the identity of clips."""


class Removal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An artist with everything that is known of it, a track, or a clip is left out."""

    what: Literal["artist", "track", "clip"]
    id: str
    label: str
    """What it was called when the edit was made, for lists of edits."""
    clips: tuple[str, ...] = ()
    """The clips of the track, or the clip: a corrected tag may give a track another id, and never a clip."""


class Merge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of one artist becomes another's, and its names become aliases."""

    artist: str
    into: str
    label: str
    into_label: str


class Split(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Some clips are credited to an artist of their own, in place of the first artist that their files name."""

    artist: str
    """The artist that they leave."""
    label: str
    new_artist: str
    """Id of the artist that they go to."""
    name: str
    clips: tuple[str, ...]
    owners: tuple[tuple[str, str], ...]
    """(clip id, artist it belonged to before this edit), without regard to other edits."""


class Rename(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An artist gets a preferred name; the names that it has stay as aliases."""

    artist: str
    label: str
    name: str


Subject = Removal | Merge | Split | Rename
_KINDS: Mapping[str, type[Subject]] = {REMOVE: Removal, MERGE: Merge, SPLIT: Split, RENAME: Rename}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEdit:
    """A recorded correction."""

    id: int
    subject: Subject
    made_at: str
    """RFC 3339, UTC."""
    undone_at: str | None = None
    """RFC 3339, UTC; None while it is in force."""

    @property
    def kind(self) -> str:
        """The stored word for what it does."""
        return kind_of(self.subject)


def kind_of(subject: Subject) -> str:
    """The stored word for what an edit of ``subject`` does."""
    return next(kind for kind, made in _KINDS.items() if isinstance(subject, made))


class Edits(OpenDatabase):
    """The part of the catalog with corrections by hand. They change no other table."""

    def add_edit(self, subject: Subject, *, at: str) -> CatalogEdit:
        """Record an edit, in force from now on."""
        row = {"kind": kind_of(subject), "subject": msgspec.json.encode(subject).decode(), "made_at": at}
        with self._writing() as connection:
            added = connection.execute(catalog_edits.insert().values(row).returning(catalog_edits.c.id))
            return CatalogEdit(id=int(added.scalar_one()), subject=subject, made_at=at)

    def undo_edit(self, identifier: int, *, at: str) -> CatalogEdit:
        """Record that an edit is in force no more. Raises NotFound, and InvalidArgument when it was undone before."""
        with self._writing() as connection:
            edit = next((edit for edit in self.read_edits() if edit.id == identifier), None)
            if edit is None:
                raise NotFound("edit", str(identifier), "soundkin catalog edits lists them")
            if edit.undone_at is not None:
                raise InvalidArgument("edit", f"{identifier} was undone on {edit.undone_at}")
            here = catalog_edits.c.id == identifier
            connection.execute(catalog_edits.update().where(here).values(undone_at=at))
        return replace(edit, undone_at=at)

    def read_edits(self) -> list[CatalogEdit]:
        """Every edit, those that were undone too, in the order in which they were made.

        A clip that another clip of the same sound stands for today is named by that one.
        """
        with self._reading() as connection:
            rows = connection.execute(select(catalog_edits).order_by(catalog_edits.c.id)).mappings().all()
            edits = [_edit(row) for row in rows]
            standing = self._standing_clips(sorted({clip_id for edit in edits for clip_id in clips_of(edit.subject)}))
        return [replace(edit, subject=_with_clips(edit.subject, standing)) for edit in edits]

    def tracks_beside(self, clip_ids: Sequence[str]) -> dict[str, str]:
        """Clip id -> track id, of those of ``clip_ids`` that have a track, and of all other clips of these tracks."""
        beside: dict[str, str] = {}
        with self._reading() as connection:
            for part in batches(sorted(set(clip_ids))):
                theirs = select(clips.c.track_id).where(clips.c.id.in_(part), clips.c.track_id.is_not(None))
                query = select(clips.c.id, clips.c.track_id).where(clips.c.track_id.in_(theirs), is_published())
                beside |= {row[0]: row[1] for row in connection.execute(query)}
        return beside

    def read_clips_of_tracks(self) -> list[EmbeddedClip]:
        """Every clip that stands for a track, embedded or not, by id."""
        query = select(clips.c.id, clips.c.track_id).where(is_published(), ~is_overwritten())
        with self._reading() as connection:
            return sorted(EmbeddedClip(clip_id=row[0], track_id=row[1]) for row in connection.execute(query))

    def clips_with_facts(self, clip_ids: Sequence[str]) -> set[str]:
        """Those of ``clip_ids`` for which the catalog records what a file says (since migration 0004)."""
        query = select(files.c.clip_id).where(files.c.tags.is_not(None))
        with self._reading() as connection:
            return {
                clip_id
                for part in batches(sorted(set(clip_ids)))
                for clip_id in connection.scalars(query.where(files.c.clip_id.in_(part)))
                if clip_id is not None
            }

    def removed_clips(self) -> frozenset[str]:
        """The clips that removals in force leave out: clips, and those of removed tracks and artists.

        They need no embedding. Clips of an artist that was merged into a removed one are not among them.
        """
        removals = [edit.subject for edit in self.read_edits() if edit.undone_at is None]
        subjects = [subject for subject in removals if isinstance(subject, Removal)]
        gone = {clip_id for subject in subjects for clip_id in subject.clips}
        owners = sorted(subject.id for subject in subjects if subject.what == "artist")
        query = select(clips.c.id).join(tracks, tracks.c.id == clips.c.track_id)
        with self._reading() as connection:
            for part in batches(owners):
                gone.update(connection.scalars(query.where(tracks.c.artist_id.in_(part))))
        return frozenset(gone)

    def _standing_clips(self, clip_ids: Sequence[str]) -> dict[str, str]:
        """Clip id -> the clip that stands for it today, for the clips that are not their own."""
        standing: dict[str, str] = {}
        names = {clip_id: [clip_id] for clip_id in clip_ids}
        for _ in range(_MAX_CHAIN):
            onward: defaultdict[str, list[str]] = defaultdict(list)
            for clip_id, other in self._same_sounds(sorted(names)):
                onward[other] += names[clip_id]
            standing |= {name: other for other, those in onward.items() for name in those}
            names = dict(onward)
        return standing

    def _same_sounds(self, clip_ids: Sequence[str]) -> list[tuple[str, str]]:
        """(clip id, clip that stands for it) of those that another one stands for."""
        query = select(clips.c.id, clips.c.same_as).where(clips.c.same_as.is_not(None))
        with self._reading() as connection:
            parts = [connection.execute(query.where(clips.c.id.in_(part))).all() for part in batches(clip_ids)]
        return [(row[0], row[1]) for part in parts for row in part]


def clips_of(subject: Subject) -> tuple[str, ...]:
    """The clips that an edit names."""
    return subject.clips if isinstance(subject, Removal | Split) else ()


def _edit(row: Mapping[Any, Any]) -> CatalogEdit:  # Any: database values
    subject = msgspec.json.decode(row["subject"], type=_KINDS[row["kind"]])
    return CatalogEdit(id=row["id"], subject=subject, made_at=row["made_at"], undone_at=row["undone_at"])


def _with_clips(subject: Subject, standing: Mapping[str, str]) -> Subject:
    if not standing or not isinstance(subject, Removal | Split):
        return subject
    now = tuple(dict.fromkeys(standing.get(clip_id, clip_id) for clip_id in subject.clips))
    if isinstance(subject, Removal):
        return msgspec.structs.replace(subject, clips=now)
    owners = {standing.get(clip_id, clip_id): owner for clip_id, owner in subject.owners}
    return msgspec.structs.replace(subject, clips=now, owners=tuple(owners.items()))
