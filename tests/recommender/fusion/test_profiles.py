"""The weights table of the product, log-odds of evidence, and what a silent signal does to a score."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recommender.errors import InvalidWeights, NotFound
from recommender.fusion.profiles import (
    BASE,
    GAIN,
    PROFILES,
    SLOPES,
    LogOdds,
    WeightProfile,
    blend,
    custom_weights,
    evidence_profile,
    find_profile,
)
from recommender.fusion.shapley import shapley
from recommender.types import SIGNALS, Scale, SignalName

NAN = float("nan")
SEED = PROFILES["seed"]
EVIDENCE = PROFILES["evidence"]
LEARNED = LogOdds(
    name="fitted",
    intercept=-2.0,
    slopes=(1.0, 0.5, 0.0, 0.25),
    missing=(0.5, -0.5, 0.0, 0.0),
    scale=Scale.PERCENTILES,
)
"""As an earlier release learned them."""


def _weights(audio: float, scene: float, genre: float, collaboration: float) -> list[float]:
    """Weights the seed profile uses when the signals that are not NaN speak."""
    values = np.array([[audio], [scene], [genre], [collaboration]])
    return [float(weight) for weight in blend(values, SEED).weights[:, 0]]


@pytest.mark.parametrize(
    ("speaking", "expected"),
    [
        ((1, 1, 1, 1), [0.3, 0.3, 0.2, 0.2]),
        ((1, NAN, 1, 1), [0.5, 0.0, 0.3, 0.2]),
        ((NAN, 1, 1, 1), [0.0, 0.5, 0.3, 0.2]),
        ((NAN, NAN, 1, 1), [0.0, 0.0, 0.6, 0.4]),
        ((1, 1, NAN, NAN), [0.5, 0.5, 0.0, 0.0]),
        ((1, NAN, 1, NAN), [0.6, 0.0, 0.4, 0.0]),
        ((1, 1, 1, NAN), [0.375, 0.375, 0.25, 0.0]),
        ((1, NAN, NAN, NAN), [1.0, 0.0, 0.0, 0.0]),
        ((NAN, NAN, NAN, 1), [0.0, 0.0, 0.0, 1.0]),
        ((NAN, NAN, NAN, NAN), [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_the_seed_profile_is_the_table_of_the_product(
    speaking: tuple[float, float, float, float], expected: list[float]
) -> None:
    assert _weights(*speaking) == pytest.approx(expected)


def test_the_first_experiments_numbers_come_out() -> None:
    # by hand: audio .65, genre .2, collaboration 0: listed nowhere -> .235, scene missing -> .385
    values = np.array([[0.65, 0.65], [0.0, NAN], [0.2, 0.2], [0.0, 0.0]])
    assert blend(values, SEED).scores == pytest.approx([0.235, 0.385])


def test_nothing_known_is_no_score_and_not_zero() -> None:
    assert np.isnan(blend(np.full((4, 1), NAN), SEED).scores[0])


def test_a_signal_without_weight_alone_gives_no_score() -> None:
    table = custom_weights({SignalName.SCENE: 1.0})
    assert np.isnan(blend(np.array([[0.9], [NAN], [0.9], [0.9]]), table).scores[0])


def score(profile: WeightProfile, *opinions: float) -> float:
    """The score of one pair."""
    return float(profile.score(np.array(opinions)[:, np.newaxis])[0])


def test_evidence_adds_weighted_strengths_and_nothing_for_what_is_missing() -> None:
    # by hand: 1.5 * 0.9 + 0.75 * 0.8 + 0.375 * 0.5 = 2.1375, on top of the log-odds of 1 in 4
    found = score(EVIDENCE, 0.9, NAN, 0.8, 0.5)
    assert math.log(found / (1 - found)) - math.log(1 / 3) == pytest.approx(2.1375, abs=1e-9)


def test_a_pair_that_nothing_speaks_for_stands_where_unrelated_pairs_belong() -> None:
    assert score(EVIDENCE, 0.0, 0.0, 0.0, 0.0) == pytest.approx(0.25)
    assert score(EVIDENCE, NAN, NAN, 0.0, NAN) == pytest.approx(0.25)


def test_silence_does_not_lift_evidence_as_it_lifts_the_seed_table() -> None:
    opinions = {"heard": (0.65, 0.4, 0.6, 0.5), "silent": (0.65, NAN, 0.6, 0.5)}
    seed, evidence = ({name: score(p, *each) for name, each in opinions.items()} for p in (SEED, EVIDENCE))
    assert seed["silent"] > seed["heard"] + 0.04
    odds = {name: math.log(each / (1 - each)) for name, each in evidence.items()}
    assert odds["heard"] - odds["silent"] == pytest.approx(0.4)


def test_an_artist_of_whom_less_is_known_does_not_pass_one_that_is_known_to_be_near() -> None:
    assert score(EVIDENCE, 0.95, 0.9, 0.9, 0.9) > score(EVIDENCE, 0.95, NAN, NAN, NAN)
    assert score(SEED, 0.95, 0.9, 0.9, 0.9) < score(SEED, 0.95, NAN, NAN, NAN)


def test_strengths_far_above_one_are_told_apart() -> None:
    weak, strong, stronger = (score(EVIDENCE, NAN, strength, NAN, NAN) for strength in (0.5, 3.0, 3.1))
    assert weak + 0.3 < strong < stronger - 0.005


@pytest.mark.parametrize(
    ("percentile", "log_odds"),
    [(0.0, -6.3126), (0.001, -6.2626), (0.002, -6.2126), (0.998, 6.2126), (0.9999, 6.3076), (1.0, 6.3126)],
)
def test_weights_of_an_earlier_release_read_percentiles_clipped_at_both_ends(
    percentile: float, log_odds: float
) -> None:
    """ln(998 / 2) = 6.2126 at the bound, and 0.1 more in proportion from there to the end."""
    old = LogOdds(name="fitted", intercept=0.0, slopes=(0.3, 1.0, 1.0, 1.0), scale=Scale.PERCENTILES)
    assert score(old, percentile, NAN, NAN, NAN) == pytest.approx(1 / (1 + math.exp(-0.3 * log_odds)), abs=1e-5)


def test_learned_weights_add_what_silence_taught_and_need_a_signal_with_a_weight() -> None:
    # -2 + 1 * ln(.9/.1) + (-.5) for the silent scene; genre has no weight, collaboration says even
    assert score(LEARNED, 0.9, NAN, 0.9, 0.5) == pytest.approx(1 / (1 + math.exp(2 - math.log(9) + 0.5)))
    assert math.isnan(score(LEARNED, NAN, NAN, 0.9, NAN))
    assert not math.isnan(score(LEARNED, NAN, 0.9, NAN, NAN))


def test_the_breakdown_of_evidence_is_exact_by_hand() -> None:
    # one signal speaks: all of the difference to the base is its own
    alone = blend(np.array([[0.9], [NAN], [NAN], [NAN]]), EVIDENCE)
    assert alone.base == pytest.approx(0.25)
    assert alone.contributions[:, 0] == pytest.approx([alone.scores[0] - 0.25, 0, 0, 0])
    assert alone.weights[:, 0].tolist() == [1.5, 0.0, 0.0, 0.0]
    # two of equal effect share it
    two = blend(np.array([[0.4], [0.6], [NAN], [NAN]]), EVIDENCE)
    assert two.contributions[:, 0] == pytest.approx([(two.scores[0] - 0.25) / 2] * 2 + [0, 0])


def test_what_speaks_against_kinship_contributes_below_zero() -> None:
    old = LogOdds(name="fitted", intercept=0.0, slopes=(1.0,) * 4, scale=Scale.PERCENTILES)
    contributions = blend(np.array([[0.9], [0.1], [0.5], [NAN]]), old).contributions[:, 0]
    assert contributions[0] > 0 > contributions[1]
    assert contributions[2] == pytest.approx(0, abs=1e-15)
    assert contributions[3] == 0


def test_a_pair_without_a_score_has_no_contributions() -> None:
    blended = blend(np.array([[NAN], [NAN], [0.9], [NAN]]), LEARNED)
    assert np.isnan(blended.scores[0])
    assert blended.contributions.tolist() == [[0.0]] * 4


def test_each_profile_says_what_it_reads_and_where_it_starts() -> None:
    assert (SEED.scale, EVIDENCE.scale) == (Scale.VALUES, Scale.STRENGTHS)
    assert SEED.base == 0.0
    assert EVIDENCE.base == pytest.approx(0.25)
    assert [profile.name for profile in PROFILES.values()] == ["evidence", "seed"]


def test_weights_of_a_request_are_shares_of_all_four_signals() -> None:
    asked = custom_weights({SignalName.AUDIO: 30.0, SignalName.COLLABORATION: 10.0})
    assert asked.slopes == (0.75 * GAIN, 0.0, 0.0, 0.25 * GAIN)
    assert score(asked, 0.9, 0.9, 0.9, NAN) == score(asked, 0.9, 0.1, NAN, NAN)


@pytest.mark.parametrize(
    ("intercept", "slopes"),
    [(0.0, (0.5, -0.1, 0.3, 0.3)), (0.0, (0.0, 0.0, 0.0, 0.0)), (NAN, (1.0,) * 4), (0.0, (math.inf, 1.0, 1.0, 1.0))],
)
def test_slopes_that_mean_nothing_are_refused(intercept: float, slopes: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidWeights, match="fitted"):
        LogOdds(name="fitted", intercept=intercept, slopes=slopes)


@pytest.mark.parametrize("weight", [-0.1, NAN, float("inf")])
def test_weights_that_mean_nothing_are_refused(weight: float) -> None:
    with pytest.raises(InvalidWeights, match="audio"):
        custom_weights({SignalName.AUDIO: weight, SignalName.GENRE: 1.0})


@pytest.mark.parametrize("weights", [{}, {SignalName.AUDIO: 0.0}, dict.fromkeys(SignalName, 1e308)])
def test_weights_that_sum_to_nothing_or_overflow_are_refused(weights: dict[SignalName, float]) -> None:
    with pytest.raises(InvalidWeights, match="sum"):
        custom_weights(weights)


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="there is evidence, seed"):
        find_profile("fitted")
    assert find_profile("evidence") is EVIDENCE


def test_weights_in_the_proportions_of_the_default_are_the_default() -> None:
    same = custom_weights(dict(zip(SIGNALS, SLOPES, strict=True)))
    assert same.slopes == pytest.approx(evidence_profile().slopes)
    assert same.base == BASE == EVIDENCE.base


OPINION = st.one_of(st.just(NAN), st.floats(0, 1))
PAIR = st.tuples(OPINION, OPINION, OPINION, OPINION)
FITTED = LogOdds(name="fitted", intercept=-3.0, slopes=(1.5, 0.8, 0.6, 0.2), missing=(-0.7, 0.4, 0.0, 0.3))
OLD = LogOdds(name="fitted", intercept=-3.0, slopes=(1.5, 0.8, 0.6, 0.2), scale=Scale.PERCENTILES)
UNEVEN = custom_weights(dict(zip(SIGNALS, (5.0, 0.0, 2.0, 1.0), strict=True)))
JUDGED = (*PROFILES.values(), FITTED, OLD, UNEVEN)

every_profile = pytest.mark.parametrize("profile", JUDGED, ids=("evidence", "seed", "fitted", "old", "custom"))


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
        assert after <= before + 1e-12 or profile is FITTED
    if np.isnan(silent).all():
        assert math.isnan(before)
        assert not math.isnan(after)


@given(columns=st.lists(PAIR, min_size=1, max_size=20))
def test_the_weights_of_a_table_sum_to_one_whatever_speaks(columns: list[tuple[float, ...]]) -> None:
    weights = PROFILES["seed"].weigh(np.array(columns).T)
    spoken = ~np.isnan(np.array(columns)).all(axis=1)
    np.testing.assert_allclose(weights.sum(axis=0), spoken.astype(float), atol=1e-12)


@given(opinions=PAIR, axis=st.integers(0, 3))
def test_silence_adds_nothing_to_evidence(opinions: tuple[float, ...], axis: int) -> None:
    even, silent = list(opinions), list(opinions)
    even[axis], silent[axis] = 0.0, NAN
    assume(not np.isnan(silent).all())
    evidence = PROFILES["evidence"]
    said, unsaid = (float(evidence.score(column(tuple(each)))[0]) for each in (even, silent))
    assert said == pytest.approx(unsaid, abs=1e-12)
    assert evidence.attribute(column(tuple(silent)))[axis, 0] == 0.0


@given(st.lists(st.floats(0.01, 10), min_size=4, max_size=4), st.floats(0.001, 1000))
def test_only_the_proportions_of_weights_matter(weights: list[float], scale: float) -> None:
    plain = dict(zip(SIGNALS, weights, strict=True))
    scaled = {name: weight * scale for name, weight in plain.items()}
    np.testing.assert_allclose(custom_weights(plain).slopes, custom_weights(scaled).slopes, atol=1e-9)


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
