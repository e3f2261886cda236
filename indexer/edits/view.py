"""The catalog as the next build would read it, and what differs between two such views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from indexer.build.catalog_rows import CatalogRows, read_rows
from indexer.build.edits import EditPlan, apply_edits, plan_edits
from recommender.catalog import Catalog
from recommender.catalog.edits import CatalogEdit, clips_of

OTHER_ROWS = (
    "names",
    "external_ids",
    "clips",
    "genres",
    "popularity",
    "scene_lists",
    "scene_edges",
    "collaborations",
)
"""Kinds of rows of which a report gives only the numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The catalog with the edits in force, embedded or not."""

    rows: CatalogRows
    edits: tuple[CatalogEdit, ...]
    """All edits, undone ones too."""
    plan: EditPlan


def read_view(catalog: Catalog) -> View:
    """Read the whole catalog and apply the edits in force."""
    with catalog.snapshot():
        edits = tuple(catalog.read_edits())
        in_force = [edit for edit in edits if edit.undone_at is None]
        beside = catalog.tracks_beside([clip_id for edit in in_force for clip_id in clips_of(edit.subject)])
        rows = read_rows(catalog, catalog.read_clips_of_tracks())
    return View(rows=apply_edits(rows, in_force, beside), edits=edits, plan=plan_edits(rows, in_force, beside))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one artist or track."""

    what: str
    """``artist`` or ``track``."""
    id: str
    before: str | None
    """Its name before, or its title with the artist's name; None when it appears."""
    after: str | None
    """The same afterwards; None when it disappears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between two views."""

    artists: tuple[Change, ...]
    tracks: tuple[Change, ...]
    rows: Mapping[str, tuple[int, int]]
    """Kind of rows -> how many disappear and how many appear. Kinds without a change are left out."""


def changes_between(before: CatalogRows, after: CatalogRows) -> Changes:
    """The artists and tracks that disappear, appear, or get another name or artist, and numbers of other rows."""
    counts = {kind: _count(getattr(before, kind), getattr(after, kind)) for kind in OTHER_ROWS}
    return Changes(
        artists=tuple(_changes("artist", _artists(before), _artists(after))),
        tracks=tuple(_changes("track", _tracks(before), _tracks(after))),
        rows={kind: count for kind, count in counts.items() if any(count)},
    )


def _artists(rows: CatalogRows) -> dict[str, str]:
    return {artist.id: artist.name for artist in rows.artists}


def _tracks(rows: CatalogRows) -> dict[str, str]:
    names = _artists(rows)
    return {track.id: f"{names[track.artist_id]} - {track.title}" for track in rows.tracks}


def _changes(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[Change]:
    for identifier in sorted(before.keys() | after.keys()):
        old, new = before.get(identifier), after.get(identifier)
        if old != new:
            yield Change(what=what, id=identifier, before=old, after=new)


def _count(before: Sequence[object], after: Sequence[object]) -> tuple[int, int]:
    old, new = set(before), set(after)
    return len(old - new), len(new - old)
