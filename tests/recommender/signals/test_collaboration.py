"""The collaboration signal against its formula worked out on a graph of four."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recommender.signals.base import Signal
from recommender.signals.collaboration import CollaborationSignal, similarity
from tests.contracts.signal import SignalContract


def _graph(edges: dict[tuple[int, int], float], size: int) -> csr_array:
    dense = np.zeros((size, size))
    for (a, b), weight in edges.items():
        dense[a, b] = dense[b, a] = weight
    return csr_array(dense)


class TestCollaborationSignal(SignalContract):
    @pytest.fixture
    def signal(self) -> Signal:
        weights = _graph({(0, 1): 1.0, (1, 2): 0.5, (3, 4): 2.0}, 6)
        return CollaborationSignal(similarity(weights), np.array([True] * 5 + [False]))


def test_a_single_edge_at_the_median_weight_is_one_half_plus_nothing() -> None:
    scores = similarity(_graph({(0, 1): 0.8}, 2)).toarray()
    np.testing.assert_allclose(scores, [[0.0, 0.5], [0.5, 0.0]])


def test_a_common_collaborator_links_two_who_never_met() -> None:
    # a path 0 - 1 - 2, both edges of weight 1: direct part 1/2; 0 and 2 share all they have, so x = 1.
    scores = similarity(_graph({(0, 1): 1.0, (1, 2): 1.0}, 3)).toarray()
    assert scores[0, 1] == pytest.approx(0.5)
    assert scores[0, 2] == pytest.approx(0.5)


def test_direct_and_common_parts_combine_as_written() -> None:
    # a triangle with a tail: 0-1, 1-2, 0-2, 2-3
    edges = {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 1.0, (2, 3): 3.0}
    rarity = {0: 1 / math.log(3), 1: 1 / math.log(3), 2: 1 / math.log(4), 3: 1 / math.log(2)}
    direct = 1.0 / (1.0 + 1.0)  # the median weight is 1
    own_0, own_1 = rarity[1] + rarity[2], rarity[0] + rarity[2]
    common = rarity[2] / math.sqrt(own_0 * own_1)
    expected = 1 - (1 - direct) * (1 - 0.5 * common)
    assert similarity(_graph(edges, 4)).toarray()[0, 1] == pytest.approx(expected)


def test_no_collaborations_at_all_is_an_empty_matrix() -> None:
    assert similarity(csr_array((3, 3))).nnz == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.data())
def test_similarities_are_bounded_and_symmetric_on_any_graph(size: int, data: st.DataObject) -> None:
    pairs = [(a, b) for a in range(size) for b in range(a)]
    chosen = data.draw(st.dictionaries(st.sampled_from(pairs), st.floats(0.01, 50.0)))
    scores = similarity(_graph(chosen, size)).toarray()
    np.testing.assert_allclose(scores, scores.T, atol=1e-12)
    assert (scores >= 0).all()
    assert (scores < 1 + 1e-12).all()
    assert (np.diag(scores) == 0).all()
