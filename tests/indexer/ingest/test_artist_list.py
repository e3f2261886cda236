"""Lists of artists without audio: names, ids in any namespace, genres and popularity; imported twice is once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.ingest.artist_list import import_artists
from indexer.ingest.import_claims import ImportReport
from recommender.catalog import Catalog
from recommender.catalog.rows import Source
from tests.catalog_rows import add_artist


def run(catalog: Catalog, tmp_path: Path, content: object, name: str = "lineup.csv") -> ImportReport:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    first = import_artists(catalog, path, source="lineup", licence="own")
    before = catalog.counts()
    again = import_artists(catalog, path, source="lineup", licence="own")
    assert (again.imported, again.new_artists, again.rejected) == (0, 0, first.rejected)
    assert catalog.counts() == before
    return first


def popularity(catalog: Catalog) -> dict[str, float]:
    names = {artist.id: artist.name for artist in catalog.read_artists()}
    return {names[row.artist_id]: row.value for row in catalog.read_popularity()}


def test_a_list_of_names_adds_artists(catalog: Catalog, tmp_path: Path) -> None:
    report = run(catalog, tmp_path, "name\nLow\nMono\nLOW\n\n")
    assert (report.rows, report.imported, report.unchanged, report.new_artists) == (3, 2, 1, 2)
    assert sorted(artist.name for artist in catalog.read_artists()) == ["Low", "Mono"]


@pytest.mark.parametrize(
    ("column", "namespace"),
    [
        ("mbid", "mbid"),
        ("MusicBrainz ID", "mbid"),
        ("Spotify ID", "spotify"),
        ("discogs", "discogs"),
        ("songkick_id", "songkick"),
        ("bandsintown", "bandsintown"),
        ("Ticketmaster-ID", "ticketmaster"),
        ("artist_deezer_id", "deezer"),
        ("external_id:my-db", "my-db"),
        ("artist_external_id:gigs", "gigs"),
    ],
)
def test_ids_of_any_namespace(catalog: Catalog, tmp_path: Path, column: str, namespace: str) -> None:
    run(catalog, tmp_path, f"name,{column}\nLow,abc\n")
    (external,) = catalog.read_external_ids()
    assert (external.namespace, external.value) == (namespace, "abc")


def test_a_column_that_many_artists_share_is_not_an_id(catalog: Catalog, tmp_path: Path) -> None:
    assert run(catalog, tmp_path, "name,country_id,id\nLow,7,1\nMono,7,1\n").new_artists == 2


def test_genres_of_weight_one_and_popularity(catalog: Catalog, tmp_path: Path) -> None:
    content = [
        {"name": "Low", "genres": ["Slowcore", "Indie"], "listeners": 412345},
        {"artist": "Mono", "genre": "Post-Rock; Rock", "listeners": 0},
        {"artist": 311},
    ]
    report = run(catalog, tmp_path, content, "lineup.json")
    assert (report.rows, report.imported, report.new_artists) == (3, 3, 3)
    assert {(row.genre, row.weight) for row in catalog.read_genres()} == {
        (genre, 1.0) for genre in ("slowcore", "indie", "post rock", "rock")
    }
    assert popularity(catalog) == {"Low": 412345.0, "Mono": 0.0}
    assert catalog.read_sources() == [Source(name="lineup", licence="own")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("artist;followers\nLow;1.234.567\n", 1234567.0),
        ("artist;followers\nLow;12,5\n", 12.5),
        ('artist,followers\nLow,"1,234"\n', 1234.0),
        ("artist\tfollowers\nLow\t1 234 567\n", 1234567.0),
        ("artist,monthly listeners\nLow,2e3\n", 2000.0),
    ],
)
def test_numbers_as_spreadsheets_write_them(catalog: Catalog, tmp_path: Path, text: str, value: float) -> None:
    run(catalog, tmp_path, text)
    assert popularity(catalog) == {"Low": value}


@pytest.mark.parametrize("cell", ["-1", "many", "nan", "inf", "1.234"])
def test_a_bad_popularity_costs_the_row_and_says_why(catalog: Catalog, tmp_path: Path, cell: str) -> None:
    report = run(catalog, tmp_path, f"artist;fans\nLow;{cell}\nMono;7\n")
    assert [(row.line, row.reason) for row in report.rejected] == [(2, "bad_number")]
    assert popularity(catalog) == {"Mono": 7.0}
    assert [artist.name for artist in catalog.read_artists()] == ["Mono"]


def test_one_column_of_popularity_counts_in_a_file(catalog: Catalog, tmp_path: Path) -> None:
    run(catalog, tmp_path, "name,listeners,popularity\nLow,,60\nMono,9000,\nMogwai,8000,70\n")
    assert popularity(catalog) == {"Low": 60.0, "Mogwai": 70.0}


def test_a_second_row_adds_genres_but_does_not_change_the_popularity(catalog: Catalog, tmp_path: Path) -> None:
    report = run(catalog, tmp_path, "name,genre,fans\nLow,Rock,5\nLow,Slowcore,\nLow,Rock,6\nLow,Rock,5\n")
    assert [(row.line, row.reason) for row in report.rejected] == [(4, "duplicate_row")]
    assert "at 2, which is kept" in report.rejected[0].detail
    assert sorted(row.genre for row in catalog.read_genres()) == ["rock", "slowcore"]
    assert popularity(catalog) == {"Low": 5.0}


def test_a_later_import_of_the_source_changes_the_popularity(catalog: Catalog, tmp_path: Path) -> None:
    run(catalog, tmp_path, "name,fans\nLow,5\n")
    assert run(catalog, tmp_path, "name,fans\nLow,6\n").imported == 1
    assert popularity(catalog) == {"Low": 6.0}


def test_forgetting_the_source_takes_its_popularity(catalog: Catalog, tmp_path: Path) -> None:
    run(catalog, tmp_path, "name,fans\nLow,5\n")
    assert catalog.forget_source("lineup") == 1
    assert popularity(catalog) == {}


def test_an_ambiguous_name_and_a_row_without_one_are_rejected(catalog: Catalog, tmp_path: Path) -> None:
    for number in "12":
        add_artist(catalog, "Nirvana", external_ids=[("mbid", number)])
    report = run(catalog, tmp_path, "name,mbid,fans\nNirvana,,1\nNirvana,2,3\n,,4\n")
    assert [(row.line, row.reason) for row in report.rejected] == [(2, "ambiguous_name"), (4, "no_artist")]
    assert popularity(catalog) == {"Nirvana": 3.0}
