"""Recorded edits, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from recommender.catalog import Catalog
from recommender.catalog.edits import Merge, Removal, Rename, Split, Subject
from recommender.catalog.file_facts import FileTags
from recommender.catalog.rows import FileRecord, NewClip
from recommender.catalog.tables import catalog_edits
from recommender.errors import CatalogError, InvalidArgument, NotFound
from tests.catalog_rows import add_artist

SUBJECTS: list[Subject] = [
    Removal(what="track", id="t1", label="Low - Wörds", clips=("c1", "c2")),
    Merge(artist="a", into="b", label="Low", into_label="LOW"),
    Split(artist="a", label="Low", new_artist="n", name="Low", clips=("c1",), owners=(("c1", "a"),)),
    Rename(artist="a", label="Low", name="低"),
]


def add_clip(catalog: Catalog, artist: str, title: str, content: str) -> str:
    track = catalog.find_or_add_track(add_artist(catalog, artist), title)
    clip = NewClip(
        track_id=track, content_sha256=content * 64, start_ms=0, length_ms=1, policy="-", source_path=f"/{content}"
    )
    return catalog.add_clip(clip).clip_id


def test_edits_are_read_as_they_were_made(catalog: Catalog) -> None:
    made = [catalog.add_edit(subject, at=f"2026-01-0{day}") for day, subject in enumerate(SUBJECTS, start=1)]
    assert catalog.read_edits() == made
    assert [edit.kind for edit in made] == ["remove", "merge", "split", "rename"]
    assert [edit.subject for edit in made] == SUBJECTS
    assert [edit.id for edit in made] == sorted({edit.id for edit in made})


def test_an_edit_is_undone_once(catalog: Catalog) -> None:
    edit = catalog.add_edit(SUBJECTS[0], at="2026-01-01")
    assert catalog.undo_edit(edit.id, at="2026-01-02").undone_at == "2026-01-02"
    assert [one.undone_at for one in catalog.read_edits()] == ["2026-01-02"]
    with pytest.raises(InvalidArgument, match="undone on 2026-01-02"):
        catalog.undo_edit(edit.id, at="2026-01-03")
    with pytest.raises(NotFound, match="soundkin catalog edits lists them"):
        catalog.undo_edit(edit.id + 1, at="2026-01-03")


def test_no_other_kind_can_be_stored(catalog: Catalog) -> None:
    with pytest.raises((CatalogError, IntegrityError)), catalog._writing() as connection:
        connection.execute(catalog_edits.insert(), {"kind": "delete", "subject": "{}", "made_at": "-"})


def test_clips_beside_named_ones_are_all_clips_of_their_tracks(catalog: Catalog) -> None:
    one, two = add_clip(catalog, "Low", "Words", "a"), add_clip(catalog, "Low", "Words", "b")
    other = add_clip(catalog, "Low", "Lazy", "c")
    (words,) = {catalog.read_clips([one])[one].track_id}
    assert catalog.tracks_beside([one, "gone"]) == {one: words, two: words}
    assert {clip.clip_id for clip in catalog.read_clips_of_tracks()} == {one, two, other}


def test_removed_clips_are_those_of_removals_in_force(catalog: Catalog) -> None:
    one, two = add_clip(catalog, "Low", "Words", "a"), add_clip(catalog, "Low", "Lazy", "b")
    other, far = add_clip(catalog, "Mono", "Ashes", "c"), add_clip(catalog, "Codeine", "D", "d")
    assert catalog.removed_clips() == frozenset()
    artist = add_artist(catalog, "Low")
    edit = catalog.add_edit(Removal(what="artist", id=artist, label="Low"), at="-")
    catalog.add_edit(Removal(what="clip", id=other, label="-", clips=(other,)), at="-")
    assert catalog.removed_clips() == {one, two, other}
    catalog.undo_edit(edit.id, at="-")
    assert catalog.removed_clips() == {other}
    assert far in {clip.clip_id for clip in catalog.pending_clips("space")}


def test_a_clip_of_the_same_sound_takes_the_place_of_the_one_that_an_edit_names(catalog: Catalog) -> None:
    old, new = add_clip(catalog, "Low", "Words", "a"), add_clip(catalog, "Low", "Words", "b")
    catalog.add_edit(Removal(what="clip", id=old, label="-", clips=(old, new)), at="-")
    catalog.add_edit(Split(artist="a", label="-", new_artist="n", name="N", clips=(old,), owners=((old, "a"),)), at="-")
    catalog.set_same_sound(old, new)
    removal, split = (edit.subject for edit in catalog.read_edits())
    assert isinstance(removal, Removal)
    assert removal.clips == (new,)
    assert isinstance(split, Split)
    assert (split.clips, split.owners) == ((new,), ((new, "a"),))


def test_clips_with_facts_are_those_whose_files_have_been_read(catalog: Catalog) -> None:
    one, two = add_clip(catalog, "Low", "Words", "a"), add_clip(catalog, "Low", "Lazy", "b")
    catalog.record_files(
        [
            FileRecord(path="/a", size=1, mtime_ns=1, clip_id=one, tags=FileTags()),
            FileRecord(path="/b", size=1, mtime_ns=1, clip_id=two),
        ]
    )
    assert catalog.clips_with_facts([one, two, "gone"]) == {one}
