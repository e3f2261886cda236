"""Titles of releases of one recording compare equal; those of other recordings do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.names import fold, fold_release

RELEASES = (
    "{} (Remastered 2011)",
    "{} (2011 Remaster)",
    "{} - Remastered",
    "{} – 2011 Digital Remaster",
    "{} [Explicit]",
    "{} (Radio Edit)",
    "{} - Single Version",
    "{} (Album Version)",
    "{} (Original Mix)",
    "{} (Extended Mix)",
    "{} (Mono)",
    "{} (20th Anniversary Edition)",
    "{} (Remastered) [Bonus Track]",
)
OTHERS = (
    "{} (Live)",
    "{} (Remix)",
    "{} (Dimension Remix)",
    "{} (Acoustic Version)",
    "{} (Dub Version)",
    "{} (Version)",
    "{} (Original Demo)",
    "{} (2)",
    "{} (2011)",
    "{}, Pt. 2",
    "{} - Part 2",
    "{} (Somebody's Edit)",
    "{} II",
    "{} (Bonus Track 2)",
    "{} - Single 1",
    "{} (Edit 12)",
)


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_is_called_as_its_recording(release: str) -> None:
    assert fold_release(release.format("Black Café")) == fold_release("black cafe") == "black cafe"


@pytest.mark.parametrize("other", OTHERS)
def test_another_recording_keeps_what_tells_it_apart(other: str) -> None:
    assert fold_release(other.format("Black Café")) == fold(other.format("Black Café"))


@pytest.mark.parametrize(
    "title", ["(Original Mix)", "Remastered", "Radio - Edit Me", "Mono", "", "  ", "((", "Up (Mono"]
)
def test_a_title_that_has_nothing_beside_such_words_is_left_alone(title: str) -> None:
    assert fold_release(title) == fold(title)


@given(st.text(max_size=30), st.lists(st.sampled_from(RELEASES), max_size=3))
def test_words_of_releases_may_be_said_one_after_another_and_once_off_stay_off(title: str, said: list[str]) -> None:
    plain = fold_release(title)
    longer = title
    for release in said:
        longer = release.format(longer)
    assert fold_release(plain) == plain
    if plain and plain == fold(title) and plain == plain.strip():
        assert fold_release(longer) == plain


def test_a_title_as_long_as_a_book_takes_no_time() -> None:
    """Two megabytes of beginnings of a tail, each of which would be read to the end: an hour."""
    title = "a - " * (1 << 19) + ")"
    assert fold_release(title) == fold(title)
