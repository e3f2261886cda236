"""Names that are one, and names that must stay two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.names import clean, clip_id, fold, fold_release, printable


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "BEYONCE"),
        ("  Sigur   Rós ", "sigur ros"),
        ("Björk", "Bjo\u0308rk"),
        ("Ｍｅｇａ", "mega"),
        ("STRASSE", "straße"),
        ("Motörhead\u00a0", "Motorhead"),
        ("Алёна", "алена"),
        ("ﾊﾟﾊﾟ", "パパ"),
        ("Ελλάδα", "ελλαδα"),
        ("Sigur Rós", "SIGUR RÓS"),
        ("Guns N’ Roses", "guns n' roses"),
        ("Guns N` Roses", "Guns N´ Roses"),
        ("Hawai‘i", "Hawaiʻi"),
        ("“Weird Al” Yankovic", '"Weird Al" Yankovic'),
        ("«Аукцыон»", "„Аукцыон“"),
        ("A‐ha", "a-ha"),
        ("Jay–Z", "Jay‑Z"),
        ("Jay—Z", "jay−z"),
        ("Act\u200b 1\u2060", "\ufeffAct 1"),
        ("\u202eAct 1\u202c", "\u2066Act 1\u2069\u200f"),
        ("co\u00adop", "coop"),
        ("❤\ufe0f Act", "❤ Act"),
        ("e\u034f\u0301toile", "etoile"),
        ("Royksopp", "Röyksopp"),
        ("Røyksopp", "ROYKSOPP"),
        ("Ægir", "aegir"),
        ("Œuvre", "OEUVRE"),
        ("Łona", "lona"),
        ("Đorđe Balašević", "Dorde Balasevic"),
        ("Þursaflokkurinn", "Thursaflokkurinn"),
        ("Işın", "Isin"),
        ("神聖かまってちゃん〜", "神聖かまってちゃん～"),
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
        ("MØ", "Mo"),
        ("Ø", "O"),
        ("The Wings", "Wings"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("ハー", "ハ-"),
        ("\u3164", "\u200d"),
    ],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert fold(one)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_folding_twice_is_folding_once_and_only_the_blank_is_empty(name: str) -> None:
    assert fold(fold(name)) == fold(name)
    assert bool(fold(name)) == bool(name.strip())


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\ufeffAct\u00a01\u200b", "Act 1"),
        ("\u2067Act 1\u2069", "Act 1"),
        ("e\u0301", "é"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u200b", ""),
    ],
)
def test_a_name_is_cleaned_of_what_has_no_shape_and_keeps_its_joiners(text: str, cleaned: str) -> None:
    assert clean(text, what="name") == cleaned


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=50))
def test_cleaning_never_changes_who_is_meant(name: str) -> None:
    cleaned = clean(name, what="name")
    assert fold(cleaned) == fold(name) or not cleaned


def test_a_clip_is_named_by_content_start_and_length() -> None:
    base = clip_id("ab" * 32, 0, 30_000)
    assert len(base) == 32
    assert (
        len({base, clip_id("ab" * 32, 1000, 30_000), clip_id("ab" * 32, 0, 29_000), clip_id("cd" * 32, 0, 30_000)}) == 4
    )
    assert clip_id("ab" * 32, 0, 30_000) == base


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("A\x1b[2J\rB\u202e", "A\ufffd[2J\ufffdB\ufffd"),
        ("坂本龍一 & Cé [!]", "坂本龍一 & Cé [!]"),
        ("a\nb\x9b\x7f", "a\ufffdb\ufffd\ufffd"),
    ],
)
def test_a_name_cannot_steer_the_terminal(name: str, shown: str) -> None:
    assert printable(name) == shown


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


def test_a_short_title_keeps_its_strokes_whatever_its_suffixes() -> None:
    assert fold_release("Ø (Remastered 2011)") == fold_release("Ø") == "ø"


def test_a_title_as_long_as_a_book_takes_no_time() -> None:
    """Two megabytes of beginnings of a tail, each of which would be read to the end: an hour."""
    title = "a - " * (1 << 19) + ")"
    assert fold_release(title) == fold(title)


def test_strokes_go_from_names_of_three_letters_on() -> None:
    assert fold("Høy") == "hoy"
    assert fold("Mø!!!") == "mø!!!", "marks are no letters"
