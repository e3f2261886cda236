"""Edits that are made and undone: what they report, what a build then reads, and what the derivation does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from indexer.build.catalog_rows import CatalogRows
from indexer.edits.make_edits import EditReport, list_edits, merge, remove, rename, restore, split
from indexer.edits.view import read_view
from indexer.ingest.facts.derive import derive
from recommender.catalog import Catalog
from recommender.catalog.edits import Removal, Split
from recommender.catalog.file_facts import FileTags
from recommender.catalog.rows import FileRecord, NewClip
from recommender.errors import AmbiguousName, InvalidArgument, NotFound


def add_file(
    catalog: Catalog, path: str, *artists: str, title: str, genres: Sequence[str] = (), artist_ids: Sequence[str] = ()
) -> str:
    """Record a file with these tags, and derive; the id of its clip. The path stands for the sound."""
    clip = NewClip(
        track_id=None,
        content_sha256=path.encode().hex().ljust(64, "0")[:64],
        start_ms=0,
        length_ms=30_000,
        policy="-",
        source_path=path,
        audio_id=f"sound of {path}",
    )
    clip_id = catalog.add_clip(clip).clip_id
    tags = FileTags(artists=artists, title=title, genres=tuple(genres), artist_ids=tuple(artist_ids))
    record = FileRecord(
        path=path, size=1, mtime_ns=1, content_sha256=clip.content_sha256, clip_id=clip_id, relative=path[1:], tags=tags
    )
    catalog.record_files([record])
    catalog.facts_may_differ()
    derive(catalog)
    return clip_id


def add_music(catalog: Catalog) -> Catalog:
    """Two tracks of Low, one of Mono, and one of both."""
    add_file(catalog, "/1", "Low", title="Words", genres=["slowcore"])
    add_file(catalog, "/2", "Low", title="Lazy", genres=["punk"])
    add_file(catalog, "/3", "Mono", title="Ashes", genres=["post-rock"])
    add_file(catalog, "/4", "Mono feat. Low", title="Two", genres=["post-rock"])
    return catalog


@pytest.fixture
def low() -> Iterator[Catalog]:
    with Catalog.open("sqlite://") as catalog:
        yield add_music(catalog)


def rows_of(catalog: Catalog) -> CatalogRows:
    return read_view(catalog).rows


def names_of(catalog: Catalog) -> list[str]:
    return sorted(artist.name for artist in rows_of(catalog).artists)


def titles_by_artist(catalog: Catalog) -> list[tuple[str, str]]:
    rows = rows_of(catalog)
    names = {artist.id: artist.name for artist in rows.artists}
    return sorted((names[track.artist_id], track.title) for track in rows.tracks)


def states(catalog: Catalog) -> list[str]:
    return [state for _, state in list_edits(catalog)]


def make_each(catalog: Catalog) -> list[EditReport]:
    return [
        remove(catalog, "clip", "/3"),
        remove(catalog, "track", "Low - Lazy"),
        rename(catalog, "Mono", "MONO"),
        split(catalog, "Low", ["Low - Words"], "Low"),
    ]


def test_a_dry_run_says_what_would_change_and_changes_nothing(catalog: Catalog) -> None:
    add_music(catalog)
    before, counts = rows_of(catalog), catalog.counts()
    dry = [remove(catalog, "artist", "Mono", dry_run=True), merge(catalog, "Low", "Mono", dry_run=True)]
    dry += [
        remove(catalog, "clip", "/3", dry_run=True),
        split(catalog, "Low", ["Low - Words"], "Low", dry_run=True),
        rename(catalog, "Mono", "MONO", dry_run=True),
    ]
    assert (rows_of(catalog), catalog.counts()) == (before, counts)
    assert all(report.changes.rows or report.changes.artists for report in dry)
    real = remove(catalog, "artist", "Mono")
    assert real.changes == dry[0].changes
    assert {change.before for change in real.changes.tracks} == {"Mono - Ashes", "Mono - Two"}
    assert [(change.before, change.after) for change in real.changes.artists] == [("Mono", None)]


def test_every_edit_is_undone_without_a_trace(catalog: Catalog) -> None:
    before = rows_of(add_music(catalog))
    numbers = [report.edit.id for report in make_each(catalog)]
    numbers.append(merge(catalog, "MONO", low_ids(catalog)[0]).edit.id)
    assert rows_of(catalog) != before
    for number in (numbers[2], numbers[0], numbers[4], numbers[3], numbers[1]):
        restore(catalog, number)
    assert rows_of(catalog) == before
    assert states(catalog) == ["undone"] * 5


def low_ids(catalog: Catalog) -> list[str]:
    return [artist.id for artist in rows_of(catalog).artists if artist.name == "Low"]


def test_a_split_gives_tracks_to_an_artist_of_the_same_name(low: Catalog) -> None:
    (old,) = low_ids(low)
    report = split(low, "Low", ["Low - Words"], "Low")
    (new,) = set(low_ids(low)) - {old}
    assert isinstance(report.edit.subject, Split)
    assert new == report.edit.subject.new_artist
    owners = {track.title: track.artist_id for track in rows_of(low).tracks}
    assert (owners["Words"], owners["Lazy"]) == (new, old)
    assert {(row.artist_id, row.genre) for row in rows_of(low).genres if row.artist_id in (old, new)} == {
        (new, "slowcore"),
        (old, "punk"),
    }
    assert {row.artist_a for row in rows_of(low).collaborations} | {
        row.artist_b for row in rows_of(low).collaborations
    } == {old, *(artist.id for artist in rows_of(low).artists if artist.name == "Mono")}


def test_a_new_file_of_a_name_that_was_split_goes_to_the_artist_that_had_it(low: Catalog) -> None:
    (old,) = low_ids(low)
    split(low, "Low", ["Low - Words", "Low - Lazy"], "Low")
    add_file(low, "/5", "Low", title="Sunflower")
    owners = {track.title: track.artist_id for track in rows_of(low).tracks}
    assert owners["Sunflower"] == old
    assert owners["Words"] == owners["Lazy"] != old


def test_a_file_with_the_new_name_of_a_split_goes_to_the_new_artist(low: Catalog) -> None:
    split(low, "Low", ["Low - Words"], "Low (UK)")
    add_file(low, "/5", "Low (UK)", title="Sunflower")
    assert [title for name, title in titles_by_artist(low) if name == "Low (UK)"] == ["Sunflower", "Words"]
    assert names_of(low) == ["Low", "Low (UK)", "Mono"]


def test_a_split_artist_is_there_while_it_has_a_track(low: Catalog) -> None:
    split(low, "Low", ["Low - Words"], "Other")
    low.forget_files(["/1"])
    low.facts_may_differ()
    derive(low)
    assert names_of(low) == ["Low", "Mono"]
    assert states(low) == ["not found now"]


def test_splits_follow_the_sound_through_a_retag(low: Catalog) -> None:
    split(low, "Low", ["Low - Words"], "Other")
    add_file(low, "/1", "Low", title="Words Corrected")
    assert ("Other", "Words Corrected") in titles_by_artist(low)


def test_a_later_split_is_believed_and_both_can_be_undone_in_any_order(low: Catalog) -> None:
    before = rows_of(low)
    first = split(low, "Low", ["Low - Words"], "One").edit.id
    second = split(low, "One", ["One - Words"], "Two").edit.id
    assert ("Two", "Words") in titles_by_artist(low)
    restore(low, first)
    assert ("Two", "Words") in titles_by_artist(low)
    restore(low, second)
    assert rows_of(low) == before


def test_a_split_artist_can_be_merged_removed_and_renamed(low: Catalog) -> None:
    split(low, "Low", ["Low - Words"], "Other")
    rename(low, "Other", "Else")
    merge(low, "Else", "Mono")
    assert ("Mono", "Words") in titles_by_artist(low)
    remove(low, "artist", "Mono")
    assert names_of(low) == ["Low"]


def test_a_removed_track_stays_away_whatever_its_tags_say(low: Catalog) -> None:
    remove(low, "track", "Low - Lazy")
    add_file(low, "/2", "Mono", title="Lazy Corrected")
    assert "Lazy Corrected" not in {title for _, title in titles_by_artist(low)}
    add_file(low, "/2", "Low", title="Words")
    assert ("Low", "Words") in titles_by_artist(low)
    assert len(rows_of(low).clips) == 3


def test_an_edit_whose_subject_left_is_not_found_and_does_no_harm(low: Catalog) -> None:
    remove(low, "artist", "Mono")
    rename(low, "Low", "LOW")
    low.forget_files(["/3", "/4"])
    low.facts_may_differ()
    derive(low)
    assert states(low) == ["not found now", "in force"]
    add_file(low, "/3", "Mono", title="Ashes")
    assert states(low) == ["in force", "in force"]
    assert names_of(low) == ["LOW"]


def test_references_are_ids_external_ids_and_names(low: Catalog) -> None:
    external = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"
    clip_id = add_file(low, "/6", "Codeine", title="D - Cave", artist_ids=[external])
    (codeine,) = (artist.id for artist in low.read_artists() if artist.name == "Codeine")
    for ref in (f"MBID:{external.upper()}", "codeine", codeine, f"id:{codeine}"):
        assert removal(remove(low, "artist", ref, dry_run=True)).id == codeine
    assert removal(remove(low, "track", "CODEINE - d - cave", dry_run=True)).clips == (clip_id,)
    assert removal(remove(low, "clip", clip_id, dry_run=True)) == removal(remove(low, "clip", "/6", dry_run=True))


def removal(report: EditReport) -> Removal:
    assert isinstance(report.edit.subject, Removal)
    return report.edit.subject


def test_a_name_of_two_artists_is_refused_with_both(low: Catalog) -> None:
    split(low, "Low", ["Low - Words"], "Low")
    with pytest.raises(AmbiguousName, match=r"2 artists are called 'Low'.*tracks: 1") as raised:
        remove(low, "artist", "Low")
    assert {identifier for identifier, _ in raised.value.candidates} == set(low_ids(low))


def test_what_an_edit_took_away_is_explained(low: Catalog) -> None:
    merge(low, "Mono", "Low")
    gone = [artist.id for artist in low.read_artists() if artist.name == "Mono"]
    with pytest.raises(NotFound, match="edit 1 merged it into Low; soundkin catalog restore 1"):
        remove(low, "artist", gone[0])
    remove(low, "artist", "Mono")  # an alias of Low now
    with pytest.raises(NotFound, match="edit 2 removed it"):
        rename(low, "Low", "X")


@pytest.mark.parametrize("ref", ["Nobody", "mbid:none", "", "  "])
def test_an_artist_that_is_not_there_changes_nothing(low: Catalog, ref: str) -> None:
    with pytest.raises((NotFound, InvalidArgument)):
        remove(low, "artist", ref)
    assert list_edits(low) == []


def test_a_name_with_a_typing_error_gets_a_suggestion(low: Catalog) -> None:
    add_file(low, "/7", "Massive Attack", title="Teardrop")
    with pytest.raises(NotFound, match=r"no artist 'Massiv Atack'; did you mean Massive Attack \(0\.9"):
        remove(low, "artist", "Massiv Atack")


def test_what_makes_no_sense_is_refused(low: Catalog) -> None:
    with pytest.raises(InvalidArgument, match="are one artist"):
        merge(low, "Low", "LOW")
    with pytest.raises(InvalidArgument, match="Mono - Ashes is not by Low"):
        split(low, "Low", ["Mono - Ashes"], "X")
    with pytest.raises(InvalidArgument, match="name: is blank"):
        rename(low, "Low", " ")
    with pytest.raises(InvalidArgument, match=r"U\+001B"):
        rename(low, "Low", "a\x1bb")
    with pytest.raises(NotFound, match="Artist - Title"):
        remove(low, "track", "Words")
    with pytest.raises(NotFound, match="path of its file"):
        remove(low, "clip", str(Path("nowhere.wav")))
    assert list_edits(low) == []


def test_tracks_that_only_an_older_version_scanned_cannot_be_split(low: Catalog) -> None:
    (record,) = low.file_records(["/1"]).values()
    low.record_files([FileRecord(path="/1", size=1, mtime_ns=1, clip_id=record.clip_id)])
    with pytest.raises(InvalidArgument, match="run soundkin scan on its folder first"):
        split(low, "Low", ["Low - Words"], "X")
