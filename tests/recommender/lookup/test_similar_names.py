"""Spellings that are near, found among many and compared exactly."""

from __future__ import annotations

import random
import threading

import pytest

from recommender.lookup.likely_names import LikelyNames
from recommender.lookup.loose_names import LooseNames
from recommender.lookup.similar_names import SimilarNames, likeness

SYLLABLES = tuple(a + b for a in "bdfgklmnprstvz" for b in "aeiou")


def made_names(n: int) -> list[str]:
    """Different names of two words."""
    rng = random.Random(1)
    names: dict[str, None] = {}
    while len(names) < n:
        names[" ".join("".join(rng.choices(SYLLABLES, k=3)) for _ in range(2))] = None
    return list(names)


NAMES = [*made_names(5_000), "radiohead", "massive attack", "sigur ros", "ハハ", "坂本龍一"]
INDEX = SimilarNames(NAMES)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("radiohed", "radiohead"),
        ("raidohead", "radiohead"),
        ("radio head", "radiohead"),
        ("attack massive", "massive attack"),
        ("massiveattack", "massive attack"),
        ("sigur roz", "sigur ros"),
        ("坂本龍", "坂本龍一"),
    ],
)
def test_a_near_spelling_is_found_first(name: str, meant: str) -> None:
    (place, score), *_ = INDEX.most_similar(name, 3)
    assert NAMES[place] == meant
    assert score == pytest.approx(likeness(name, meant))


def test_the_index_finds_what_a_comparison_with_all_finds() -> None:
    rng = random.Random(2)
    for name in rng.sample(NAMES[:5_000], 50):
        cut = rng.randrange(len(name))
        asked = name[:cut] + rng.choice("xyz") + name[cut + 1 :]
        best = max(likeness(asked, other) for other in NAMES)
        assert INDEX.most_similar(asked, 1)[0][1] == pytest.approx(best)


@pytest.mark.parametrize("name", ["", "qqqqqqq", "x" * 201])
def test_nothing_near_gives_nothing(name: str) -> None:
    assert INDEX.most_similar(name, 3) == []
    assert SimilarNames([]).most_similar("radiohead", 3) == []


def test_scores_fall_and_ties_are_in_the_order_of_names() -> None:
    index = SimilarNames(["radiohead b", "radiohead", "radiohead a"])
    assert [place for place, _ in index.most_similar("radiohead", 3)] == [1, 2, 0]


@pytest.mark.parametrize(
    ("name", "other", "why"),
    [
        ("the wings", "wings", "the"),
        ("wings, the", "wings", "the"),
        ("iron and wine", "iron & wine", "and"),
        ("iron und wine", "iron + wine", "and"),
        ("chico e chica", "chico y chica", "and"),
        ("mgmt", "m.g.m.t.", "punctuation"),
        ("the ac dc", "ac/dc", "punctuation"),
        ("blink182", "blink-182", "punctuation"),
    ],
)
def test_names_of_one_loose_form_are_found_with_their_difference(name: str, other: str, why: str) -> None:
    assert list(LooseNames(["aaa", other, "zzz"]).matches(name)) == [(1, why)]


@pytest.mark.parametrize(("name", "other"), [("!!!", "???"), ("the", "wings"), ("y", "e"), ("wings", "kings")])
def test_other_names_have_another_loose_form(name: str, other: str) -> None:
    assert list(LooseNames([other]).matches(name)) == []


def test_threads_that_ask_at_once_make_one_index() -> None:
    made = 0

    def names() -> object:
        nonlocal made
        made += 1
        yield from NAMES

    likely = LikelyNames(names())  # type: ignore[arg-type]  # a generator, which can be read once only
    threads = [threading.Thread(target=likely.find, args=("radiohed",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == 1
    assert likely.find("radiohed")[0].name == "radiohead"
