"""Makes and undoes corrections of the catalog, each in one transaction, and reports what the next build will change."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os.path import abspath

from indexer.edits.references import References
from indexer.edits.view import Changes, View, changes_between, read_view
from recommender.catalog import Catalog
from recommender.catalog.edits import CatalogEdit, Merge, Removal, Rename, Split, Subject
from recommender.errors import BadInput, InvalidArgument
from recommender.names import clean, fold

IN_FORCE, NOT_FOUND_NOW, UNDONE = "in force", "not found now", "undone"
"""States of an edit in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditReport:
    """An edit that was made or undone, or would be."""

    edit: CatalogEdit
    dry_run: bool
    """Nothing was changed; the number of the edit is the one that it would have had."""
    changes: Changes


class _TakenBack(Exception):
    """Ends the transaction of a dry run, so that the database takes everything back."""

    def __init__(self, report: EditReport) -> None:
        self.report = report


def remove(catalog: Catalog, what: str, ref: str, *, dry_run: bool = False) -> EditReport:
    """Leave an ``artist`` with everything of it, a ``track`` or a ``clip`` out of the next generations.

    Raises as :class:`indexer.edits.references.References`.
    """

    def subject(view: View) -> Subject:
        references = References(view)
        if what == "artist":
            artist = references.artist(ref)
            return Removal(what="artist", id=artist.id, label=artist.name)
        if what == "track":
            track = references.track(ref)
            return Removal(
                what="track", id=track.id, label=references.track_label(track), clips=references.clips_of([track])
            )
        clip_id = _clip_id(catalog, ref)
        label = references.track_label(references.clip(clip_id))
        return Removal(what="clip", id=clip_id, label=label, clips=(clip_id,))

    return _make(catalog, subject, dry_run=dry_run)


def merge(catalog: Catalog, ref: str, into: str, *, dry_run: bool = False) -> EditReport:
    """Make everything of one artist another's, as when one band is spelled in two ways.

    Raises as :func:`remove`, and InvalidArgument when both are one artist.
    """

    def subject(view: View) -> Subject:
        references = References(view)
        one, other = references.artist(ref), references.artist(into)
        if one.id == other.id:
            raise InvalidArgument("into", f"{ref!r} and {into!r} are one artist: {one.name} ({one.id})")
        return Merge(artist=one.id, into=other.id, label=one.name, into_label=other.name)

    return _make(catalog, subject, dry_run=dry_run)


def rename(catalog: Catalog, ref: str, name: str, *, dry_run: bool = False) -> EditReport:
    """Give an artist a preferred name. Raises as :func:`remove`, and InvalidArgument for an unusable name."""

    def subject(view: View) -> Subject:
        artist = References(view).artist(ref)
        return Rename(artist=artist.id, label=artist.name, name=_checked_name(name))

    return _make(catalog, subject, dry_run=dry_run)


def split(catalog: Catalog, ref: str, tracks: Sequence[str], name: str, *, dry_run: bool = False) -> EditReport:
    """Credit some tracks of an artist to a new one called ``name``, which may be the same: two bands of one name.

    Raises as :func:`remove`, and InvalidArgument for no track, a track of another artist, an unusable name, and tracks
    whose tags no scan has read since the catalog records them.
    """

    def subject(view: View) -> Subject:
        references = References(view)
        artist = references.artist(ref)
        chosen = [references.track(track) for track in tracks]
        others = [references.track_label(track) for track in chosen if track.artist_id != artist.id]
        if not chosen or others:
            problem = f"{', '.join(others)} is not by {artist.name}" if others else "name at least one track"
            raise InvalidArgument("track", problem)
        clips = references.clips_of(chosen)
        if set(clips) - catalog.clips_with_facts(clips):
            raise InvalidArgument("track", "was scanned by an older version; run soundkin scan on its folder first")
        owners = {track_id: key[0] for track_id, key in catalog.track_keys().items()}
        track_of = catalog.tracks_beside(clips)
        return Split(
            artist=artist.id,
            label=artist.name,
            new_artist=uuid.uuid4().hex,
            name=_checked_name(name),
            clips=clips,
            owners=tuple((clip_id, owners[track_of[clip_id]]) for clip_id in clips),
        )

    return _make(catalog, subject, dry_run=dry_run)


def restore(catalog: Catalog, identifier: int, *, dry_run: bool = False) -> EditReport:
    """Undo an edit. Raises NotFound for an unknown one, InvalidArgument for one that was undone before."""
    return _report(catalog, lambda _: catalog.undo_edit(identifier, at=_now()), dry_run=dry_run)


def list_edits(catalog: Catalog) -> list[tuple[CatalogEdit, str]]:
    """Every edit in the order in which they were made, and its state: in force, not found now, or undone.

    An edit is not found now when what it is about has left the catalog, or is hidden by an earlier edit.
    """
    view = read_view(catalog)
    return [(edit, _state(edit, view)) for edit in view.edits]


def _state(edit: CatalogEdit, view: View) -> str:
    if edit.undone_at is not None:
        return UNDONE
    return IN_FORCE if edit.id in view.plan.effective else NOT_FOUND_NOW


def _make(catalog: Catalog, subject: Callable[[View], Subject], *, dry_run: bool) -> EditReport:
    return _report(catalog, lambda view: catalog.add_edit(subject(view), at=_now()), dry_run=dry_run)


def _report(catalog: Catalog, change: Callable[[View], CatalogEdit], *, dry_run: bool) -> EditReport:
    """Change the edits by ``change``, which gets the view before it. A dry run does the same, and takes it back."""
    try:
        with catalog.transaction():
            before = read_view(catalog)
            edit = change(before)
            if isinstance(edit.subject, Split):
                _derive(catalog)
            changes = changes_between(before.rows, read_view(catalog).rows)
            report = EditReport(edit=edit, dry_run=dry_run, changes=changes)
            if dry_run:
                raise _TakenBack(report)
            return report
    except _TakenBack as taken_back:
        return taken_back.report


def _derive(catalog: Catalog) -> None:
    from indexer.ingest.facts.derive import derive  # most edits need none of it

    catalog.facts_may_differ()
    derive(catalog)


def _clip_id(catalog: Catalog, ref: str) -> str:
    """The clip with this id, or of the file at this path."""
    record = catalog.file_record(abspath(ref))
    return record.clip_id if record is not None and record.clip_id is not None else ref.removeprefix("id:")


def _checked_name(name: str) -> str:
    try:
        cleaned = clean(name, what="name")
    except BadInput as error:
        raise InvalidArgument("name", error.detail) from None
    if not fold(cleaned):
        raise InvalidArgument("name", "is blank")
    return cleaned


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
