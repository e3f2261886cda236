"""Genres that are one, and genres that must stay two."""

from __future__ import annotations

import pytest

from recommender.genres import fold_genre


@pytest.mark.parametrize("genre", ["drum & bass", "Drum and Bass", "drum-and-bass", "DnB", "D&B", "drum'n'bass"])
def test_spellings_of_one_genre_fold_alike(genre: str) -> None:
    assert fold_genre(genre) == "drum and bass"


@pytest.mark.parametrize(("one", "other"), [("house", "tech house"), ("trance", "trap"), ("techno", "minimal techno")])
def test_genres_that_sound_alike_are_never_merged(one: str, other: str) -> None:
    assert fold_genre(one) != fold_genre(other)
