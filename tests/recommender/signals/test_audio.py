"""The audio signal on vectors whose cosines are known."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.signals.audio import AudioSignal
from recommender.signals.base import Signal
from recommender.vectors import ExactIndex, unit
from tests.contracts.signal import SignalContract
from tests.contracts.vector_index import random_unit

PLAIN = np.array([[1, 0], [0.6, 0.8], [-1, 0]], dtype=np.float32)
TURNED = np.array([[0, 1], [0, 1], [0, 1]], dtype=np.float32)
ROWS = np.array([0, -1, 1, 2])


class TestAudioSignal(SignalContract):
    @pytest.fixture
    def signal(self) -> Signal:
        indexes = {"a": ExactIndex(random_unit(6, 5)), "b": ExactIndex(random_unit(6, 5, seed=1))}
        return AudioSignal(indexes, np.array([3, 0, -1, 1, 2, 4, 5]), {"a": 2.0, "b": 1.0})


def test_one_layer_gives_the_cosine_of_that_layer() -> None:
    signal = AudioSignal({"plain": ExactIndex(PLAIN)}, ROWS, {"plain": 1.0})
    np.testing.assert_allclose(signal.raw(0), [1.0, np.nan, 0.6, -1.0], atol=1e-6)
    np.testing.assert_allclose(signal.value(signal.raw(0)), [1.0, np.nan, 0.6, 0.0], atol=1e-6)


def test_a_mix_is_the_weighted_mean_of_its_layers_cosines() -> None:
    indexes = {"plain": ExactIndex(PLAIN), "turned": ExactIndex(TURNED)}
    signal = AudioSignal(indexes, ROWS, {"plain": 3.0, "turned": 1.0})
    np.testing.assert_allclose(signal.raw(0), [1.0, np.nan, (3 * 0.6 + 1) / 4, (3 * -1 + 1) / 4], atol=1e-6)


def test_a_mix_equals_the_cosine_of_the_scaled_concatenation() -> None:
    a, b = random_unit(5, 7), random_unit(5, 3, seed=2)
    signal = AudioSignal({"a": ExactIndex(a), "b": ExactIndex(b)}, np.arange(5), {"a": 0.25, "b": 0.75})
    joined = unit(np.hstack([np.sqrt(0.25) * a, np.sqrt(0.75) * b]))
    np.testing.assert_allclose(signal.raw(2), joined @ joined[2], atol=1e-6)


def test_the_scale_of_the_mix_does_not_matter() -> None:
    indexes = {"plain": ExactIndex(PLAIN), "turned": ExactIndex(TURNED)}
    small = AudioSignal(indexes, ROWS, {"plain": 0.3, "turned": 0.1}).raw(0)
    large = AudioSignal(indexes, ROWS, {"plain": 30.0, "turned": 10.0}).raw(0)
    np.testing.assert_allclose(small, large, atol=1e-9)
