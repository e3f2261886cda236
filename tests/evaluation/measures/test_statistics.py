"""Intervals and tests over artists, by hand or by going through every case."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from evaluation.measures.statistics import compare, detectable_difference, estimate, holm, sign_flip_p
from recommender.errors import InvalidArgument

DIFFERENCES = np.array([0.3, -0.1, 0.4, 0.2, 0.05, -0.02])


def test_flipping_signs_agrees_with_going_through_every_way_to_flip_them() -> None:
    observed = abs(DIFFERENCES.mean())
    means = [abs((np.array(signs) * DIFFERENCES).mean()) for signs in product((1, -1), repeat=len(DIFFERENCES))]
    assert sign_flip_p(DIFFERENCES) == pytest.approx(np.mean([mean >= observed - 1e-12 for mean in means]))


def test_many_differences_are_tested_from_seeded_draws_and_never_with_certainty() -> None:
    always_better = np.linspace(0.1, 0.2, 40)
    assert 0 < sign_flip_p(always_better) < 0.001
    assert sign_flip_p(always_better) == sign_flip_p(always_better)


def test_no_difference_at_all_is_no_evidence() -> None:
    assert sign_flip_p(np.zeros(5)) == 1.0
    assert sign_flip_p(np.array([-1.0])) == 1.0, "both ways to sign one difference are as far from 0"
    assert np.isnan(sign_flip_p(np.empty(0)))


def test_artists_that_either_system_leaves_undefined_are_not_compared() -> None:
    found = compare(np.array([0.5, np.nan, 0.9, 0.7]), np.array([0.4, 0.1, np.nan, 0.4]))
    assert found.difference.n == 2
    assert found.difference.mean == pytest.approx(0.2)
    with pytest.raises(InvalidArgument, match="same artists"):
        compare(np.zeros(2), np.zeros(3))


def test_an_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    found = [estimate(random.normal(loc=1.0, size=30)) for _ in range(60)]
    covered = np.mean([each.low <= 1.0 <= each.high for each in found])
    assert 0.85 <= covered <= 1.0
    assert all(each.low < each.mean < each.high for each in found)


def test_an_interval_needs_two_artists_and_has_no_width_where_all_agree() -> None:
    alone = estimate(np.array([0.4, np.nan]))
    assert (alone.mean, alone.n) == (0.4, 1)
    assert np.isnan([alone.low, alone.high]).all()
    same = estimate(np.full(3, 0.25))
    assert (same.low, same.mean, same.high) == (0.25, 0.25, 0.25)
    assert np.isnan(estimate(np.empty(0)).mean)


def test_a_difference_of_the_detectable_size_is_found_four_times_in_five() -> None:
    random = np.random.default_rng(2)
    reach = detectable_difference(random.normal(size=4000)) * np.sqrt(4000 / 25)
    found = [sign_flip_p(random.normal(loc=reach, size=25)) < 0.05 for _ in range(60)]
    assert 0.65 <= np.mean(found) <= 0.95
    assert np.isnan(detectable_difference(np.array([0.1])))


def test_correction_for_several_tests_never_lowers_a_p_value_nor_reorders_them() -> None:
    found = holm({"a": 0.02, "b": 0.021, "c": 0.9, "none": float("nan")})
    assert (found["a"], found["b"], found["c"]) == pytest.approx((0.06, 0.06, 0.9))
    assert np.isnan(found["none"])
