"""The scene signal keeps "listed", "covered and not listed" and "unknown" apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender.signals.base import Signal
from recommender.signals.scene import SceneSignal
from tests.contracts.signal import SignalContract

STRENGTHS = csr_array(
    np.array([[0, 0.8, 0, 0, 0], [0.8, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0.0]])
)
MENTIONED = np.array([True, True, True, True, False])
LISTED = np.array([True, True, False, False, False])


class TestSceneSignal(SignalContract):
    @pytest.fixture
    def signal(self) -> Signal:
        return SceneSignal(STRENGTHS, MENTIONED, LISTED)


def test_listed_covered_and_unknown_are_three_answers() -> None:
    signal = SceneSignal(STRENGTHS, MENTIONED, LISTED)
    # 0 has a list naming 1; 2 and 3 are named elsewhere only; 4 is unknown to every source.
    np.testing.assert_array_equal(signal.raw(0), [1.0, 0.8, 0.0, 0.0, np.nan])


def test_two_artists_whose_own_lists_nobody_fetched_have_no_opinion() -> None:
    signal = SceneSignal(STRENGTHS, MENTIONED, LISTED)
    np.testing.assert_array_equal(signal.raw(2), [0.0, 0.0, 1.0, np.nan, np.nan])


def test_neighbours_are_the_artists_listed_with_one() -> None:
    rows, strengths = SceneSignal(STRENGTHS, MENTIONED, LISTED).neighbours(1)
    assert (rows.tolist(), strengths.tolist()) == ([0], [0.8])
