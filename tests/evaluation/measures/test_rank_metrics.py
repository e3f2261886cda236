"""Ranking measures and overlap, against the golden values of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.measures.rank_metrics import UNDEFINED, best_graded, measure, overlap_at, summarise
from recommender.errors import InvalidArgument

A, B, C, D, X, Y, Z, W = range(8)
JUDGED = {100: {A: 3.0, B: 1.0, C: 1.0}, 200: {D: 3.0}}
RANKED = {100: np.array([B, X, A, Y, C]), 200: np.array([X, Y, Z, D, W])}
POOL = 8


def test_the_golden_queries_measure_as_in_the_reference() -> None:
    found = measure(JUDGED, RANKED, k=5)
    assert found["nDCG@5"] == pytest.approx([0.698839, 0.430677], abs=1e-6)
    assert found["nDCG@5"].mean() == pytest.approx(0.564758, abs=1e-6)
    assert found["AP"] == pytest.approx([0.755556, 0.25], abs=1e-6)
    assert found["RR"] == pytest.approx([1.0, 0.25])
    assert found["P@5"].mean() == pytest.approx(0.4)
    assert found["R@5"] == pytest.approx([1.0, 1.0])
    assert found["hit@5"] == pytest.approx([1.0, 1.0])


def test_a_query_without_anything_to_find_is_left_undefined_and_one_without_an_answer_is_zero() -> None:
    found = measure({1: {A: 0.0}, 2: {B: 1.0}, 3: {}}, {1: np.array([A]), 3: np.array([A])}, k=5)
    for values in found.values():
        assert np.isnan(values).tolist() == [True, False, True]
        assert values[1] == 0.0


@pytest.mark.parametrize("scale", [0.1, 1e-7, 1e9, 5e307])
def test_the_scale_of_grades_does_not_change_ndcg_nor_what_it_takes(scale: float) -> None:
    scaled = {query: {row: grade * scale for row, grade in grades.items()} for query, grades in JUDGED.items()}
    found = measure(scaled, RANKED, k=5)["nDCG@5"]
    assert found == pytest.approx(measure(JUDGED, RANKED, k=5)["nDCG@5"], abs=1e-4)


def test_a_grade_above_zero_stays_relevant_however_small() -> None:
    assert measure({1: {A: 1e-9, B: 0.5}}, {1: np.array([A])}, k=1)["hit@1"] == pytest.approx([1.0])


def test_no_list_is_shorter_than_one() -> None:
    with pytest.raises(InvalidArgument, match="k: is 0"):
        measure(JUDGED, RANKED, k=0)
    with pytest.raises(InvalidArgument, match="k: is 0"):
        overlap_at(RANKED[100], {A}, k=0, pool=POOL)


def test_the_golden_overlap_stands_at_its_ceiling() -> None:
    found = overlap_at(RANKED[100], {A, B, C}, k=5, pool=POOL)
    assert (found.overlap, found.ceiling, found.normalised) == pytest.approx((0.6, 0.6, 1.0))


def test_chance_is_what_all_orders_of_the_pool_find_on_average() -> None:
    random = np.random.default_rng(0)
    drawn = [overlap_at(random.permutation(POOL), {A, B, C}, k=5, pool=POOL).overlap for _ in range(4000)]
    assert overlap_at(RANKED[100], {A, B, C}, k=5, pool=POOL).chance == pytest.approx(np.mean(drawn), abs=0.01)


def test_a_pool_shorter_than_the_list_can_find_no_more_than_it_holds() -> None:
    found = overlap_at(np.array([A, B, C]), {A, B, C}, k=5, pool=3)
    assert (found.overlap, found.ceiling, found.chance) == pytest.approx((0.6, 0.6, 0.6))


def test_queries_whose_ceiling_is_zero_are_counted_and_never_averaged() -> None:
    found = overlap_at(RANKED[100], {A, B, C}, k=5, pool=POOL)
    nothing = overlap_at(RANKED[200], frozenset(), k=5, pool=POOL)
    summary = summarise({1: found, 2: nothing}, k=5)
    assert summary.overlap.mean == pytest.approx(0.6)
    assert (summary.overlap.n, summary.undefined) == (1, 1)
    assert summary.summary.endswith(f"1 queries; 1 more {UNDEFINED}")


def test_the_protocol_of_the_first_experiment_is_undefined_for_all_seven_artists() -> None:
    """Eight artists; the five nearest that the map gives each are none of the eight. An oracle, too, finds 0 of 5."""
    summary = summarise({row: overlap_at(np.arange(1, 6), frozenset(), k=5, pool=7) for row in range(7)}, k=5)
    assert summary.undefined == 7
    assert np.isnan([summary.overlap.mean, summary.normalised.mean, summary.ceiling]).all()
    assert summary.summary == "undefined (ceiling 0) for all 7 queries"


def test_ties_at_the_edge_of_the_reference_all_count() -> None:
    assert best_graded([5.0, 1.0, 1.0, 0.0], k=2) == [0, 1, 2]
    assert best_graded([0.0, 0.0], k=2) == []
