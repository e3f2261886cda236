"""The weights table of the product, and what a silent signal does to a score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.blend import PROFILES, SIGNALS, blend, custom_weights, find_profile
from recommender.errors import InvalidWeights, NotFound
from recommender.types import SignalName

NAN = float("nan")
SEED = PROFILES["seed"]
OPINION = st.one_of(st.just(NAN), st.floats(0, 1))


def _weights(audio: float, scene: float, genre: float, collaboration: float) -> list[float]:
    """Weights the seed profile uses when the signals that are not NaN speak."""
    values = np.array([[audio], [scene], [genre], [collaboration]])
    return [float(weight) for weight in blend(values, SEED).weights[:, 0]]


@pytest.mark.parametrize(
    ("speaking", "expected"),
    [
        ((1, 1, 1, 1), [0.3, 0.3, 0.2, 0.2]),
        ((1, NAN, 1, 1), [0.5, 0.0, 0.3, 0.2]),
        ((NAN, 1, 1, 1), [0.0, 0.5, 0.3, 0.2]),
        ((NAN, NAN, 1, 1), [0.0, 0.0, 0.6, 0.4]),
        ((1, 1, NAN, NAN), [0.5, 0.5, 0.0, 0.0]),
        ((1, NAN, 1, NAN), [0.6, 0.0, 0.4, 0.0]),
        ((1, 1, 1, NAN), [0.375, 0.375, 0.25, 0.0]),
        ((1, NAN, NAN, NAN), [1.0, 0.0, 0.0, 0.0]),
        ((NAN, NAN, NAN, 1), [0.0, 0.0, 0.0, 1.0]),
        ((NAN, NAN, NAN, NAN), [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_the_seed_profile_is_the_table_of_the_product(
    speaking: tuple[float, float, float, float], expected: list[float]
) -> None:
    assert _weights(*speaking) == pytest.approx(expected)


def test_the_first_experiments_numbers_come_out() -> None:
    # science.md 5.5: audio .65, genre .2, collaboration 0: listed nowhere -> .235, scene missing -> .385
    values = np.array([[0.65, 0.65], [0.0, NAN], [0.2, 0.2], [0.0, 0.0]])
    assert blend(values, SEED).scores == pytest.approx([0.235, 0.385])


def test_nothing_known_is_no_score_and_not_zero() -> None:
    assert np.isnan(blend(np.full((4, 1), NAN), SEED).scores[0])


def test_a_signal_without_weight_alone_gives_no_score() -> None:
    table = custom_weights({SignalName.SCENE: 1.0})
    assert np.isnan(blend(np.array([[0.9], [NAN], [0.9], [0.9]]), table).scores[0])


@given(st.lists(st.tuples(OPINION, OPINION, OPINION, OPINION), min_size=1, max_size=20))
def test_contributions_sum_to_the_score_and_weights_to_one(columns: list[tuple[float, ...]]) -> None:
    values = np.array(columns).T
    blended = blend(values, SEED)
    spoken = ~np.isnan(blended.scores)
    np.testing.assert_array_equal(spoken, (~np.isnan(values)).any(axis=0))
    np.testing.assert_allclose(blended.contributions.sum(axis=0)[spoken], blended.scores[spoken], atol=1e-12)
    np.testing.assert_allclose(blended.weights.sum(axis=0)[spoken], 1.0, atol=1e-12)
    assert ((blended.scores[spoken] >= 0) & (blended.scores[spoken] <= 1 + 1e-12)).all()
    assert (blended.weights[np.isnan(values)] == 0).all()


@given(st.tuples(OPINION, OPINION, OPINION, OPINION), st.integers(0, 3), st.floats(0, 1))
def test_a_score_never_falls_when_a_signal_rises(opinions: tuple[float, ...], axis: int, rise: float) -> None:
    if np.isnan(opinions[axis]):
        return
    higher = list(opinions)
    higher[axis] = min(1.0, opinions[axis] + rise)
    before, after = (blend(np.array(column)[:, np.newaxis], SEED).scores[0] for column in (opinions, higher))
    assert after >= before - 1e-12


@given(st.lists(st.floats(0.01, 10), min_size=4, max_size=4), st.floats(0.001, 1000))
def test_only_the_proportions_of_custom_weights_matter(weights: list[float], scale: float) -> None:
    plain = custom_weights(dict(zip(SIGNALS, weights, strict=True)))
    scaled = custom_weights({name: weight * scale for name, weight in zip(SIGNALS, weights, strict=True)})
    np.testing.assert_allclose(plain.weights, scaled.weights, atol=1e-9)


@pytest.mark.parametrize("weight", [-0.1, NAN, float("inf")])
def test_weights_that_mean_nothing_are_refused(weight: float) -> None:
    with pytest.raises(InvalidWeights, match="audio"):
        custom_weights({SignalName.AUDIO: weight, SignalName.GENRE: 1.0})


@pytest.mark.parametrize("weights", [{}, {SignalName.AUDIO: 0.0}, dict.fromkeys(SignalName, 1e308)])
def test_weights_that_sum_to_nothing_or_overflow_are_refused(weights: dict[SignalName, float]) -> None:
    with pytest.raises(InvalidWeights, match="sum"):
        custom_weights(weights)


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="there is seed"):
        find_profile("sead")
