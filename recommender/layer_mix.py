"""Turns a layer, an aspect or a mix of either into one mix of layers, whose shares sum to 1."""

from __future__ import annotations

import math
from collections.abc import Mapping

from recommender.errors import InvalidWeights, NotFound
from recommender.types import Aspect, LayerMix, Space


def by_default(space: Space) -> LayerMix:
    """The mix the space names as its default."""
    return _shares(space.default_mix, "default_mix")


def by_layer(space: Space, layer: str) -> LayerMix:
    """One layer. Raises NotFound that lists the layers."""
    return by_layers(space, {layer: 1.0})


def by_layers(space: Space, weights: Mapping[str, float]) -> LayerMix:
    """Several layers, weights relative to their sum. Raises NotFound or InvalidWeights."""
    for layer in weights:
        if layer not in space.layer_names:
            raise NotFound("layer", layer, f"the space has {', '.join(space.layer_names)}")
    return _shares(weights, "listening")


def by_aspect(space: Space, aspect: str) -> LayerMix:
    """One aspect. Raises NotFound that lists the aspects."""
    return _shares(_aspect(space, aspect).layers, "listening")


def by_aspects(space: Space, weights: Mapping[str, float]) -> LayerMix:
    """Several aspects, each spread over its layers. Raises NotFound or InvalidWeights."""
    layers: dict[str, float] = {}
    for name, share in _shares(weights, "listening").items():
        for layer, weight in _aspect(space, name).layers.items():
            layers[layer] = layers.get(layer, 0.0) + share * weight
    return _shares(layers, "listening")


def _aspect(space: Space, wanted: str) -> Aspect:
    for aspect in space.aspects:
        if aspect.name == wanted:
            return aspect
    raise NotFound("aspect", wanted, f"the space has {', '.join(aspect.name for aspect in space.aspects)}")


def _shares(weights: Mapping[str, float], field: str) -> LayerMix:
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidWeights(field, f"{name} is {weight}; weights are finite and at least 0")
    total = sum(weights.values())
    if not (math.isfinite(total) and total > 0):
        raise InvalidWeights(field, "weights sum to 0 or overflow; give at least one a moderate weight above 0")
    return {name: weight / total for name, weight in weights.items() if weight > 0}
