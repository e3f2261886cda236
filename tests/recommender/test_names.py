"""Names that are one, and names that must stay two."""

from __future__ import annotations

import pytest

from recommender.names import clip_id, fold, fold_genre


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "BEYONCE"),
        ("  Sigur   Rós ", "sigur ros"),
        ("Björk", "Bjo\u0308rk"),
        ("Ｍｅｇａ", "mega"),
        ("STRASSE", "straße"),
        ("Motörhead\u00a0", "Motorhead"),
    ],
)
def test_spellings_of_one_name_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("!!!", "???"),
        ("Bush", "Kate Bush"),
        ("坂本龍一", "Ryuichi Sakamoto"),
        ("Prince", "Princess"),
        ("MGMT", "M.G.M.T."),
    ],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert fold(one)


@pytest.mark.parametrize("genre", ["drum & bass", "Drum and Bass", "drum-and-bass", "DnB", "D&B", "drum'n'bass"])
def test_spellings_of_one_genre_fold_alike(genre: str) -> None:
    assert fold_genre(genre) == "drum and bass"


@pytest.mark.parametrize(("one", "other"), [("house", "tech house"), ("trance", "trap"), ("techno", "minimal techno")])
def test_genres_that_sound_alike_are_never_merged(one: str, other: str) -> None:
    assert fold_genre(one) != fold_genre(other)


def test_a_clip_is_named_by_content_start_and_length() -> None:
    base = clip_id("ab" * 32, 0, 30_000)
    assert len(base) == 32
    assert (
        len({base, clip_id("ab" * 32, 1000, 30_000), clip_id("ab" * 32, 0, 29_000), clip_id("cd" * 32, 0, 30_000)}) == 4
    )
    assert clip_id("ab" * 32, 0, 30_000) == base
