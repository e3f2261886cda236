"""Imports of genres, scene and collaborations, on both databases: what goes in, what is reported, and twice is once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.ingest.facts.derive import derive
from indexer.ingest.imports import ImportReport, import_collaborations, import_genres, import_scene
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistGenre, SceneEdge, Source
from recommender.errors import BadInput, InvalidArgument
from tests.catalog_rows import add_artist

Import = Callable[..., ImportReport]


@pytest.fixture
def run(catalog: Catalog, tmp_path: Path) -> Import:
    """Import a text as a file of that name, twice; the second time must change nothing."""

    def both(importer: Import, content: object, name: str = "data.csv") -> ImportReport:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        first = importer(catalog, path, source="test", licence="own")
        before = catalog.counts()
        again = importer(catalog, path, source="test", licence="own")
        assert (again.imported, again.new_artists) == (0, 0)
        assert again.unchanged == first.imported + first.unchanged
        assert again.rejected == first.rejected
        assert catalog.counts() == before
        return first

    return both


def reasons(report: ImportReport) -> list[tuple[int | str | None, str]]:
    return [(row.line or row.key, row.reason) for row in report.rejected]


def names(catalog: Catalog) -> dict[str, str]:
    return {artist.id: artist.name for artist in catalog.read_artists()}


def edges(catalog: Catalog) -> dict[tuple[str, str], SceneEdge]:
    called = names(catalog)
    return {(called[edge.artist_id], called[edge.neighbour_id]): edge for edge in catalog.read_scene_edges()}


def test_a_thousand_genre_rows_with_three_bad_ones(catalog: Catalog, run: Import) -> None:
    lines = [f"Artist {number},genre {number % 7},{number % 5 + 1}" for number in range(1000)]
    lines[10] = ",techno,1"
    lines[500] = "Artist 500,techno,heavy"
    lines[999] = 'Artist "999,techno,"1'
    report = run(import_genres, "artist,genre,weight\n" + "\n".join(lines) + "\n")
    assert (report.rows, report.imported, report.unchanged, report.new_artists) == (1000, 997, 0, 997)
    assert reasons(report) == [(12, "no_artist"), (502, "bad_number"), (1001, "bad_csv")]
    called = names(catalog)
    rows = {called[row.artist_id]: (row.genre, row.weight) for row in catalog.read_genres()}
    assert rows["Artist 13"] == ("genre 6", 4.0)
    assert len(rows) == 997


def test_spellings_of_artist_and_genre_are_folded_and_several_in_a_cell_are_several_rows(
    catalog: Catalog, run: Import
) -> None:
    report = run(import_genres, "\ufeffArtist,Tag\nBeyoncé,R&B\nBEYONCE,Rhythm & Blues\nbeyonce,Pop;Soul\n")
    assert (report.rows, report.imported, report.unchanged, report.new_artists) == (4, 3, 1, 1)
    genres = {(names(catalog)[row.artist_id], row.genre, row.weight) for row in catalog.read_genres()}
    assert genres == {("Beyoncé", name, 1.0) for name in ("rhythm and blues", "pop", "soul")}


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "1e999", "x"])
def test_a_weight_is_finite_and_above_zero(catalog: Catalog, run: Import, weight: str) -> None:
    report = run(import_genres, f"artist,genre,weight\nLow,slowcore,{weight}\n")
    assert reasons(report) == [(2, "bad_number")]
    assert catalog.read_genres() == []


def test_a_row_that_contradicts_an_earlier_one_is_rejected(catalog: Catalog, run: Import) -> None:
    report = run(import_genres, "artist,genre,weight\nLow,rock,1\nLOW,Rock,2\nlow,rock,1.0\n")
    assert (report.imported, report.unchanged) == (1, 1)
    assert reasons(report) == [(3, "duplicate_row")]


def test_a_row_may_name_its_own_source_but_not_change_its_licence(catalog: Catalog, run: Import) -> None:
    catalog.ensure_source("lastfm", "CC-BY-NC-4.0")
    said = ArtistGenre(artist_id=add_artist(catalog, "Mono"), genre="rock", source="lastfm", weight=1.0)
    catalog.add_genres([said])
    report = run(import_genres, "artist,genre,source\nLow,rock,lastfm\nLow,rock,discogs\nLow,rock,\n")
    assert reasons(report) == [(2, "bad_source")]
    assert sorted(row.source for row in catalog.read_genres()) == ["discogs", "lastfm", "test"]


def test_an_import_under_another_licence_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("artist,genre\nLow,rock\n")
    import_genres(catalog, tmp_path / "g.csv", source="dump", licence="CC0-1.0")
    (tmp_path / "g.csv").write_text("artist,genre\nMono,rock\n")
    with pytest.raises(InvalidArgument, match=r"CC0-1\.0.*soundkin import forget dump"):
        import_genres(catalog, tmp_path / "g.csv", source="dump", licence="own")
    assert [artist.name for artist in catalog.read_artists()] == ["Low"]
    catalog.forget_source("dump")
    assert import_genres(catalog, tmp_path / "g.csv", source="dump", licence="own").imported == 1
    assert catalog.read_sources() == [Source(name="dump", licence="own")]


def test_names_that_several_artists_bear_are_rejected_unless_an_id_decides(catalog: Catalog, run: Import) -> None:
    one = add_artist(catalog, "Nirvana", external_ids=[("mbid", "1")])
    two = add_artist(catalog, "Nirvana", external_ids=[("mbid", "2")])
    text = "artist,genre,artist_mbid\nNirvana,rock,\nNirvana,grunge,1\nmbid:2,psychedelic,\nmbid:3,noise,\n"
    report = run(import_genres, text)
    assert reasons(report) == [(2, "ambiguous_name"), (5, "no_artist")]
    assert {(row.artist_id, row.genre) for row in catalog.read_genres()} == {(one, "grunge"), (two, "psychedelic")}


def test_a_name_that_looks_like_sql_harms_nothing(catalog: Catalog, run: Import) -> None:
    report = run(import_genres, 'artist,genre\n"Robert\'); DROP TABLE artists;--",rock\n=HYPERLINK(1),%s\n')
    assert report.imported == 2
    assert sorted(names(catalog).values()) == ["=HYPERLINK(1)", "Robert'); DROP TABLE artists;--"]


def test_the_seed_projects_map_with_its_failures(catalog: Catalog, run: Import) -> None:
    near = [
        {"name": "Artist B", "rank": 1, "relationship_strength": 9.31},
        {"name": "Artist C", "rank": 2, "relationship_strength": None},
        {"name": "ARTIST A", "rank": 3, "relationship_strength": 1.0},
        {"rank": 4},
    ]
    content = {
        "Artist A": {"status": "success", "total_count": 4, "similar_artists": near},
        "Artist D": {"status": "error", "error": "Failed to fetch page"},
        "Artist E": {"status": "success", "total_count": 0, "similar_artists": []},
        "Artist F": 7,
    }
    report = run(import_scene, content, "map.json")
    assert (report.rows, report.imported, report.new_artists) == (7, 3, 4)
    assert reasons(report) == [
        ("Artist A[2]", "self_edge"),
        ("Artist A[3]", "no_artist"),
        ("Artist D", "source_error"),
        ("Artist F", "bad_json"),
    ]
    assert "Failed to fetch page" in report.rejected[2].detail
    found = {pair: (edge.rank, edge.strength) for pair, edge in edges(catalog).items()}
    assert found == {("Artist A", "Artist B"): (1, 9.31), ("Artist A", "Artist C"): (2, None)}
    assert {names(catalog)[row.artist_id] for row in catalog.read_scene_lists()} == {"Artist A", "Artist E"}


@pytest.mark.parametrize(
    ("name", "content", "strength"),
    [
        ("a.json", {"A": ["B", "C"]}, None),
        ("b.json", {"A": {"B": 0.7, "C": 0.7}}, 0.7),
        (
            "c.json",
            [{"artist": "A", "similar": "B", "score": 0.7}, {"artist": "A", "similar": "C", "strength": 0.7}],
            0.7,
        ),
        ("d.csv", "artist,similar,strength,rank\nA,B,0.7,\nA,C,0.7,\n", 0.7),
        ("e.jsonl", '{"artist": "A", "similar": "B"}\n{"artist": "A", "similar": "C"}\n', None),
    ],
)
def test_every_shape_of_a_scene_file_says_the_same(
    catalog: Catalog, run: Import, name: str, content: object, strength: float | None
) -> None:
    report = run(import_scene, content, name)
    assert (report.rows, report.imported, report.rejected) == (2, 2, ())
    assert {pair: edge.strength for pair, edge in edges(catalog).items()} == {
        ("A", "B"): strength,
        ("A", "C"): strength,
    }
    assert [names(catalog)[row.artist_id] for row in catalog.read_scene_lists()] == ["A"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", {"A": [{"rank": 1}, {"rank": 2}]}, "no_artist"),
        ("b.json", {"A": {"B": -1}}, "bad_number"),
        ("c.json", {"A": ["a"]}, "self_edge"),
        ("d.json", {"A": {"status": "success", "similar_artists": [{"name": "B", "rank": 0}]}}, "bad_number"),
        ("e.csv", "artist,similar,rank\nA,B,0\nA,a,1\n", "bad_number"),
        ("f.json", [{"artist": "A"}], "no_artist"),
    ],
)
def test_a_list_of_which_nothing_can_be_used_is_no_list_and_makes_no_artist(
    catalog: Catalog, run: Import, name: str, content: object, reason: str
) -> None:
    report = run(import_scene, content, name)
    assert (report.imported, report.new_artists, report.rows) == (0, 0, len(report.rejected))
    assert reasons(report)[0][1] == reason
    assert not any("column" in row.detail for row in report.rejected)
    assert (catalog.read_artists(), list(catalog.read_scene_lists())) == ([], [])


def test_bad_numbers_of_a_scene_row_are_reported(catalog: Catalog, run: Import) -> None:
    text = "artist,similar,rank,strength\nA,B,0,\nA,C,1.5,\nA,D,99999999999,\nA,E,,-1\nA,F,,NaN\nA,a,1,1\nA,G,2,3\n"
    report = run(import_scene, text)
    assert reasons(report) == [(line, "bad_number") for line in range(2, 7)] + [(7, "self_edge")]
    assert list(edges(catalog)) == [("A", "G")]


def test_collaborations_have_defaults_and_no_order(catalog: Catalog, run: Import) -> None:
    good = "A,B,,,\nB,A,Joint,,2\nA,B,Remix,Song,3\n"
    bad = "A,A,joint,Solo,\nA,C,,,1\nA,,,,\n"
    report = run(import_collaborations, f"artist_a,artist_b,kind,title,n_artists\n{good}{bad}")
    assert (report.rows, report.imported, report.unchanged) == (6, 2, 1)
    assert reasons(report) == [(5, "self_edge"), (6, "bad_number"), (7, "no_artist")]
    found = {(row.kind, row.title, row.credited) for row in catalog.read_collaborations()}
    assert found == {("joint", "", 2), ("remix", "Song", 3)}


def test_external_ids_of_both_sides_are_understood(catalog: Catalog, run: Import) -> None:
    run(import_collaborations, "artist_a,artist_a_mbid,artist_b,artist_b_spotify\nLow,1,Mono,2\n")
    assert {(row.namespace, row.value) for row in catalog.read_external_ids()} == {("mbid", "1"), ("spotify", "2")}


def test_a_changed_file_changes_what_it_says(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    for strength, imported in (("1", 1), ("2", 1), ("2", 0)):
        path.write_text(f"artist,similar,strength\nA,B,{strength}\n")
        assert import_scene(catalog, path, source="map", licence="none").imported == imported
    assert [edge.strength for edge in catalog.read_scene_edges()] == [2.0]


@pytest.mark.parametrize("importer", [import_genres, import_scene, import_collaborations])
def test_a_file_of_no_use_is_an_error_and_enters_nothing(catalog: Catalog, tmp_path: Path, importer: Import) -> None:
    (tmp_path / "a.csv").write_text("nothing,here\n1,2\n")
    with pytest.raises(BadInput, match="no_header"):
        importer(catalog, tmp_path / "a.csv", source="test", licence="own")
    (tmp_path / "a.json").write_text('{"unfinished": ')
    with pytest.raises(BadInput, match="bad_json"):
        importer(catalog, tmp_path / "a.json", source="test", licence="own")
    assert catalog.read_artists() == []
    assert catalog.counts()["sources"] == 0


@pytest.mark.parametrize(
    ("importer", "bad"),
    [
        (import_genres, "artist,genre\n,rock\n"),
        (import_scene, "artist,similar\nLow,low\n"),
        (import_collaborations, "artist_a,artist_b\nLow,LOW\n"),
    ],
)
def test_a_source_is_known_only_when_a_row_went_in(
    catalog: Catalog, tmp_path: Path, importer: Import, bad: str
) -> None:
    (tmp_path / "a.csv").write_text(bad)
    assert len(importer(catalog, tmp_path / "a.csv", source="a.csv", licence="none").rejected) == 1
    assert catalog.counts()["sources"] == 0
    (tmp_path / "a.csv").write_text(bad + "Low,Mono\n")
    assert importer(catalog, tmp_path / "a.csv", source="a.csv", licence="own").imported == 1
    assert catalog.read_sources() == [Source(name="a.csv", licence="own")]


def test_a_row_that_names_a_placeholder_is_rejected_and_the_others_go_on(catalog: Catalog, run: Import) -> None:
    various = "89ad4ac3-39f7-470e-963a-56509c546377"
    report = run(import_genres, f"artist,genre,artist_mbid\nLow,slowcore,\nVarious Artists,pop,\nX,pop,{various}\n")
    assert reasons(report) == [(3, "no_artist"), (4, "no_artist")]
    assert [artist.name for artist in catalog.read_artists()] == ["Low"]


def test_forgetting_one_of_two_lists_loses_nothing_that_the_other_names(catalog: Catalog, tmp_path: Path) -> None:
    for name in ("one", "two"):
        path = tmp_path / f"{name}.csv"
        path.write_text("artist,genre,artist_mbid\nLow,slowcore,m-low\n", encoding="utf-8")
        import_genres(catalog, path, source=name, licence="own")
    assert [source.name for source in catalog.read_sources()] == ["one", "two"]
    catalog.forget_source("one")
    derive(catalog)
    assert [(row.namespace, row.value) for row in catalog.read_external_ids()] == [("mbid", "m-low")]
    assert [row.name for row in catalog.read_names()] == ["Low"]
    catalog.forget_source("two")
    derive(catalog)
    assert catalog.read_artists() == []
