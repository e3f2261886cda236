"""The genre signal against the Jaccard index worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender.signals.base import Signal
from recommender.signals.genre import GenreSignal
from tests.contracts.signal import SignalContract


class TestGenreSignal(SignalContract):
    @pytest.fixture
    def signal(self) -> Signal:
        dense = np.random.default_rng(3).random((8, 6)) * (np.random.default_rng(4).random((8, 6)) < 0.5)
        dense[5] = 0.0
        return GenreSignal(csr_array(dense))


def test_with_weights_of_one_it_is_the_jaccard_index() -> None:
    # {techno, minimal}, {techno, house}, {techno, minimal}, {pop}
    tags = csr_array(np.array([[1.0, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]]))
    np.testing.assert_allclose(GenreSignal(tags).raw(0), [1.0, 1 / 3, 1.0, 0.0])


def test_weights_count_by_their_smaller_and_larger_values() -> None:
    weights = csr_array(np.array([[1.0, 0.5], [0.5, 1.0]]))
    assert GenreSignal(weights).raw(0)[1] == pytest.approx((0.5 + 0.5) / (1.0 + 1.0))


def test_two_artists_without_genres_are_not_alike_but_unknown() -> None:
    signal = GenreSignal(csr_array(np.array([[0.0], [0.0], [1.0]])))
    assert np.isnan(signal.raw(0)).all()
    np.testing.assert_array_equal(signal.raw(2), [np.nan, np.nan, 1.0])


def test_having_lists_the_artists_of_a_genre() -> None:
    signal = GenreSignal(csr_array(np.array([[1.0, 0], [0, 1], [0.2, 0]])))
    assert np.flatnonzero(signal.having(0)).tolist() == [0, 2]
    assert signal.having(0, np.array([2, 1])).tolist() == [True, False]
    assert not signal.having(None).any(), "a genre that is not in the matrix"
