"""The measures of hubs, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.measures.hubness import hubness, nearest_others, occurrences, skewness
from recommender.errors import InvalidArgument


def test_the_golden_counts_measure_as_in_the_reference() -> None:
    found = hubness(np.array([3, 1, 1, 1, 0, 0]), k=1)
    assert (found.skewness, found.antihubs, found.gini) == pytest.approx((1.0, 1 / 3, 0.5))
    assert found.robin_hood == pytest.approx(1 / 3), "2 of 6 places change hands: from the hub to the two antihubs"
    assert (found.largest, found.k) == (3, 1)


def test_artists_that_turn_up_alike_show_no_hubs() -> None:
    found = hubness(np.full(5, 10), k=10)
    assert (found.antihubs, found.gini, found.robin_hood) == (0.0, 0.0, 0.0)
    assert np.isnan(found.skewness)


def test_where_nobody_turns_up_there_is_no_share_to_speak_of() -> None:
    found = hubness(np.zeros(3, dtype=np.int64), k=1)
    assert found.antihubs == 1.0
    assert np.isnan([found.gini, found.robin_hood, found.skewness]).all()


def test_counts_must_be_counts() -> None:
    for wrong in (np.empty(0, dtype=np.int64), np.array([1, -1])):
        with pytest.raises(InvalidArgument, match="occurrences"):
            hubness(wrong, k=1)


def test_neighbours_are_the_best_others_with_ties_by_row_and_never_a_blank() -> None:
    scores = np.array([[9.0, 0.5, 0.5, 0.1], [0.2, 9.0, np.nan, np.nan], [0.1, 0.7, 9.0, 0.7], [0.3, 0.2, 0.1, 9.0]])
    found = nearest_others(scores, k=2)
    assert found.tolist() == [[1, 2], [0, -1], [1, 3], [0, 1]]
    assert occurrences(found, artists=4).tolist() == [2, 3, 1, 1]
    assert scores[0, 0] == 9.0, "what was given is left as it was"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # mean 1, deviations 3 -1 -1 -1: variance 12/4 = 3, third moment 24/4 = 6, so 6 / 3^1.5
        ([4, 0, 0, 0], 6 / math.sqrt(27)),
        # the same about 5, upside down: deviations -3 1 1 1
        ([2, 6, 6, 6], -6 / math.sqrt(27)),
        # mean 3, deviations 6 0 -3 -3: variance 54/4 = 13.5, third moment 162/4 = 40.5, so 40.5 / 13.5^1.5
        ([9, 3, 0, 0], 40.5 / math.sqrt(13.5**3)),
        # mean 2, deviations -2 0 2: symmetric
        ([0, 2, 4], 0.0),
    ],
)
def test_skewness_is_the_third_moment_over_the_cube_of_the_deviation(counts: list[int], expected: float) -> None:
    assert skewness(np.array(counts)) == pytest.approx(expected, rel=1e-12)
    assert hubness(np.array(counts), k=1).skewness == pytest.approx(expected, rel=1e-12)


def test_skewness_does_not_depend_on_how_much_is_counted() -> None:
    counts = np.array([7, 1, 0, 0, 2])
    assert skewness(10 * counts) == pytest.approx(skewness(counts), rel=1e-12)
    assert skewness(counts + 5) == pytest.approx(skewness(counts), rel=1e-12)
