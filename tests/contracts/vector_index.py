"""Contract tests of every vector index. Inherit and define ``make(vectors)``; :class:`ExactIndex` is the reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recommender.errors import InvalidArgument
from recommender.types import Vectors
from recommender.vectors import VectorIndex, unit

Make = Callable[[Vectors], VectorIndex]


def random_unit(count: int, dim: int, seed: int = 0) -> Vectors:
    return unit(np.random.default_rng(seed).normal(size=(count, dim)))


class VectorIndexContract:
    """Needs a fixture ``make`` that turns unit vectors into the index under test."""

    def test_size_and_dim_are_those_of_the_vectors(self, make: Make) -> None:
        index = make(random_unit(17, 5))
        assert (index.size, index.dim) == (17, 5)

    def test_search_agrees_with_an_independent_sort_of_all_cosines(self, make: Make) -> None:
        vectors = random_unit(200, 24)
        index = make(vectors)
        for seed in range(5):
            query = random_unit(1, 24, seed=100 + seed)[0]
            truth = vectors.astype(np.float64) @ query.astype(np.float64)
            rows, cosines = index.search(query, 10)
            assert rows.tolist() == sorted(range(200), key=lambda row: -truth[row])[:10]
            np.testing.assert_allclose(cosines, truth[rows], atol=1e-6)

    def test_equal_vectors_come_in_row_order_even_across_the_cut(self, make: Make) -> None:
        vectors = random_unit(50, 8)
        vectors[[40, 3, 27, 11]] = vectors[3]
        index = make(vectors)
        for k in range(1, 5):
            assert index.search(vectors[3], k)[0].tolist() == [3, 11, 27, 40][:k]

    @pytest.mark.parametrize("dim", [3, 20, 100, 768])
    def test_equal_vectors_come_in_row_order_for_any_query_and_any_size(self, make: Make, dim: int) -> None:
        for count in (5, 101, 202):
            vectors = random_unit(count, dim)
            equal = np.arange(1, count, 3)
            vectors[equal] = vectors[1]
            index = make(vectors)
            for seed in range(5):
                query = random_unit(1, dim, seed=200 + seed)[0]
                found = index.search(query, count)[0].tolist()
                assert [row for row in found if row in equal] == equal.tolist()
                assert len(set(index.cosines(query)[equal].tolist())) == 1

    def test_a_longer_answer_starts_with_the_shorter_one(self, make: Make) -> None:
        vectors = np.repeat(random_unit(20, 6), 3, axis=0)
        index = make(vectors)
        whole = index.search(vectors[0], 60)[0].tolist()
        for k in range(0, 60, 7):
            assert index.search(vectors[0], k)[0].tolist() == whole[:k]

    def test_k_is_clamped_and_no_row_is_invented(self, make: Make) -> None:
        index = make(random_unit(4, 3))
        query = random_unit(1, 3, seed=9)[0]
        assert sorted(index.search(query, 1000)[0].tolist()) == [0, 1, 2, 3]
        assert index.search(query, 0)[0].tolist() == []
        assert index.search(query, -5)[0].tolist() == []

    def test_cosines_are_those_of_the_search(self, make: Make) -> None:
        vectors = random_unit(30, 12)
        index = make(vectors)
        rows, cosines = index.search(vectors[7], 30)
        np.testing.assert_array_equal(index.cosines(vectors[7])[rows], cosines)
        assert rows[0] == 7
        assert cosines[0] == pytest.approx(1.0, abs=1e-6)

    def test_vectors_come_back_by_row(self, make: Make) -> None:
        vectors = random_unit(9, 4)
        np.testing.assert_array_equal(make(vectors).vectors(np.array([8, 0, 8])), vectors[[8, 0, 8]])

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_a_query_that_is_not_finite_is_refused(self, make: Make, bad: float) -> None:
        index = make(random_unit(5, 3))
        query = np.array([bad, 0, 0], dtype=np.float32)
        with pytest.raises(InvalidArgument, match="not finite"):
            index.search(query, 2)
        with pytest.raises(InvalidArgument, match="not finite"):
            index.cosines(query)

    def test_a_query_of_another_length_is_refused(self, make: Make) -> None:
        with pytest.raises(InvalidArgument, match="length 3"):
            make(random_unit(5, 3)).search(np.zeros(4, dtype=np.float32), 1)

    @pytest.mark.parametrize("row", [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [np.nan, 0.0, 1.0]])
    def test_vectors_that_are_not_of_unit_length_do_not_get_in(self, make: Make, row: list[float]) -> None:
        vectors = random_unit(3, 3)
        vectors[1] = row
        with pytest.raises(InvalidArgument, match="unit length"):
            make(vectors)
