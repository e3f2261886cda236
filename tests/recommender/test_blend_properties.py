"""What holds for every profile and every set of opinions: order, bounds, silence, contributions, proportions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recommender.fusion.profiles import (
    CALIBRATED_PROFILES,
    LogOdds,
    WeightProfile,
    blend,
    custom_weights,
    evidence_profile,
)
from recommender.fusion.shapley import shapley
from recommender.types import SIGNALS

NAN = float("nan")
OPINION = st.one_of(st.just(NAN), st.floats(0, 1))
PAIR = st.tuples(OPINION, OPINION, OPINION, OPINION)
FITTED = LogOdds(name="fitted", intercept=-3.0, slopes=(1.5, 0.8, 0.6, 0.2), missing=(-0.7, 0.4, 0.0, 0.3))
UNEVEN = custom_weights(dict(zip(SIGNALS, (5.0, 0.0, 2.0, 1.0), strict=True)))
UNEVEN_EVIDENCE = evidence_profile(dict(zip(SIGNALS, (0.0, 4.0, 1.0, 1.0), strict=True)), name="custom")
JUDGED = (*CALIBRATED_PROFILES.values(), FITTED, UNEVEN, UNEVEN_EVIDENCE)

every_profile = pytest.mark.parametrize("profile", JUDGED, ids=("seed", "evidence", "fitted", "table", "log-odds"))


def column(opinions: tuple[float, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One pair."""
    return np.array(opinions).reshape(4, 1)


@every_profile
@given(columns=st.lists(PAIR, min_size=1, max_size=20))
def test_base_and_contributions_sum_to_a_score_in_bounds(
    profile: WeightProfile, columns: list[tuple[float, ...]]
) -> None:
    opinions = np.array(columns).T
    blended = blend(opinions, profile)
    spoken = ~np.isnan(blended.scores)
    sums = blended.base + blended.contributions.sum(axis=0)
    np.testing.assert_allclose(sums[spoken], blended.scores[spoken], atol=1e-9)
    assert ((blended.scores[spoken] >= 0) & (blended.scores[spoken] <= 1 + 1e-12)).all()


@every_profile
@given(columns=st.lists(PAIR, min_size=1, max_size=20))
def test_no_score_means_that_nothing_with_a_weight_spoke(
    profile: WeightProfile, columns: list[tuple[float, ...]]
) -> None:
    opinions = np.array(columns).T
    weights = profile.weigh(opinions)
    np.testing.assert_array_equal(np.isnan(profile.score(opinions)), (weights == 0).all(axis=0))
    assert (weights[np.isnan(opinions)] == 0).all()


@every_profile
@given(opinions=PAIR, axis=st.integers(0, 3), rise=st.floats(0, 1))
def test_a_score_never_falls_when_a_signal_rises(
    profile: WeightProfile, opinions: tuple[float, ...], axis: int, rise: float
) -> None:
    assume(not math.isnan(opinions[axis]))
    higher = list(opinions)
    higher[axis] = min(1.0, opinions[axis] + rise)
    before, after = (float(profile.score(column(tuple(each)))[0]) for each in (opinions, higher))
    assert math.isnan(before) or after >= before - 1e-12


@every_profile
@given(columns=st.lists(PAIR, min_size=2, max_size=20), place=st.integers(0, 19))
def test_a_pair_scores_the_same_alone_as_among_others(
    profile: WeightProfile, columns: list[tuple[float, ...]], place: int
) -> None:
    assume(place < len(columns))
    together = profile.score(np.array(columns).T)
    np.testing.assert_array_equal(profile.score(column(columns[place]))[0], together[place])


@every_profile
@given(opinions=PAIR, axis=st.integers(0, 3))
def test_no_opinion_is_not_the_opinion_zero(profile: WeightProfile, opinions: tuple[float, ...], axis: int) -> None:
    silent, zero = list(opinions), list(opinions)
    silent[axis], zero[axis] = NAN, 0.0
    assume(profile.weigh(column(tuple(zero)))[axis, 0] > 0)
    before, after = (float(profile.score(column(tuple(each)))[0]) for each in (silent, zero))
    if not math.isnan(before):
        assert after <= before or profile is FITTED
    if np.isnan(silent).all():
        assert math.isnan(before)
        assert not math.isnan(after)


@given(columns=st.lists(PAIR, min_size=1, max_size=20))
def test_the_weights_of_a_table_sum_to_one_whatever_speaks(columns: list[tuple[float, ...]]) -> None:
    weights = CALIBRATED_PROFILES["seed"].weigh(np.array(columns).T)
    spoken = ~np.isnan(np.array(columns)).all(axis=1)
    np.testing.assert_allclose(weights.sum(axis=0), spoken.astype(float), atol=1e-12)


@given(opinions=PAIR, axis=st.integers(0, 3))
def test_silence_adds_nothing_to_evidence(opinions: tuple[float, ...], axis: int) -> None:
    even, silent = list(opinions), list(opinions)
    even[axis], silent[axis] = 0.5, NAN
    assume(not np.isnan(silent).all())
    evidence = CALIBRATED_PROFILES["evidence"]
    said, unsaid = (float(evidence.score(column(tuple(each)))[0]) for each in (even, silent))
    assert said == pytest.approx(unsaid, abs=1e-12)
    assert evidence.attribute(column(tuple(silent)))[axis, 0] == 0.0


@given(st.lists(st.floats(0.01, 10), min_size=4, max_size=4), st.floats(0.001, 1000))
def test_only_the_proportions_of_weights_matter(weights: list[float], scale: float) -> None:
    plain = dict(zip(SIGNALS, weights, strict=True))
    scaled = {name: weight * scale for name, weight in plain.items()}
    np.testing.assert_allclose(custom_weights(plain).weights, custom_weights(scaled).weights, atol=1e-9)
    np.testing.assert_allclose(evidence_profile(plain).slopes, evidence_profile(scaled).slopes, atol=1e-9)


@given(st.lists(st.floats(-8, 8), min_size=4, max_size=4), st.floats(-4, 4))
def test_contributions_are_the_mean_gain_over_all_orders_of_hearing(effects: list[float], intercept: float) -> None:
    expected = np.zeros(4)
    for order in itertools.permutations(range(4)):
        heard = intercept
        for signal in order:
            expected[signal] += _sigmoid(heard + effects[signal]) - _sigmoid(heard)
            heard += effects[signal]
    found = shapley(np.array(effects)[:, np.newaxis], intercept=intercept)
    np.testing.assert_allclose(found[:, 0], expected / 24, atol=1e-12)


@given(st.lists(st.floats(-8, 8), min_size=4, max_size=4), st.integers(0, 3), st.floats(-4, 4))
def test_a_contribution_has_the_sign_of_its_effect_and_no_effect_contributes_exactly_nothing(
    effects: list[float], silent: int, intercept: float
) -> None:
    effects[silent] = 0.0
    found = shapley(np.array(effects)[:, np.newaxis], intercept=intercept)[:, 0]
    assert found[silent] == 0.0
    assert all(one * other >= 0 for one, other in zip(found, effects, strict=True))


def _sigmoid(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))
