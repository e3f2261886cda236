"""Scores of several seeds: bounds, and what negative seeds may do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.fusion.seeds import mean_given, negative_share

SCORES = st.one_of(st.floats(0.0, 1.0), st.just(float("nan")))


@given(st.lists(st.lists(SCORES, min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_mean_is_over_what_is_given_and_silent_where_nothing_is(rows: list[list[float]]) -> None:
    found = mean_given(np.array(row) for row in rows)
    for place, column in enumerate(zip(*rows, strict=True)):
        given_ = [number for number in column if number == number]
        assert found[place] == pytest.approx(sum(given_) / len(given_)) if given_ else np.isnan(found[place])


@given(liked=st.floats(0.0, 1.0), low=st.floats(0.0, 1.0), high=st.floats(0.0, 1.0), base=st.floats(0.0, 0.9))
def test_a_score_stays_within_bounds_and_never_rises_with_what_is_disliked(
    liked: float, low: float, high: float, base: float
) -> None:
    least, most = negative_share(np.sort([low, high]), base).tolist()
    assert 0.0 <= liked * (1.0 - most) <= liked * (1.0 - least) <= liked


def test_nothing_is_taken_by_who_is_no_more_alike_than_any_other_or_of_whom_nothing_is_known() -> None:
    assert negative_share(np.array([0.0, 0.2, 0.25, np.nan]), 0.25).tolist() == [0.0, 0.0, 0.0, 0.0]
    assert negative_share(np.array([0.4, 1.0]), 0.25) == pytest.approx([0.2, 1.0])
    assert negative_share(np.array([0.4]), 0.0).tolist() == [0.4]
