"""Raw values become fields: common keys, numbers, ids, and what was repaired."""

from __future__ import annotations

import pytest

from indexer.audio.tags.tag_fields import checked, file_tags, joined
from recommender.catalog.file_facts import FileTags

MBID = "8e66ea2b-b57b-47d9-8df0-df4630aeb8e5"
OTHER = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("key", ["albumartist", "ALBUM ARTIST", "album_artist", "WM/AlbumArtist", "Album Artist"])
def test_keys_of_all_kinds_are_one(key: str) -> None:
    assert file_tags({key: ["Low"]}) == FileTags(album_artists=("Low",))


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("03/12", 3), (" 3 / 12", 3), ("3 of 12", 3), ("0", None), ("A1", None), ("", None), ("99999", None)],
)
def test_track_numbers(text: str, number: int | None) -> None:
    assert file_tags({"tracknumber": [text]}).number == number


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1999", 1999),
        ("1999-06-12", 1999),
        ("12.06.1999", 1999),
        ("19990612", 1999),
        ("1999-06-12T00:00:00Z", 1999),
        ("0000", None),
        ("99", None),
        ("123456789", None),
    ],
)
def test_years(text: str, year: int | None) -> None:
    assert file_tags({"date": [text]}).year == year


@pytest.mark.parametrize("text", [f"{MBID}/{OTHER}", f"{MBID}; {OTHER}", f"{MBID}\0{OTHER}", f" {MBID},{OTHER}"])
def test_ids_are_read_in_order_with_any_separator(text: str) -> None:
    assert file_tags({"musicbrainz_artistid": [text]}).artist_ids == (MBID, OTHER)


@pytest.mark.parametrize("text", ["not an id", "'; DROP TABLE artists;--", MBID[:-1]])
def test_what_is_no_id_is_left_out(text: str) -> None:
    assert file_tags({"musicbrainz_artistid": [text], "musicbrainz_trackid": [text]}) == FileTags()


def test_values_end_at_nul_and_blank_ones_are_left_out() -> None:
    assert file_tags({"artist": ["A\0B", " ", "\0"], "title": ["First\0Second"]}) == FileTags(
        artists=("A", "B"), title="First"
    )


def test_the_fields_that_were_repaired_or_look_wrong_are_named() -> None:
    tags = file_tags({"artist": ["BjÃ¶rk"], "title": ["Êèíî"], "album": ["Café"]})
    assert tags == FileTags(artists=("Björk",), title="Êèíî", album="Café", repaired=("artists",), doubtful=("title",))


def test_control_characters_show_a_wrong_encoding_before_they_are_removed() -> None:
    tags = file_tags({"artist": ["Guns N\x92 Roses"], "title": ["宇多田ヒカル".encode("shift-jis").decode("latin-1")]})
    assert (tags.artists, tags.repaired, tags.doubtful) == (("Guns N’ Roses",), ("artists",), ("title",))


def test_a_later_kind_of_tag_fills_gaps_with_its_marks() -> None:
    first = file_tags({"artist": ["Low"]})
    second = file_tags({"artist": ["BjÃ¶rk"], "musicbrainz_artistid": [MBID], "title": ["Êèíî"], "album": ["X"]})
    assert joined([first, second]) == FileTags(artists=("Low",), title="Êèíî", album="X", doubtful=("title",))


@pytest.mark.parametrize("data", [{"artists": 1}, {"artists": [1]}, [], None, {"disc": "1"}, {"disc": 1.5}])
def test_what_are_no_tags_is_a_value_error(data: object) -> None:
    with pytest.raises(ValueError, match="not tags"):
        checked(data)


def test_tags_of_a_hostile_sender_are_cleaned_and_cut() -> None:
    data = {
        "artists": ["a\x1b[2J" * 1000] * 3 + [str(number) for number in range(100)],
        "artist_ids": [f"{MBID} rm -rf"],
        "number": 10**30,
        "disc": -1,
        "repaired": ["artists", "\x1b"],
    }
    tags = checked(data)
    assert (len(tags.artists), tags.artist_ids, tags.number, tags.disc) == (20, (MBID,), None, None)
    assert tags.repaired == ("artists",)
    assert "\x1b" not in tags.artists[0]
    assert len(tags.artists[0]) <= 300
