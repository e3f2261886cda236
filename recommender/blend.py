"""From four opinions to one score: the weights by which signals speak, and what happens when some are silent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidWeights, NotFound
from recommender.types import SignalName

SIGNALS = tuple(SignalName)
"""Order of the signal axis wherever there is one: audio, scene, genre, collaboration."""

_A, _S, _G, _C = SIGNALS
_ALL_FOUR = {_A: 0.3, _S: 0.3, _G: 0.2, _C: 0.2}
_SEED_TABLE = (
    _ALL_FOUR,
    {_A: 0.5, _G: 0.3, _C: 0.2},
    {_S: 0.5, _G: 0.3, _C: 0.2},
    {_G: 0.6, _C: 0.4},
)
"""The table of the first experiment, by the set of signals that speak; any other set renormalises the first row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightTable:
    """Weights for each of the 16 sets of signals that may speak for a pair."""

    name: str
    weights: npt.NDArray[np.float64]
    """``[set, signal]``; bit i of the set is signal i; a row sums to 1, or is all 0 when the set has no weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """Scores of one seed with every artist."""

    scores: npt.NDArray[np.float64]
    """``[artist]`` in [0, 1]; NaN where no signal with a weight speaks."""
    weights: npt.NDArray[np.float64]
    """``[signal, artist]``; 0 where the signal is silent."""
    contributions: npt.NDArray[np.float64]
    """``[signal, artist]``; they sum to the score."""


def _bits(speaking: frozenset[SignalName]) -> int:
    return sum(1 << place for place, signal in enumerate(SIGNALS) if signal in speaking)


def _renormalised(weights: Mapping[SignalName, float]) -> npt.NDArray[np.float64]:
    table = np.zeros((1 << len(SIGNALS), len(SIGNALS)))
    for pattern in range(len(table)):
        row = np.array([weights.get(signal, 0.0) if pattern >> i & 1 else 0.0 for i, signal in enumerate(SIGNALS)])
        table[pattern] = row / row.sum() if row.sum() > 0 else 0.0
    return table


def seed_profile() -> WeightTable:
    """The weights of the first experiment, exactly (shared/design/product.md, "Scores")."""
    table = _renormalised(_ALL_FOUR)
    for row in _SEED_TABLE:
        table[_bits(frozenset(row))] = [row.get(signal, 0.0) for signal in SIGNALS]
    return WeightTable(name="seed", weights=table)


def custom_weights(weights: Mapping[SignalName, float]) -> WeightTable:
    """A table from one set of weights, renormalised over whatever speaks. Their scale does not matter.

    Raises:
        InvalidWeights: negative, not finite, or none above 0.

    >>> custom_weights({SignalName.AUDIO: 3.0, SignalName.GENRE: 1.0}).weights[0b1111].tolist()
    [0.75, 0.0, 0.25, 0.0]
    """
    for signal, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidWeights("weights", f"{signal.value} is {weight}; weights are finite and at least 0")
    total = sum(weights.values())
    if not (math.isfinite(total) and total > 0):
        raise InvalidWeights("weights", "sum to 0 or overflow; give at least one a moderate weight above 0")
    return WeightTable(name="custom", weights=_renormalised({name: w / total for name, w in weights.items()}))


PROFILES: Mapping[str, WeightTable] = {"seed": seed_profile()}
"""Named weight profiles a request may ask for."""

DEFAULT_PROFILE = "seed"


def find_profile(name: str) -> WeightTable:
    """The profile called ``name``. Raises NotFound that lists what there is."""
    if name not in PROFILES:
        raise NotFound("weight profile", name, f"there is {', '.join(sorted(PROFILES))}")
    return PROFILES[name]


def blend(values: npt.NDArray[np.float64], table: WeightTable) -> Blended:
    """Blend signal values ``[signal, artist]`` (in [0, 1], NaN = no opinion) into one score an artist.

    The weight of a silent signal goes to the others by the table's row for the set that speaks. Where that row is all
    0 (nothing speaks, or nothing with a weight) the score is NaN: no opinion, never 0.
    """
    speaking = ~np.isnan(values)
    pattern = (speaking * (1 << np.arange(len(SIGNALS)))[:, np.newaxis]).sum(axis=0)
    weights = table.weights[pattern].T
    contributions = np.where(speaking, weights * np.where(speaking, values, 0.0), 0.0)
    scores = np.where(weights.sum(axis=0) > 0, contributions.sum(axis=0), np.nan)
    return Blended(scores=scores, weights=weights, contributions=contributions)
