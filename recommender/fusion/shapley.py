"""Exact Shapley values: what each signal contributes to a score that is not a sum (Shapley 1953). No I/O."""

from __future__ import annotations

import functools
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Effects: TypeAlias = npt.NDArray[np.float64]
"""``[signal, item]``: what each signal adds to the log-odds; finite, 0 where it adds nothing."""


def shapley(effects: Effects, *, intercept: float) -> Effects:
    """Contributions ``[signal, item]`` with ``sigmoid(intercept) + sum of contributions = sigmoid(intercept + sum)``.

    A contribution is the mean, over all orders in which the signals could be added, of what the score gains when this
    one is added. It has the sign of the effect; an effect of 0 contributes exactly 0; equal effects contribute
    alike. All ``2^signals`` sets are computed: for the rows that are shown, not for a catalog.

    >>> shapley(np.array([[math.log(3)], [0.0]]), intercept=0.0).tolist()
    [[0.25], [0.0]]
    """
    signals = len(effects)
    values = expit(_sums(effects) + intercept)
    sets = np.arange(1 << signals)
    shares = np.array([1.0 / (signals * math.comb(signals - 1, size)) for size in range(signals)])
    contributions = np.empty_like(effects)
    for signal in range(signals):
        without = sets[sets >> signal & 1 == 0]
        gains = values[without | 1 << signal] - values[without]
        parts = shares[np.bitwise_count(without)][:, np.newaxis] * gains
        # One after another: the last bit of a BLAS product or of sum() depends on how many items there are.
        contributions[signal] = functools.reduce(np.add, parts)
    return contributions


def _sums(effects: Effects) -> Effects:
    """Sum of effects ``[set, item]``; bit i is signal i, added in that order, so that an effect of 0 changes no bit."""
    sums = np.zeros((1, effects.shape[1]))
    for effect in effects:
        sums = np.concatenate([sums, sums + effect])
    return sums
