"""The benchmark of indexes compares like with like, on data of the two kinds it speaks of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.index import DIM, IndexComparison, bars_of, compare, grouped, ungrouped
from recommender.types import Vectors
from recommender.vectors import WrittenIndex

Maker = Callable[[np.random.Generator, int], Vectors]


@pytest.mark.parametrize("make", [grouped, ungrouped])
def test_vectors_are_of_unit_length_and_the_same_each_time(make: Maker) -> None:
    vectors = make(np.random.default_rng(3), 300)
    assert vectors.shape == (300, DIM)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(vectors, make(np.random.default_rng(3), 300))


def test_one_kind_is_grouped_and_the_other_hardly() -> None:
    tenth = []
    for make in (grouped, ungrouped):
        vectors = make(np.random.default_rng(5), 3_000)
        tenth.append(float(np.median(np.sort(vectors[:50] @ vectors.T, axis=1)[:, -11])))
    assert tenth[0] > 0.6
    assert tenth[1] < 0.5


def test_where_both_are_exact_both_find_everything() -> None:
    vectors = ungrouped(np.random.default_rng(1), 420)
    compared = compare("some", 400, vectors[:400], vectors[400:])
    assert (compared.recall, compared.written.factory) == (1.0, "Flat")
    assert compared.row().startswith("| some | 400 | Flat | exact | 1.000 |")


@pytest.mark.parametrize(
    ("recall", "ours_ms", "held"), [(0.99, 1.0, [True, True]), (0.98, 1.0, [False, True]), (1.0, 3.0, [True, False])]
)
def test_each_bar_can_be_missed(recall: float, ours_ms: float, held: list[bool]) -> None:
    one = IndexComparison(
        data="grouped",
        size=10,
        written=WrittenIndex(factory="IVF1,Flat", parameters={}, recall_at_10=0.995),
        build_s=1.0,
        recall=recall,
        ours_ms=(ours_ms, 1.0, 4.0),
        exact_ms=(2.0, 1.0, 4.0),
    )
    assert [bar.passed for bar in bars_of([one])] == held
