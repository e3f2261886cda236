"""Applies corrections by hand to catalog rows: removals, merges and new names, in the order in which they were made.

Nothing is read or written here. Each edit acts on what the earlier ones left, and one that finds nothing does nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from recommender.catalog.edits import CatalogEdit, Merge, Removal, Rename, Split
from recommender.catalog.rows import (
    Artist,
    ArtistGenre,
    ArtistName,
    ArtistPopularity,
    Collaboration,
    EmbeddedClip,
    ExternalId,
    SceneEdge,
    SceneList,
    Track,
)
from recommender.names import fold, fold_release

if TYPE_CHECKING:  # it applies these functions
    from indexer.build.catalog_rows import CatalogRows

Row = TypeVar("Row", ArtistName, ExternalId, ArtistGenre, ArtistPopularity, SceneList)


@dataclass(slots=True, kw_only=True)
class EditPlan:
    """What edits do to the rows of a catalog, by id."""

    into: dict[str, str] = field(default_factory=dict)
    """Merged artist -> the artist that it was merged into, which may be merged itself."""
    artists: set[str] = field(default_factory=set)
    """Removed artists."""
    tracks: set[str] = field(default_factory=set)
    """Removed tracks."""
    clips: set[str] = field(default_factory=set)
    """Removed clips."""
    names: dict[str, str] = field(default_factory=dict)
    """Artist -> its new preferred name."""
    aliases: list[tuple[str, str]] = field(default_factory=list)
    """(artist, new name): names that no source gives."""
    effective: set[int] = field(default_factory=set)
    """Ids of the edits that found what they are about."""

    def owner(self, artist_id: str) -> str | None:
        """The artist that everything of ``artist_id`` belongs to; None when that is removed."""
        while artist_id in self.into:
            artist_id = self.into[artist_id]
        return None if artist_id in self.artists else artist_id

    def is_visible(self, artist_id: str) -> bool:
        """Whether the artist is neither merged nor removed."""
        return artist_id not in self.into and artist_id not in self.artists


def plan_edits(rows: CatalogRows, edits: Sequence[CatalogEdit], beside: Mapping[str, str]) -> EditPlan:
    """What the ``edits`` in force do to ``rows``.

    ``beside``: clip id -> track id, of the clips that edits name and of all other clips of their tracks, as the catalog
    has them; a clip that is not embedded is in it too, and not in ``rows``.
    """
    plan = EditPlan()
    in_force = sorted((edit for edit in edits if edit.undone_at is None), key=attrgetter("id"))
    if not in_force:
        return plan
    artists = {artist.id for artist in rows.artists}
    tracks = {track.id for track in rows.tracks}
    clips_of: defaultdict[str, set[str]] = defaultdict(set)
    for clip_id, track_id in beside.items():
        clips_of[track_id].add(clip_id)
    for edit in in_force:
        subject = edit.subject
        if isinstance(subject, Removal) and subject.what != "artist":
            effective = _remove(plan, subject, tracks, _Clips(track_of=beside, clips_of=clips_of))
        elif isinstance(subject, Split):  # applied where the facts of files are derived
            effective = any(clip_id in beside for clip_id in subject.clips)
        else:
            effective = _edit_artist(plan, subject, artists)
        if effective:
            plan.effective.add(edit.id)
    return plan


def _edit_artist(plan: EditPlan, subject: Removal | Merge | Rename, artists: set[str]) -> bool:
    """Remove, merge or rename an artist. Returns whether it is there, neither removed nor merged before."""
    artist = subject.id if isinstance(subject, Removal) else subject.artist
    if artist not in artists or not plan.is_visible(artist):
        return False
    if isinstance(subject, Removal):
        plan.artists.add(artist)
    elif isinstance(subject, Rename):
        plan.names[artist] = subject.name
        plan.aliases.append((artist, subject.name))
    else:
        target = plan.owner(subject.into) if subject.into in artists else None
        if target is None or target == artist:
            return False
        plan.into[artist] = target
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clips:
    track_of: Mapping[str, str]
    clips_of: Mapping[str, set[str]]


def _remove(plan: EditPlan, subject: Removal, tracks: set[str], clips: _Clips) -> bool:
    """Remove a track or a clip. A track is where its clips are now; without any of them, it is known by its id."""
    present = [clip_id for clip_id in subject.clips if clip_id in clips.track_of]
    plan.clips.update(present)
    if subject.what == "clip":
        return bool(present)
    theirs = {clips.track_of[clip_id] for clip_id in present}
    if not present:
        theirs = {subject.id} & tracks
    gone = {track for track in theirs if track == subject.id or clips.clips_of[track] <= set(present)}
    plan.tracks |= gone
    return bool(theirs)


def apply_edits(rows: CatalogRows, edits: Sequence[CatalogEdit], beside: Mapping[str, str]) -> CatalogRows:
    """``rows`` with the ``edits`` in force. ``beside``: as :func:`plan_edits`.

    The result is in the same order as ``rows``: each kind by its ids. Sources stay, and their licences count, even
    where an edit leaves out all that they say.
    """
    plan = plan_edits(rows, edits, beside)
    if not plan.effective:
        return rows
    tracks, track_of = _tracks(rows, plan)
    lists = _moved(rows.scene_lists, plan, ("source",))
    return replace(
        rows,
        artists=[replace(artist, name=plan.names.get(artist.id, artist.name)) for artist in _visible(rows, plan)],
        names=_names(rows, plan),
        external_ids=_moved(rows.external_ids, plan, ("namespace", "value")),
        tracks=tracks,
        clips=_clips(rows.clips, plan, tracks, track_of),
        genres=_moved(rows.genres, plan, ("genre", "source"), largest="weight"),
        popularity=_moved(rows.popularity, plan, ("source",), largest="value"),
        scene_lists=sorted(lists, key=attrgetter("source", "artist_id")),
        scene_edges=_scene_edges(rows.scene_edges, plan),
        collaborations=_collaborations(rows.collaborations, plan),
    )


def _visible(rows: CatalogRows, plan: EditPlan) -> list[Artist]:
    return [artist for artist in rows.artists if plan.is_visible(artist.id)]


def _names(rows: CatalogRows, plan: EditPlan) -> list[ArtistName]:
    added = [ArtistName(artist_id=artist, name=name, folded=fold(name)) for artist, name in plan.aliases]
    return _moved([*rows.names, *added], plan, ("name",))


def _moved(rows: Iterable[Row], plan: EditPlan, columns: tuple[str, ...], *, largest: str | None = None) -> list[Row]:
    """Rows of artists under the artist that they belong to, by artist and ``columns``, which are then unique.

    Of rows that become equal the one stays that is largest in that column, else the first.
    """
    groups: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        owner = plan.owner(row.artist_id)
        if owner is not None:
            moved = row if owner == row.artist_id else replace(row, artist_id=owner)
            groups[_values(moved, ("artist_id", *columns))].append(moved)
    return [max(groups[key], key=attrgetter(largest)) if largest else groups[key][0] for key in sorted(groups)]


def _values(row: object, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(getattr(row, column) for column in columns)


def _tracks(rows: CatalogRows, plan: EditPlan) -> tuple[list[Track], dict[str, str]]:
    """The tracks that stay, and (track id -> track id) for those that became one with another.

    Tracks of a merged artist that have the title and album of a track of the other one are that track. It keeps the id
    of the artist's own track, else the smallest.
    """
    stay: dict[str, Track] = {}
    same: defaultdict[tuple[str, str, str], list[Track]] = defaultdict(list)
    joined = set(plan.into.values())
    for track in rows.tracks:
        owner = plan.owner(track.artist_id)
        if owner is None or track.id in plan.tracks:
            continue
        stay[track.id] = track if owner == track.artist_id else track._replace(artist_id=owner)
        if owner in joined:
            album = fold_release(track.album) if track.album else ""
            same[owner, fold(track.title), album].append(track)
    track_of: dict[str, str] = {}
    for (owner, *_), group in same.items():
        first = min(group, key=lambda track: (track.artist_id != owner, track.id))
        track_of |= {track.id: first.id for track in group if track is not first}
    return [track for track in stay.values() if track.id not in track_of], track_of


def _clips(
    clips: Iterable[EmbeddedClip], plan: EditPlan, tracks: Iterable[Track], track_of: Mapping[str, str]
) -> list[EmbeddedClip]:
    stay = {track.id for track in tracks}
    moved = (clip._replace(track_id=track_of.get(clip.track_id, clip.track_id)) for clip in clips)
    return [clip for clip in moved if clip.track_id in stay and clip.clip_id not in plan.clips]


def _scene_edges(edges: Iterable[SceneEdge], plan: EditPlan) -> list[SceneEdge]:
    """Edges between the artists that stay. Of several between two artists: the best rank and the largest strength."""
    groups: defaultdict[tuple[str, str, str], list[SceneEdge]] = defaultdict(list)
    for edge in edges:
        artist, neighbour = plan.owner(edge.artist_id), plan.owner(edge.neighbour_id)
        if artist is not None and neighbour is not None and artist != neighbour:
            groups[edge.source, artist, neighbour].append(edge)
    return [
        SceneEdge(
            source=source,
            artist_id=artist,
            neighbour_id=neighbour,
            rank=min((edge.rank for edge in same if edge.rank is not None), default=None),
            strength=max((edge.strength for edge in same if edge.strength is not None), default=None),
        )
        for (source, artist, neighbour), same in sorted(groups.items(), key=lambda item: item[0])
    ]


def _collaborations(rows: Iterable[Collaboration], plan: EditPlan) -> list[Collaboration]:
    """Recordings shared by artists that stay. Of several rows of one recording, that with the fewest credited artists:
    an artist that is credited on it under two names counts once.
    """
    events: dict[tuple[str, str, str, str, str], Collaboration] = {}
    for row in rows:
        one, other = plan.owner(row.artist_a), plan.owner(row.artist_b)
        if one is None or other is None or one == other:
            continue
        first, second = sorted((one, other))
        event = replace(row, artist_a=first, artist_b=second)
        key = first, second, event.kind, event.title, event.source
        if key not in events or event.credited < events[key].credited:
            events[key] = event
    return [events[key] for key in sorted(events)]
