"""The walk over the scene: its graph, its values by dense matrices, and that both ways to compute it agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from indexer.build import scene_walk as module
from indexer.build.scene_walk import scene_graph, scene_walk, walk_blocks, walk_compiled, walk_strengths
from recommender.catalog.rows import SceneEdge

ARTISTS = {name: row for row, name in enumerate("abcdef")}


def edge(a: str, b: str, *, source: str = "one", strength: float | None = None, rank: int | None = None) -> SceneEdge:
    return SceneEdge(artist_id=a, neighbour_id=b, source=source, strength=strength, rank=rank)


def made_graph(artists: int, seed: int) -> csr_array:
    """A random symmetric graph with some isolated artists."""
    half = csr_array(random_array((artists, artists), density=6 / artists, rng=np.random.default_rng(seed)))
    graph = csr_array(half.maximum(half.T))
    graph.setdiag(0.0)
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph


def dense_walk(graph: csr_array) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The walk by dense matrices, without dropping anything."""
    weights = graph.toarray()
    degrees = weights.sum(axis=1)
    safe = np.where(degrees > 0, degrees, 1.0)
    step, walked = weights / safe[:, np.newaxis], np.eye(len(weights))
    for _ in range(7):
        walked = 0.85 * walked @ step + 0.15 * np.eye(len(weights))
    values = safe[:, np.newaxis] ** 0.8 * walked * safe**-0.2
    np.fill_diagonal(values, 0.0)
    return np.asarray(values)


def test_strengths_of_a_list_fall_mildly_with_the_rank() -> None:
    ranked = [edge("a", "b", rank=1), edge("a", "c", rank=3), edge("a", "d", rank=10)]
    assert walk_strengths(ranked) == pytest.approx([1.0, 0.8, 0.1])
    long = [edge("a", "b", rank=1), edge("a", "c", rank=19)]
    assert walk_strengths(long) == pytest.approx([1.0, 0.1])
    assert walk_strengths([edge("a", "b"), edge("a", "c")]) == [1.0, 1.0]


def test_strengths_are_relative_to_the_largest_of_the_list() -> None:
    entries = [edge("a", "b", strength=8.0), edge("a", "c", strength=2.0), edge("a", "d")]
    assert walk_strengths(entries) == pytest.approx([1.0, 0.25, 0.25])
    assert walk_strengths([edge("a", "b", strength=0.0)]) == [0.0]


def test_a_pair_has_the_larger_direction_of_its_source_and_the_sum_of_the_sources_by_coverage() -> None:
    edges = [
        edge("a", "b", rank=1),
        edge("b", "a", rank=6),
        edge("c", "d"),
        edge("a", "b", source="small", strength=3.0),
        edge("a", "c", source="small", strength=1.5),
    ]
    # "one" knows four artists, "small" three: its weights count three quarters.
    expected = np.zeros((6, 6))
    expected[0, 1] = expected[1, 0] = 1.0 + 0.75
    expected[2, 3] = expected[3, 2] = 1.0
    expected[0, 2] = expected[2, 0] = 0.75 * 0.5
    np.testing.assert_allclose(scene_graph(edges, ARTISTS).toarray(), expected)


def test_an_artist_that_lists_itself_or_with_strength_zero_has_no_step() -> None:
    graph = scene_graph([edge("a", "a"), edge("b", "c", strength=0.0), edge("b", "d", strength=2.0)], ARTISTS)
    assert {(int(row), int(column)) for row, column in zip(*graph.nonzero(), strict=True)} == {(1, 3), (3, 1)}
    assert scene_walk(scene_graph([], ARTISTS)).nnz == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_values_are_those_of_dense_matrices(seed: int) -> None:
    graph = made_graph(60, seed)
    found, expected = scene_walk(graph).toarray(), dense_walk(graph)
    # Dropped probabilities are below .001 a step, in a graph of sixty artists about a tenth of a value.
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.995


def test_the_walk_is_symmetric_reaches_over_others_and_leaves_the_isolated_alone() -> None:
    graph = scene_graph([edge("a", "b"), edge("b", "c"), edge("d", "e")], ARTISTS)
    values = scene_walk(graph).toarray()
    np.testing.assert_array_equal(values, values.T)
    assert values[0, 1] > values[0, 2] > 0
    assert values[0, 3] == values[0, 4] == 0
    assert not values[5].any()
    assert not values.diagonal().any()


def test_both_ways_to_walk_give_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    graph = made_graph(3000, 5)
    degrees = np.asarray(graph.sum(axis=1)).reshape(-1)
    shares = graph.data / np.repeat(np.where(degrees > 0, degrees, 1.0), np.diff(graph.indptr))
    steps = csr_array((shares, graph.indices, graph.indptr), shape=graph.shape)
    # An entry at the edge of what is dropped may fall on either side, for the order of the sums differs.
    assert abs(walk_compiled(steps) - walk_blocks(steps)).max() < 1.1e-3
    monkeypatch.setattr(module, "COMPILED_FROM", 0)
    compiled = scene_walk(graph)
    again = scene_walk(graph)
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(compiled, part), getattr(again, part))
