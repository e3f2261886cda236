"""The measures of hubs, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.measures.hubness import hubness, nearest_others, occurrences
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
