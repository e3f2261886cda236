"""Facts derived from the ledger: which file counts, which track is which, and that a correction replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from indexer.ingest.artist_list import import_artists
from indexer.ingest.facts.derive import derive
from recommender.catalog import Catalog
from recommender.catalog.file_facts import FileTags, RowFacts
from recommender.catalog.rows import FileRecord, NewClip
from tests.indexer.ingest.scanned_music import shelf

MBID, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def record(path: str, artist: str, title: str, *, sound: str = "", **others: object) -> FileRecord:
    """A file of the folder /m or /n. ``others``: fields of its tags; the path stands for its sound if none is given."""
    tags = FileTags(artists=(artist,) if artist else (), title=title, **others)  # type: ignore[arg-type]  # of the caller
    sound = sound or path
    return FileRecord(
        path=path,
        size=1,
        mtime_ns=1,
        ctime_ns=1,
        content_sha256=f"{sound} {artist} {title}".encode().hex().ljust(64, "0")[:64],
        audio_id=f"r1:{sound}",
        relative=path[3:],
        length_ms=1000,
        tags=tags,
    )


def put(catalog: Catalog, *records: FileRecord) -> list[str]:
    """Record files with the clips of their sounds, and derive; the ids of the clips."""
    clip_ids: list[str] = []
    for one in records:
        sound = one.audio_id or ""
        known = catalog.clips_by_sound([sound]).get(sound)
        clip = NewClip(
            track_id=None,
            content_sha256=one.content_sha256 or "",
            start_ms=0,
            length_ms=1,
            policy="-",
            source_path=one.path,
            audio_id=sound,
        )
        clip_ids.append(known.id if known else catalog.add_clip(clip).clip_id)
        catalog.record_files([replace(one, clip_id=clip_ids[-1])])
    catalog.facts_may_differ()
    derive(catalog)
    return clip_ids


def rejections(catalog: Catalog) -> dict[str, str]:
    return {file.path: file.reason for file in catalog.read_files() if file.reason}


def paths(catalog: Catalog) -> dict[str, str]:
    return {track.title: track.path for track in catalog.read_tracks()}


def test_one_sound_under_two_titles_of_a_folder_is_two_tracks_each_with_its_file(catalog: Catalog) -> None:
    put(catalog, record("/m/1", "Low", "Words", sound="s"), record("/m/2", "Mono", "Other", sound="s"))
    assert paths(catalog) == {"Words": "/m/1", "Other": "/m/2"}
    assert catalog.counts()["clips"] == 1


def test_a_backup_beside_the_library_brings_no_old_name_back(catalog: Catalog) -> None:
    old = record("/n/1", "Old", "Words", sound="s")
    new = replace(record("/m/1", "New", "Words", sound="s"), mtime_ns=9, ctime_ns=9)
    put(catalog, old, new)
    assert shelf(catalog) == [("New", "Words")]
    catalog.set_vanished(["/m/1"], at="2026-01-01T00:00:00+00:00")
    catalog.facts_may_differ()
    derive(catalog)
    assert shelf(catalog) == [("Old", "Words")], "a file that is there is believed before one that vanished"


def test_a_copy_with_the_same_bytes_is_the_oldest_file(catalog: Catalog) -> None:
    first = record("/m/a", "", "Words", sound="s")
    copy = replace(record("/m/Mono - b.flac", "", "Words", sound="s"), mtime_ns=5, ctime_ns=5)
    first = replace(first, relative="Low - a.flac")
    put(catalog, first, copy)
    assert shelf(catalog) == [("Low", "Words")]


def test_tracks_that_exchange_titles_keep_their_clips_and_an_empty_catalog_stays_empty(catalog: Catalog) -> None:
    derive(catalog, only_if_changed=False)
    assert catalog.read_tracks() == []
    one, two = put(catalog, record("/m/1", "Low", "One"), record("/m/2", "Low", "Two"))
    put(catalog, record("/m/1", "Low", "Two"), record("/m/2", "Low", "One"))
    clips = catalog.read_clips([one, two])
    titles = {track.id: track.title for track in catalog.read_tracks()}
    assert [titles[clips[clip].track_id or ""] for clip in (one, two)] == ["Two", "One"]


def test_a_track_keeps_its_id_through_title_artist_and_album(catalog: Catalog) -> None:
    put(catalog, record("/m/1", "Low", "Words"))
    (before,) = catalog.read_tracks()
    changes: tuple[FileRecord, ...] = (
        record("/m/1", "Low", "Other"),
        record("/m/1", "Mono", "Other"),
        record("/m/1", "Mono", "Other", album="One", disc=2, number=3, year=1999, album_artists=("VV",)),
    )
    for changed in changes:
        put(catalog, changed)
        (after,) = catalog.read_tracks()
        assert after.id == before.id
    assert (after.album, after.disc, after.number, after.year, after.album_artist) == ("One", 2, 3, 1999, "VV")


def test_an_artist_that_returns_has_its_old_id_by_name_or_by_external_id(catalog: Catalog) -> None:
    put(catalog, record("/m/1", "Low", "Words", artist_ids=(MBID,)))
    (low,) = catalog.read_artists()
    put(catalog, record("/m/1", "Mono", "Words"))
    assert [artist.name for artist in catalog.read_artists()] == ["Mono"]
    assert catalog.counts()["retired_artists"] == 1
    put(catalog, record("/m/1", "Low (the band)", "Words", artist_ids=(MBID,)))
    assert [artist.id for artist in catalog.read_artists()] == [low.id]
    put(catalog, record("/m/1", "Mono", "Words"))
    put(catalog, record("/m/1", "Low (the band)", "Words", artist_ids=(OTHER,)))
    assert low.id not in {artist.id for artist in catalog.read_artists()}, "another id, so another band"


def test_the_name_of_an_imported_artist_is_its_imports_once_no_file_names_it(catalog: Catalog, tmp_path: Path) -> None:
    table = tmp_path / "artists.csv"
    table.write_text("artist,listeners\nLOW,5\n")
    import_artists(catalog, table, source="shelf", licence="own")
    put(catalog, *(record(f"/m/{number}", "Low", f"Song {number}") for number in range(3)))
    assert [artist.name for artist in catalog.read_artists()] == ["Low"]
    catalog.forget_files([file.path for file in catalog.read_files()])
    catalog.facts_may_differ()
    derive(catalog)
    assert [artist.name for artist in catalog.read_artists()] == ["LOW"]
    assert [row.name for row in catalog.read_names()] == ["LOW"]


def test_a_corrected_guest_replaces_the_event_also_where_older_files_wait(catalog: Catalog) -> None:
    """Both artists have a clip whose file has not been read since migration 0004, so what is known of them stays."""
    put(catalog, record("/m/1", "Low feat. Mono", "Us"), record("/m/2", "Low", "a"), record("/m/3", "Mono", "b"))
    waiting = [replace(catalog.file_records([path])[path], tags=None) for path in ("/m/2", "/m/3")]
    catalog.record_files(waiting)
    put(catalog, replace(record("/m/1", "", "Us"), tags=FileTags(artists=("Low feat. Mono & Guest",), title="Us")))
    rows = [(row.title, row.credited) for row in catalog.read_collaborations()]
    assert rows
    put(catalog, replace(record("/m/1", "", "Us"), tags=FileTags(artists=("Low", "Mono", "Guest"), title="Us")))
    put(catalog, record("/m/1", "Low feat. Mono", "Us"))
    assert {(row.title, row.credited) for row in catalog.read_collaborations()} >= {("Us", 2)}
    assert [track.title for track in catalog.read_tracks() if track.title in "ab"]


def test_a_row_comes_before_tags_and_a_name_of_two_bands_is_refused_until_it_is_told(catalog: Catalog) -> None:
    rows: Mapping[str, RowFacts] = {
        "/m/1": RowFacts(artist="Twin", external_ids=(("mbid", MBID),), title="A"),
        "/m/2": RowFacts(artist="Twin", external_ids=(("mbid", OTHER),), title="B", genres=("pop",)),
    }
    put(catalog, *(replace(record(path, "Tag", "t"), row=row) for path, row in rows.items()))
    assert shelf(catalog) == [("Twin", "A"), ("Twin", "B")]
    put(catalog, record("/m/3", "Twin", "Which"))
    assert rejections(catalog) == {"/m/3": "ambiguous_name"}
    put(catalog, record("/m/3", "Twin", "Which", artist_ids=(OTHER,)))
    assert rejections(catalog) == {}
    assert [(row.genre, row.source) for row in catalog.read_genres()] == [("pop", "manifest")]
    put(catalog, record("/m/3", "Twin", "Which"))
    assert rejections(catalog) == {}, "it belongs to one of them already"


def test_what_a_file_cannot_say_is_a_rejection_that_ends_with_its_cause(catalog: Catalog) -> None:
    put(catalog, record("/m/x", "", "Words"))
    assert (rejections(catalog), shelf(catalog)) == ({"/m/x": "no_artist"}, [])
    put(catalog, record("/m/x", "Low", "Words"))
    assert (rejections(catalog), shelf(catalog)) == ({}, [("Low", "Words")])


@pytest.mark.parametrize("count", [3, 300])
def test_the_number_of_statements_does_not_grow_with_the_files(count: int) -> None:
    """A statement for each of 100,000 retagged files would take minutes on a database across a network."""
    with Catalog.open("sqlite://") as catalog:
        put(catalog, *(record(f"/m/{number}", f"Artist {number}", f"Old {number}") for number in range(count)))
        changed = [record(f"/m/{n}", f"Other {n}", f"New {n}", genres=("rock",)) for n in range(count)]
        old = {file.path: file.clip_id for file in catalog.read_files()}
        catalog.record_files([replace(one, clip_id=old[one.path]) for one in changed])
        catalog.facts_may_differ()
        statements: list[str] = []
        event.listen(catalog._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        derive(catalog)
        assert len(catalog.read_tracks()) == count
        assert len(statements) < 100, "for any number of files"


def test_a_path_gives_an_album_only_where_it_gives_the_title_too(catalog: Catalog) -> None:
    """A tagged file in a folder of mixed songs is not on an album that is called as the folder is."""
    named = replace(record("/m/1", "Low", "Tagged"), relative="Low/Folder/01 - Song.flac")
    silent = replace(record("/m/2", "", ""), relative="Low/Folder/02 - Song.flac", tags=FileTags())
    put(catalog, named, silent)
    assert {(track.title, track.album, track.number) for track in catalog.read_tracks()} == {
        ("Tagged", "", 1),
        ("Song", "Folder", 2),
    }
