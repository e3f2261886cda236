"""Tracks in order of nearness, however many are read, whatever the type of the index."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from recommender.retrieval.nearest_tracks import FIRST_FETCH, by_nearness
from recommender.types import Vectors
from recommender.vectors import ExactIndex, FaissIndex, RefinedIndex, VectorIndex, unit, write_index
from recommender.vectors.faiss_index import SHORT_LIST_NEIGHBOURS
from tests.contracts.vector_index import random_unit


def clustered() -> Vectors:
    draw = np.random.default_rng(4)
    vectors = unit(draw.normal(size=(40, 16))[draw.integers(0, 40, 4_000)] + 0.6 * draw.normal(size=(4_000, 16)))
    vectors[[50, 300, 3_999]] = vectors[20]
    return vectors


VECTORS = clustered()


@pytest.fixture(params=["numpy", "flat", "refined"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> VectorIndex:
    if request.param == "numpy":
        return ExactIndex(VECTORS)
    write_index(tmp_path / "x.faiss", VECTORS, exact_up_to=10_000 if request.param == "flat" else 100)
    opened = FaissIndex.open(tmp_path / "x.faiss")
    assert isinstance(opened, RefinedIndex) == (request.param == "refined")
    return opened


def nearest(index: VectorIndex, query: Vectors, count: int) -> list[tuple[int, float]]:
    return list(islice(by_nearness({"l": index}, {"l": 1.0}, {"l": query}), count))


def test_cosines_only_fall_and_ties_come_by_row_to_the_very_end(index: VectorIndex) -> None:
    found = nearest(index, VECTORS[20], 5_000)
    assert all((-a[1], a[0]) < (-b[1], b[0]) for a, b in pairwise(found))
    assert [row for row, _ in found[:4]] == [20, 50, 300, 3_999]


def test_every_cosine_is_exact(index: VectorIndex) -> None:
    for row, cosine in nearest(index, VECTORS[77], 200):
        assert cosine == pytest.approx(float(VECTORS[row].astype(np.float64) @ VECTORS[77]), abs=1e-6)


@pytest.mark.parametrize("stop", [1, FIRST_FETCH - 1, FIRST_FETCH, FIRST_FETCH + 1, 700])
def test_who_stops_early_has_read_the_beginning_of_what_others_read(index: VectorIndex, stop: int) -> None:
    query = random_unit(1, 16, seed=8)[0]
    assert nearest(index, query, stop) == nearest(index, query, 2_000)[:stop]


@pytest.mark.parametrize("kind", ["numpy", "flat"])
def test_an_exact_index_leaves_nothing_out(tmp_path: Path, kind: str) -> None:
    FaissIndex.write(tmp_path / "x.faiss", VECTORS)
    index = ExactIndex(VECTORS) if kind == "numpy" else FaissIndex.open(tmp_path / "x.faiss")
    for query in VECTORS[:3]:
        assert sorted(row for row, _ in nearest(index, query, 5_000)) == list(range(4_000))


def test_an_index_of_short_lists_leaves_out_only_what_its_first_search_missed(tmp_path: Path) -> None:
    write_index(tmp_path / "x.faiss", VECTORS, exact_up_to=100)
    index = FaissIndex.open(tmp_path / "x.faiss")
    lost = 0
    for query in VECTORS[::80]:
        truth = np.argsort(-(VECTORS @ query), kind="stable")
        found = [row for row, _ in nearest(index, query, 5_000)]
        missed = set(range(4_000)) - set(found)
        assert len(set(found)) == len(found)
        assert missed <= set(truth[: FIRST_FETCH + len(missed)].tolist())
        lost += len(missed)
    assert lost <= 0.06 * 50 * FIRST_FETCH


def test_the_first_helping_is_what_such_an_index_gives_from_one_short_list() -> None:
    assert FIRST_FETCH == SHORT_LIST_NEIGHBOURS


@pytest.mark.parametrize("count", [1, 5, FIRST_FETCH, FIRST_FETCH + 1])
def test_a_small_index_is_read_to_its_end_and_no_further(count: int) -> None:
    assert len(nearest(ExactIndex(VECTORS[:count]), VECTORS[0], 1_000)) == count


def test_a_mix_of_layers_is_ordered_by_its_own_cosine() -> None:
    one, two = ExactIndex(VECTORS[:100]), ExactIndex(VECTORS[100:200])
    found = list(by_nearness({"a": one, "b": two}, {"a": 0.25, "b": 0.75}, {"a": VECTORS[0], "b": VECTORS[100]}))
    mixed = 0.25 * (VECTORS[:100] @ VECTORS[0]) + 0.75 * (VECTORS[100:200] @ VECTORS[100])
    assert [row for row, _ in found] == np.argsort(-mixed, kind="stable").tolist()
