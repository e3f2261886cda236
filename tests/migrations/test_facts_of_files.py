"""Migration 0004, and the scans after it: nothing is lost, nothing is embedded again, ids stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.ingest.facts.derive import derive
from indexer.ingest.scan import ScanOptions
from recommender.catalog import Catalog
from tests.indexer.ingest.scanned_music import retag, scan_here, shelf, write
from tests.migrations.old_catalogs import Rows, artist, embedded_file, joined, make_old_catalog, track

A, B, C, D, E = (letter * 32 for letter in "abcde")
"""Ids of artists."""
ONE, TWO, THREE, FOUR, FIVE, SIX = (digit * 32 for digit in "123456")
"""Ids of tracks, and of their clips."""
SECONDS = 5.2


def external(artist_id: str, value: str) -> Rows:
    return {"artist_external_ids": [{"namespace": "mbid", "value": value, "artist_id": artist_id}]}


def ids_of_tracks(catalog: Catalog) -> dict[str, str]:
    return {track.title: track.id for track in catalog.read_tracks()}


def pending(catalog: Catalog) -> list[str]:
    return [clip.source_path for clip in catalog.pending_clips("space", retry_failed=True)]


def test_titles_that_fold_alike_now_become_the_track_with_the_smaller_id(database_url: str) -> None:
    rows = joined(
        artist(A, ("Low", "low")),
        track(ONE, A, "Smør", "smør"),
        track(TWO, A, "Smor", "smor"),
        track(THREE, A, "smör", "smor x"),
    )
    make_old_catalog(database_url, rows)
    with Catalog.open(database_url) as catalog:
        assert [(row.id, row.title) for row in catalog.read_tracks()] == [(ONE, "Smør")]


def test_artists_that_fold_alike_now_become_one_with_the_imports_of_both(database_url: str) -> None:
    rows = joined(
        {"sources": [{"name": "shelf", "licence": "own"}]},
        artist(A, ("Røyksopp", "røyksopp")),
        artist(B, ("Royksopp", "royksopp")),
        artist(C, ("Mono", "mono")),
        external(B, "m1"),
        {"artist_genres": [{"artist_id": B, "genre": "pop", "source": "shelf", "weight": 2.0}]},
        {"scene_lists": [{"source": "shelf", "artist_id": B}]},
        {
            "scene_edges": [
                {"source": "shelf", "artist_id": B, "neighbour_id": C},
                {"source": "shelf", "artist_id": A, "neighbour_id": B},  # of one artist with itself from now on
            ]
        },
        {
            "collaborations": [
                {"artist_a": a, "artist_b": b, "kind": "joint", "title": "Us", "credited": 2, "source": "shelf"}
                for a, b in ((A, C), (B, C))  # one recording from now on
            ]
        },
        track(ONE, A, "Eple", "eple"),
        track(TWO, B, "Eple", "eple"),
        track(THREE, B, "Only", "only"),
    )
    make_old_catalog(database_url, rows)
    with Catalog.open(database_url) as catalog:
        assert [row.id for row in catalog.read_artists()] == [A, C]
        assert [(row.artist_id, row.name) for row in catalog.read_names()] == [
            (A, "Royksopp"),
            (A, "Røyksopp"),
            (C, "Mono"),
        ]
        assert [(row.artist_id, row.value) for row in catalog.read_external_ids()] == [(A, "m1")]
        assert [(row.artist_id, row.genre) for row in catalog.read_genres()] == [(A, "pop")]
        assert [(row.artist_id, row.neighbour_id) for row in catalog.read_scene_edges()] == [(A, C)]
        assert [(row.artist_a, row.artist_b) for row in catalog.read_collaborations()] == [(A, C)]
        assert [(row.id, row.artist_id) for row in catalog.read_tracks()] == [(ONE, A), (THREE, A)]


def test_two_bands_of_one_name_stay_two_where_their_ids_differ(database_url: str) -> None:
    rows = joined(artist(A, ("Bø rn", "bø rn")), artist(B, ("Bo rn", "bo rn")), external(A, "m1"), external(B, "m2"))
    make_old_catalog(database_url, rows)
    with Catalog.open(database_url) as catalog:
        assert [row.id for row in catalog.read_artists()] == [A, B]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Six files in two folders, as an old scan left them."""
    folder = tmp_path.resolve() / "music"
    for seed, name in enumerate(("very/deep/Low - Words.flac", "a.flac", "b.flac", "c.flac", "d.flac")):
        retag(write(folder / "here" / name, seed), {})
    retag(folder / "here/b.flac", {"artist": ["Low"], "title": ["Tagged"]})
    retag(folder / "here/c.flac", {"artist": ["Twin"], "title": ["First"]})
    retag(folder / "here/d.flac", {"artist": ["Slowdive"], "title": ["Not by them"]})
    retag(write(folder / "there" / "e.flac", 9), {"artist": ["Twin"], "title": ["Second"]})
    return folder


def old_home(music: Path) -> Rows:
    """Two artists called Twin, told apart by a tracklist; rows named the artists of a.flac and d.flac too."""
    names = ((A, "Low"), (B, "Twin"), (C, "Twin"), (D, "Row Act"), (E, "dive"))
    files = (
        ("here/very/deep/Low - Words.flac", A, "Words"),
        ("here/a.flac", D, "Rowed"),
        ("here/b.flac", A, "Tagged"),
        ("here/c.flac", B, "First"),
        ("here/d.flac", E, "Not by them"),
        ("there/e.flac", C, "Second"),
    )
    ids = (ONE, TWO, THREE, FOUR, FIVE, SIX)
    return joined(
        *(artist(identifier, (name, name.lower())) for identifier, name in names),
        external(B, "m1"),
        external(C, "m2"),
        *(track(i, owner, title, title.lower()) for i, (_, owner, title) in zip(ids, files, strict=True)),
        *(embedded_file(music / name, i, i, seconds=SECONDS) for i, (name, *_) in zip(ids, files, strict=True)),
    )


OLD_SHELF = [
    ("Low", "Tagged"),
    ("Low", "Words"),
    ("Row Act", "Rowed"),
    ("Twin", "First"),
    ("Twin", "Second"),
    ("dive", "Not by them"),
]


@pytest.mark.parametrize("order", [("here", "there"), ("there", "here"), ("",)])
def test_scans_after_the_upgrade_keep_every_id_and_embedding(
    database_url: str, music: Path, order: tuple[str, ...]
) -> None:
    make_old_catalog(database_url, old_home(music))
    with Catalog.open(database_url) as catalog:
        before = ids_of_tracks(catalog), [row.id for row in catalog.read_artists()]
        for folder in order:
            report = scan_here(catalog, music / folder)
            assert (report.new_clips, report.rejected) == (0, ())
            assert (shelf(catalog), pending(catalog)) == (OLD_SHELF, [])
            assert (ids_of_tracks(catalog), [row.id for row in catalog.read_artists()]) == before
        assert len(catalog.read_embedded_clips("space")) == 6
        assert [row.value for row in catalog.read_external_ids()] == ["m1", "m2"]
        derive(catalog, only_if_changed=False)
        assert ids_of_tracks(catalog) == before[0]


def test_a_corrected_tag_counts_after_the_upgrade(database_url: str, music: Path) -> None:
    make_old_catalog(database_url, old_home(music))
    with Catalog.open(database_url) as catalog:
        scan_here(catalog, music)
        for name in ("b", "c"):
            retag(music / f"here/{name}.flac", {"artist": ["Mono"], "title": ["Corrected"]})
        scan_here(catalog, music)
        names = {artist.id: artist.name for artist in catalog.read_artists()}
        tracks = {track.id: (names[track.artist_id], track.title) for track in catalog.read_tracks()}
        assert tracks[THREE] == ("Mono", "Corrected")
        assert tracks[FOUR] == ("Twin", "First"), "no tag tells the two apart: only a tracklist can change it"
        assert pending(catalog) == []


def test_a_track_of_two_files_keeps_its_id_while_one_of_them_waits_for_its_scan(
    database_url: str, tmp_path: Path
) -> None:
    music = tmp_path.resolve() / "music"
    tags = {"artist": ["Low"], "title": ["Words"], "album": ["Album"]}
    for seed, folder in enumerate(("here", "there")):
        retag(write(music / folder / "x.flac", seed), tags)
    rows = joined(
        artist(A, ("Low", "low")),
        track(ONE, A, "Words", "words"),
        embedded_file(music / "here/x.flac", ONE, ONE, seconds=SECONDS),
        embedded_file(music / "there/x.flac", TWO, ONE, seconds=SECONDS),
    )
    make_old_catalog(database_url, rows)
    with Catalog.open(database_url) as catalog:
        for folder in ("here", "there"):
            scan_here(catalog, music / folder)
            assert [(track.id, track.album) for track in catalog.read_tracks()] == [(ONE, "Album")]
            assert [clip.track_id for clip in catalog.read_embedded_clips("space")] == [ONE, ONE]


@pytest.mark.parametrize("first", ["retagged", "backup"])
def test_a_backup_of_a_retagged_file_proves_its_sound_and_saves_its_embedding(
    database_url: str, tmp_path: Path, first: str
) -> None:
    """The file was retagged after the last old scan; a copy with its old bytes is read before it, or after it."""
    music = tmp_path.resolve() / "music"
    names = ("1.flac", "2.flac") if first == "retagged" else ("2.flac", "1.flac")
    original, backup = (music / name for name in names)
    write(original, 1)
    retag(original, {"artist": ["Low"], "title": ["Words"]})
    rows = joined(
        artist(A, ("Low", "low")),
        track(ONE, A, "Words", "words"),
        embedded_file(original, ONE, ONE, seconds=SECONDS),
    )
    backup.write_bytes(original.read_bytes())
    retag(original, {"artist": ["Low"], "title": ["Corrected"]})
    make_old_catalog(database_url, rows)
    with Catalog.open(database_url) as catalog:
        scan_here(catalog, music)
        assert pending(catalog) == []
        assert {clip.clip_id for clip in catalog.read_embedded_clips("space")} == {ONE}
        records = [catalog.file_record(str(path)) for path in (original, backup)]
        assert [record and record.clip_id for record in records] == [ONE, ONE]


def test_a_file_that_is_gone_keeps_its_embedding_until_it_is_forgotten(database_url: str, music: Path) -> None:
    make_old_catalog(database_url, old_home(music))
    (music / "here/a.flac").unlink()
    with Catalog.open(database_url) as catalog:
        assert scan_here(catalog, music).vanished == 1
        assert shelf(catalog) == OLD_SHELF
        scan_here(catalog, music, ScanOptions(forget_after_days=0))
        assert shelf(catalog) == [row for row in OLD_SHELF if row[0] != "Row Act"]
        assert catalog.counts()["extractions"] == 6


def test_genres_and_events_of_files_that_wait_for_their_scan_stay(database_url: str, music: Path) -> None:
    known: Rows = {
        "sources": [{"name": "tags", "licence": "own"}],
        "artist_genres": [
            {"artist_id": owner, "genre": "rock", "source": "tags", "weight": 1.0} for owner in (A, B, C)
        ],
    }
    make_old_catalog(database_url, joined(known, old_home(music)))
    with Catalog.open(database_url) as catalog:
        scan_here(catalog, music / "here")
        assert [row.artist_id for row in catalog.read_genres()] == [C]
        scan_here(catalog, music / "there")
        assert catalog.read_genres() == []


def test_a_track_keeps_its_title_while_one_of_its_files_waits_and_another_has_a_new_one(
    database_url: str, tmp_path: Path
) -> None:
    music = tmp_path.resolve() / "music"
    for seed, (folder, title) in enumerate((("here", "Tagged"), ("there", "Words"))):
        retag(write(music / folder / "x.flac", seed), {"artist": ["Low"], "title": [title]})
    rows = joined(
        artist(A, ("Low", "low")),
        track(ONE, A, "Words", "words"),
        embedded_file(music / "here/x.flac", ONE, ONE, seconds=SECONDS),
        embedded_file(music / "there/x.flac", TWO, ONE, seconds=SECONDS),
    )
    make_old_catalog(database_url, rows)
    with Catalog.open(database_url) as catalog:
        scan_here(catalog, music / "here")
        assert ids_of_tracks(catalog)["Words"] == ONE
        assert shelf(catalog) == [("Low", "Tagged"), ("Low", "Words")]
