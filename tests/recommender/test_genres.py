"""Genres that are one, and genres that must stay two."""

from __future__ import annotations

import pytest

from recommender.genres import MAX_GENRES, fold_genre, split_genres


@pytest.mark.parametrize("genre", ["drum & bass", "Drum and Bass", "drum-and-bass", "DnB", "D&B", "drum'n'bass"])
def test_spellings_of_one_genre_fold_alike(genre: str) -> None:
    assert fold_genre(genre) == "drum and bass"


@pytest.mark.parametrize(("one", "other"), [("house", "tech house"), ("trance", "trap"), ("techno", "minimal techno")])
def test_genres_that_sound_alike_are_never_merged(one: str, other: str) -> None:
    assert fold_genre(one) != fold_genre(other)


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("Rock/Pop", ("rock", "pop")),
        ("Rock | Pop", ("rock", "pop")),
        ("Rock, Pop, Indie", ("rock", "pop", "indie")),
        ("Electronic\\\\House", ("electronic", "house")),
        ("Electronic\\House", ("electronic", "house")),
        ("Rock;Pop\0Jazz", ("rock", "pop", "jazz")),
        ("ロック、ポップ", ("ロック", "ポップ")),
        ("Folk, World, & Country", ("folk, world, and country",)),
        ("Folk, World & Country; Rock", ("folk, world, and country", "rock")),
        ("Electronic, Folk, World, & Country, Rock", ("electronic", "folk, world, and country", "rock")),
        ("Singer/Songwriter", ("singer songwriter",)),
        ("R&B/Soul", ("rhythm and blues", "soul")),
        ("Drum & Bass, R'n'B", ("drum and bass", "rhythm and blues")),
        ("Hip-Hop / Rap", ("hip hop", "rap")),
        ("Rock, rock; ROCK", ("rock",)),
    ],
)
def test_several_genres_in_one_text_are_cut_apart(text: str, genres: tuple[str, ...]) -> None:
    assert split_genres([text]) == genres
    assert split_genres(genres) == genres, "what is stored is not cut again"


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("(17)", ("rock",)),
        ("17", ("rock",)),
        ("(17)(18)", ("rock", "techno")),
        ("(4)Eurodisco", ("disco", "eurodisco")),
        ("(17) Rock", ("rock",)),
        ("(RX)(18)", ("techno",)),
        ("(12)", ()),
        ("255", ()),
        ("(255)", ()),
        ("2 Step", ("2 step",)),
        ("(17)(18)Eurodisco", ("rock", "techno", "eurodisco")),
        ("((Rock)", ("rock",)),
        ("(Rock)", ("rock",)),
        ('"Rock", [Pop]', ("rock", "pop")),
        ("#rock, #pop", ("rock", "pop")),
        ("Rock (Classic)", ("rock (classic)",)),
        ("80s", ("80s",)),
    ],
)
def test_numbers_of_id3_get_their_names(text: str, genres: tuple[str, ...]) -> None:
    assert split_genres([text]) == genres


@pytest.mark.parametrize(
    "text",
    [
        "Other",
        "Unknown",
        "genre",
        "<Unknown>",
        "N/A",
        "n/a",
        "None",
        "misc.",
        "",
        " ; ",
        "-",
        "???",
        "Unknown Genre",
        "[unknown]",
        "その他",
    ],
)
def test_words_that_say_nothing_are_no_genres(text: str) -> None:
    assert split_genres([text, "Rock"]) == ("rock",)


def test_hostile_genres_are_bounded() -> None:
    assert len(split_genres([",".join(f"genre x{number}" for number in range(10_000))])) == MAX_GENRES
    assert split_genres(["x" * 100_000, "folk, world" * 10_000, "(1" * 100_000, "jazz"])[-1] == "jazz"


@pytest.mark.parametrize(
    ("genre", "tag"),
    [
        ("Hip‐Hop", "hip hop"),
        ("Nu–Metal", "nu metal"),
        ("R’n’B", "rhythm and blues"),
        ("Forró", "forro"),
        ("80's", "80 s"),
        ("Post-Rock", "post rock"),
        ("K-Pop", "k pop"),
        ("Dansktop", "dansktop"),
    ],
)
def test_a_genre_is_the_same_tag_whatever_its_hyphens_and_quotes(genre: str, tag: str) -> None:
    assert fold_genre(genre) == tag


@pytest.mark.parametrize(
    "text", ["Другое", "其它", "기타", "Okänd", "Övrigt", "[Inne]", "Diğer", "Jiné", "(Other)", '"Unknown"']
)
def test_no_genre_in_any_language_is_none(text: str) -> None:
    assert split_genres([text, "Rock"]) == ("rock",)
