"""The dial: neutral moves nothing, a turn moves the order within bounds, and what is not known is not unpopular."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import InvalidArgument
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import NEUTRAL, checked_depth, guessed, order_keys, popularity_of
from recommender.types import ScoredArtist
from tests.calibrated import calibrated, plain

NAN = float("nan")
UNIT = st.floats(0.0, 1.0)
KNOWN = st.one_of(UNIT, st.just(NAN))
EVERYONE = 66
"""Artists of tests/calibrated.py."""


def key(score: float, popularity: float, depth: float) -> float:
    """Of one artist."""
    return float(order_keys(np.array([score]), np.array([popularity]), depth)[0])


def test_at_its_ends_the_dial_doubles_and_halves_the_odds() -> None:
    assert key(0.75, 1.0, 0.0) == pytest.approx(6 / 7)  # odds 3 become 6
    assert key(0.75, 0.0, 0.0) == pytest.approx(1.5 / 2.5)
    assert key(0.75, 1.0, 1.0) == pytest.approx(1.5 / 2.5)
    assert key(0.75, 0.0, 1.0) == pytest.approx(6 / 7)
    assert key(0.5, 0.25, 0.75) == pytest.approx(2**0.25 / (1 + 2**0.25))


@given(scores=st.lists(st.one_of(UNIT, st.just(NAN)), min_size=1, max_size=10))
def test_neutral_is_the_score_to_the_bit(scores: list[float]) -> None:
    given_ = np.array(scores)
    np.testing.assert_array_equal(order_keys(given_, np.linspace(0, 1, len(scores)), NEUTRAL), given_)


@given(score=UNIT, popularity=KNOWN, depth=UNIT)
def test_a_key_stays_within_bounds_and_its_odds_within_half_and_twice(
    score: float, popularity: float, depth: float
) -> None:
    assert score / (2 - score) - 1e-12 <= key(score, popularity, depth) <= 2 * score / (1 + score) + 1e-12


@given(scores=st.tuples(UNIT, UNIT), popularity=KNOWN, depth=UNIT)
def test_a_key_never_falls_when_the_score_rises(scores: tuple[float, float], popularity: float, depth: float) -> None:
    low, high = sorted(scores)
    assert key(low, popularity, depth) <= key(high, popularity, depth)


@given(score=UNIT, popular=st.tuples(UNIT, UNIT), depth=UNIT)
def test_deep_never_favours_the_better_known_nor_familiar_the_less_known(
    score: float, popular: tuple[float, float], depth: float
) -> None:
    less, more = (key(score, popularity, depth) for popularity in sorted(popular))
    assert less >= more - 1e-12 if depth > NEUTRAL else less <= more + 1e-12


@given(score=UNIT, popularity=UNIT, turned=st.tuples(UNIT, UNIT))
def test_turning_further_never_turns_back(score: float, popularity: float, turned: tuple[float, float]) -> None:
    before, after = (key(score, popularity, depth) for depth in sorted(turned))
    assert after >= before - 1e-12 if popularity < 0.5 else after <= before + 1e-12


@given(score=UNIT, depth=UNIT)
def test_unknown_popularity_counts_for_nothing(score: float, depth: float) -> None:
    assert key(score, NAN, depth) == pytest.approx(score, abs=1e-12)
    assert key(score, NAN, depth) == pytest.approx(key(score, 0.5, depth), abs=1e-12)


@pytest.mark.parametrize("depth", [0.0, 0.3, 1.0])
def test_no_score_gives_no_key_and_the_ends_stay(depth: float) -> None:
    assert math.isnan(key(NAN, 0.9, depth))
    assert [key(score, 0.9, depth) for score in (0.0, 1.0, 1.0 + 1e-12)] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("depth", [-0.01, 1.01, NAN, math.inf])
def test_a_depth_outside_the_dial_is_refused(depth: float) -> None:
    with pytest.raises(InvalidArgument, match="depth"):
        checked_depth(depth)


def ranked(recommender: Recommender, seed: int, depth: float, **changes: object) -> list[ScoredArtist]:
    query = replace(ArtistQuery(seeds=(seed,), mix={"low": 1.0}, depth=depth), **changes)  # type: ignore[arg-type]  # as given
    return recommender.rank_artists(query, offset=0, n=EVERYONE)


@pytest.mark.parametrize("made", [plain, calibrated])
@given(seed=st.integers(0, EVERYONE - 1), depth=UNIT, size=st.integers(1, 30))
@settings(deadline=None, max_examples=30)
def test_a_turned_ranking_has_the_same_artists_and_scores_by_falling_key_and_in_pages(
    made: object, seed: int, depth: float, size: int
) -> None:
    recommender = Recommender(made())  # type: ignore[operator]  # one of the two functions above
    straight, turned = ranked(recommender, seed, NEUTRAL), ranked(recommender, seed, depth)
    assert {each.row: repr(each) for each in turned} == {each.row: repr(each) for each in straight}
    rows = np.array([each.row for each in turned], dtype=np.int64)
    keys = order_keys(np.array([each.score for each in turned]), recommender.popularity[rows], depth)
    placed = list(zip((-keys).tolist(), rows.tolist(), strict=True))
    assert placed == sorted(placed)
    query = ArtistQuery(seeds=(seed,), mix={"low": 1.0}, depth=depth)
    pages = [recommender.rank_artists(query, offset=at, n=size) for at in range(0, EVERYONE, size)]
    assert [repr(each) for page in pages for each in page] == [repr(each) for each in turned]


@pytest.mark.parametrize("depth", [0.0, 1.0])
def test_candidates_keep_the_turned_order(depth: float) -> None:
    recommender, among = Recommender(calibrated()), frozenset(range(0, EVERYONE, 2))
    whole = [repr(each) for each in ranked(recommender, 1, depth) if each.row in among]
    assert [repr(each) for each in ranked(recommender, 1, depth, candidates=among)] == whole


def test_a_turn_brings_forward_the_little_known_or_the_well_known() -> None:
    recommender = Recommender(calibrated())
    deep, familiar = (
        np.nanmean(recommender.popularity[[each.row for each in ranked(recommender, 1, depth)[:20]]])
        for depth in (1.0, 0.0)
    )
    assert deep < familiar


@pytest.mark.parametrize("depth", [0.0, 0.25, 0.5, 1.0])
def test_a_depth_on_the_dial_is_given_back_as_it_is(depth: float) -> None:
    assert checked_depth(depth) == depth


@pytest.mark.parametrize(
    "depth", [math.nextafter(0.0, -1.0), -1.0, -math.inf, math.nextafter(1.0, 2.0), 2.0, math.inf, math.nan]
)
def test_a_depth_off_the_dial_is_refused_however_little_it_is_off(depth: float) -> None:
    with pytest.raises(InvalidArgument, match="depth"):
        checked_depth(depth)


def test_a_given_popularity_replaces_the_guess_and_the_others_keep_theirs() -> None:
    contents = calibrated().contents
    guess = guessed(contents.relations)
    np.testing.assert_array_equal(popularity_of(contents), guess)
    known, unknown = int(np.flatnonzero(~np.isnan(guess))[0]), np.flatnonzero(np.isnan(guess))
    given = np.full(len(guess), NAN)
    given[known] = guess[known] / 2 + 0.1
    if unknown.size:
        given[unknown[0]] = 0.9
    used = popularity_of(replace(contents, artists=replace(contents.artists, popularity=given)))
    np.testing.assert_array_equal(used, np.where(np.isnan(given), guess, given))
    assert used[known] != guess[known]
