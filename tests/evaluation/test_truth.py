"""Truth files: every way to name an artist, and a reason for every row that is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.truth import ABSENT, read_truth
from recommender.errors import BadInput
from recommender.lookup import Directory
from tests.factories import MadeArtist, MadeCatalog, make_contents


@pytest.fixture
def directory() -> Directory:
    """Low is row 0, Nina Simone row 1; rows 2 and 3 are both called Bush."""
    artists = (
        MadeArtist(id="a", name="Low", external_ids={"mbid": "m-low", "spotify": "s-low"}),
        MadeArtist(id="b", name="Nina Simone", aliases=("Eunice Waymon",), external_ids={"mbid": "m-nina"}),
        MadeArtist(id="c", name="Bush"),
        MadeArtist(id="d", name="Bush"),
    )
    return Directory(make_contents(MadeCatalog(artists=artists)))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_artists_are_found_by_name_alias_foreign_id_and_own_id(directory: Directory, tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.csv",
        "query,item,grade,query_spotify\nLOW,eunice waymon,2,\n,c,1,s-low\nmbid:m-low,d,0.5,\nnina simone,Low,,\n",
    )
    truth = read_truth(path, directory)
    assert truth.rejected == ()
    assert truth.grades(0) == {1: 2.0, 2: 1.0, 3: 0.5}
    assert truth.grades(1) == {0: 1.0}, "without a grade it is 1"


def test_json_lists_read_like_rows(directory: Directory, tmp_path: Path) -> None:
    data = [
        {"query": "Low", "items": [{"artist": "Nina Simone", "grade": 3}, "c", {"mbid": "x", "artist": "Nobody"}]},
        {"query": "Nina Simone", "item": "Low"},
    ]
    truth = read_truth(written(tmp_path / "t.json", json.dumps(data)), directory)
    assert truth.grades(0) == {1: 3.0, 2: 1.0}
    assert truth.grades(1) == {0: 1.0}
    assert [(each.key, each.reason) for each in truth.rejected] == [("[0].items[2]", ABSENT)]


def test_a_music_map_dump_is_a_truth_as_it_stands(directory: Directory, tmp_path: Path) -> None:
    data = {
        "Low": {
            "status": "success",
            "similar_artists": [
                {"name": "Nina Simone", "relationship_strength": 17.5},
                {"name": "Codeine", "relationship_strength": 20},
            ],
        },
        "Nina Simone": {"status": "error", "error": "timed out"},
        "mbid:m-low": [],
    }
    truth = read_truth(written(tmp_path / "dump.json", json.dumps(data)), directory)
    assert truth.grades(0) == {1: 17.5}
    assert truth.reference(0, 1) == frozenset(), "the strongest of the list is elsewhere"
    assert {each.reason for each in truth.rejected} == {ABSENT, "source_error"}
    ranked = written(tmp_path / "ranks.json", json.dumps({"Nina Simone": [{"name": "Low", "rank": 3}, {"name": "c"}]}))
    assert read_truth(ranked, directory).grades(1) == {0: 0.5, 2: 1.0}, "1 / log2(4), and 1 without rank or strength"


SCENES = {
    "a strength": ("t.csv", "artist,similar,strength\nLow,Nina Simone,0.7\n", 0.7),
    "a score": ("t.csv", "Artist,Similar,Score\nLow,Nina Simone,0.7\n", 0.7),
    "a rank": ("t.csv", "artist,similar,rank\nLow,Nina Simone,3\n", 0.5),
    "neither": ("t.tsv", "artist\tsimilar\nLow\tNina Simone\n", 1.0),
    "semicolons": ("t.csv", "artist;similar;strength\nLow;Nina Simone;0,7\n", 0.7),
    "columns of ids": ("t.csv", "artist,similar,artist_mbid,similar_mbid\nLow (band),Nina,m-low,m-nina\n", 1.0),
    "ids as names": ("t.csv", "artist,similar\nmbid:m-low,mbid:m-nina\n", 1.0),
    "lines of JSON": ("t.jsonl", '{"artist": "Low", "similar": "Nina Simone", "strength": 0.7}\n', 0.7),
    "a list of JSON": ("t.json", '[{"artist": "Low", "similar": "N.", "similar_mbid": "m-nina", "score": 0.7}]', 0.7),
    "an object of JSON": ("t.json", '{"mbid:m-low": {"Nina Simone": 0.7}}', 0.7),
    "a truth with a strength": ("t.csv", "query,item,strength\nLow,Nina Simone,0.7\n", 0.7),
    "a truth with a rank": ("t.csv", "query,item,rank\nLow,Nina Simone,3\n", 0.5),
    "lines of lists": ("t.jsonl", '{"query": "Low", "items": ["Nina Simone"]}\n', 1.0),
}
"""What a truth is given with -> file, its text, and the grade."""


@pytest.mark.parametrize(("name", "text", "grade"), SCENES.values(), ids=SCENES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_whatever_a_scene_can_be_imported_from_is_a_truth(
    name: str, text: str, grade: float, encoding: str, directory: Directory, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8" if "json" in name else encoding))
    truth = read_truth(tmp_path / name, directory)
    assert truth.rejected == ()
    assert {query: truth.grades(query) for query in truth.lists} == {0: {1: pytest.approx(grade)}}


def test_a_listing_that_cannot_be_used_is_told(directory: Directory, tmp_path: Path) -> None:
    rows = '[{"artist": "Low", "similar": "Nina Simone", "rank": 0}, {"artist": "Low", "similar": "Low"}]'
    truth = read_truth(written(tmp_path / "t.json", rows), directory)
    assert [(each.key, each.reason) for each in truth.rejected] == [("[0]", "bad_number"), ("[1]", "self_edge")]


def test_what_is_not_here_is_told_and_still_lowers_the_ceiling(directory: Directory, tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "query,item,grade\nLow,Nobody,5\nLow,Nina Simone,1\nNo one,Low,1\n")
    truth = read_truth(path, directory)
    assert [(each.line, each.reason) for each in truth.rejected] == [(2, ABSENT), (4, ABSENT)]
    assert "counts for the ceiling" in truth.rejected[0].detail
    assert list(truth.lists) == [0]
    assert truth.reference(0, 1) == frozenset(), "the best of the list is not here, so nothing can be found at 1"
    assert truth.reference(0, 2) == {1}


def test_each_kind_of_useless_row_has_its_reason(directory: Directory, tmp_path: Path) -> None:
    rows = ["Low,Bush,1", "Low,Low,1", "Low,Nina Simone,-1", "Low,Nina Simone,much", ",Low,1", "Low,,1"]
    rows += ["Low,Nina Simone,1", "Low,Eunice Waymon,1", "Low,Nina Simone,2"]
    truth = read_truth(written(tmp_path / "t.csv", "\n".join(["query,item,grade", *rows])), directory)
    assert [each.reason for each in truth.rejected] == [
        "ambiguous_name",
        "same_artist",
        "bad_number",
        "bad_number",
        "no_artist",
        "no_artist",
        "duplicate_row",
    ]
    assert truth.grades(0) == {1: 1.0}
    assert truth.rows == 9


def test_json_that_is_no_list_of_lists_is_told_where(directory: Directory, tmp_path: Path) -> None:
    data = [{"query": "Low", "items": "Nina Simone"}, {"query": "Low", "items": [7]}, "Low"]
    truth = read_truth(written(tmp_path / "t.json", json.dumps(data)), directory)
    assert [(each.key, each.reason) for each in truth.rejected] == [
        ("[0]", "bad_json"),
        ("[1].items[0]", "bad_json"),
        ("[2]", "bad_json"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("t.csv", "Low,Nina Simone,1\n", "no_header"),
        ("t.csv", "", "no_header"),
        ("t.csv", "query,grade\nLow,1\n", "no_header"),
        ("t.json", "{", "bad_json"),
        ("t.json", '{"query": "Low"}', "bad_json"),
        ("t.ods", "query,item\n", "unknown_format"),
    ],
)
def test_a_file_of_no_use_says_why(name: str, text: str, reason: str, directory: Directory, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        read_truth(written(tmp_path / name, text), directory)
    assert refused.value.reason == reason
    assert name in str(refused.value) or reason == "bad_json"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("t.csv", "artist,similar,rank\nNina Simone,Low,1\nNina Simone,c,3\n"),
        ("t.tsv", "Artist\tSimilar\tRank\nNina Simone\tLow\t1\nNina Simone\tc\t3\n"),
        (
            "t.jsonl",
            '{"artist": "Nina Simone", "similar": "Low", "rank": 1}\n'
            '{"artist": "Nina Simone", "similar": "c", "rank": 3}\n',
        ),
        (
            "t.json",
            '[{"artist": "Nina Simone", "similar": "Low", "rank": 1},'
            ' {"artist": "Nina Simone", "similar": "c", "rank": 3}]',
        ),
        ("t.json", '{"Nina Simone": {"Low": 1.0, "c": 0.5}}'),
    ],
)
def test_what_import_scene_takes_is_a_truth_too(directory: Directory, tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / file
    path.write_text(text)
    truth = read_truth(path, directory)
    assert truth.rejected == ()
    (items,) = truth.lists.values()
    assert [round(item.grade, 3) for item in items] == [1.0, 0.5]
