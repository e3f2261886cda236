"""Layers, aspects and their mixes become one mix of layers."""

from __future__ import annotations

import pytest

from recommender import layer_mix
from recommender.errors import InvalidWeights, NotFound
from recommender.types import Aspect, Layer, Space

SPACE = Space(
    name="test",
    revision="1",
    licence="ISC",
    layers=(Layer(name="0"), Layer(name="1"), Layer(name="2")),
    dim=4,
    sample_rate_hz=8000,
    preprocessing="v1",
    default_mix={"1": 3.0, "2": 1.0},
    aspects=(
        Aspect(name="bright", description="", layers={"0": 1.0}, evidence=""),
        Aspect(name="groove", description="", layers={"0": 0.5, "2": 0.5}, evidence=""),
    ),
)


def test_the_default_is_the_spaces_own_mix() -> None:
    assert layer_mix.by_default(SPACE) == {"1": 0.75, "2": 0.25}


def test_one_layer_is_all_of_the_mix() -> None:
    assert layer_mix.by_layer(SPACE, "2") == {"2": 1.0}


def test_aspects_spread_over_their_layers() -> None:
    assert layer_mix.by_aspects(SPACE, {"bright": 1.0, "groove": 3.0}) == pytest.approx({"0": 0.25 + 0.375, "2": 0.375})


def test_a_layer_of_weight_zero_is_not_listened_to() -> None:
    assert layer_mix.by_layers(SPACE, {"0": 0.0, "1": 2.0}) == {"1": 1.0}


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match="the space has 0, 1, 2"):
        layer_mix.by_layer(SPACE, "3")
    with pytest.raises(NotFound, match="bright, groove"):
        layer_mix.by_aspect(SPACE, "brightness")


@pytest.mark.parametrize("weights", [{}, {"0": 0.0}, {"0": -1.0, "1": 2.0}, {"0": float("nan")}, {"0": float("inf")}])
def test_weights_that_mean_nothing_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InvalidWeights):
        layer_mix.by_layers(SPACE, weights)
