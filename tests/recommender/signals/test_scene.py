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


WALK = csr_array(
    np.array(
        [[0, 0.4, 0.01, 0, 0], [0.4, 0, 0, 0, 0], [0.01, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
        dtype=np.float32,
    )
)


class TestSceneSignal(SignalContract):
    @pytest.fixture
    def signal(self) -> Signal:
        return SceneSignal(STRENGTHS, MENTIONED, LISTED, walk=WALK)


class TestSceneSignalWithoutAWalk(SignalContract):
    @pytest.fixture
    def signal(self) -> Signal:
        return SceneSignal(STRENGTHS, MENTIONED, LISTED)


def test_reached_covered_and_unknown_are_three_answers() -> None:
    signal = SceneSignal(STRENGTHS, MENTIONED, LISTED, walk=WALK)
    # 0 has a list naming 1 and is led on to 2; 3 is named elsewhere only; 4 is unknown to every source.
    np.testing.assert_allclose(signal.raw(0), [1.0, 0.4, 0.01, 0.0, np.nan], rtol=1e-6)
    np.testing.assert_array_equal(signal.listing(0), [1.0, 0.8, 0.0, 0.0, np.nan])


def test_a_strength_grows_with_the_log_of_the_walk_and_the_value_stays_within_one() -> None:
    signal = SceneSignal(STRENGTHS, MENTIONED, LISTED, walk=WALK)
    raw = np.array([0.0, 0.03, 0.09, 0.62, np.nan])
    np.testing.assert_allclose(signal.strength(raw), np.log([1.0, 2.0, 4.0, 21.666667, np.nan]), rtol=1e-6)
    np.testing.assert_allclose(signal.value(raw), [0.0, 0.515, 0.7725, 0.982462, np.nan], rtol=1e-5)


def test_in_a_generation_without_a_walk_a_listing_stands_in_for_it() -> None:
    signal = SceneSignal(STRENGTHS, MENTIONED, LISTED)
    np.testing.assert_allclose(signal.raw(0), [1.0, 0.8 * 0.15, 0.0, 0.0, np.nan])
    np.testing.assert_allclose(signal.value(signal.raw(0)), [1.0, 0.8, 0.0, 0.0, np.nan])
    rows, values = signal.reached(1)
    assert (rows.tolist(), values.tolist()) == ([0], pytest.approx([0.12]))


def test_two_artists_whose_own_lists_nobody_fetched_have_no_opinion() -> None:
    signal = SceneSignal(STRENGTHS, MENTIONED, LISTED)
    np.testing.assert_array_equal(signal.raw(2), [0.0, 0.0, 1.0, np.nan, np.nan])


def test_neighbours_are_the_artists_listed_with_one() -> None:
    rows, strengths = SceneSignal(STRENGTHS, MENTIONED, LISTED).neighbours(1)
    assert (rows.tolist(), strengths.tolist()) == ([0], [0.8])
