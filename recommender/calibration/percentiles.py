"""Percentiles of a signal's opinions among those of reference pairs: one scale for signals of different scales.

The log-odds profiles of ``recommender/fusion/profiles.py`` read them through :func:`log_odds`, which clips them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from recommender.errors import InvalidArgument
from recommender.types import Similarities

CLIP = 0.002
"""Percentiles are clipped to [CLIP, 1 - CLIP] before the logit: no signal is ever certain."""

BEYOND = 0.1
"""Log-odds added from the clip to a percentile of 0 or 1. Small beside the weight of a signal, but it orders those that
are clipped: of a million artists two thousand are above 1 - CLIP."""

DECIMALS = 9
"""Opinions are rounded to this many decimals: the same ratio computed from two sums is one opinion, not two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """The empirical distribution of one signal's opinions over reference pairs.

    Raises:
        InvalidArgument: the arrays do not fit one another, or are not as described below.
    """

    values: npt.NDArray[np.float64]
    """``[value]`` distinct opinions, rising, to nine decimals; empty when no reference pair had one."""
    below: npt.NDArray[np.float64]
    """``[value + 1]`` share of reference pairs with a smaller opinion, from 0 rising to 1; ``[0]`` when empty."""

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.below.shape != (len(self.values) + 1,):
            raise InvalidArgument("percentiles", f"have shapes {self.values.shape} and {self.below.shape}")
        if not (np.isfinite(self.values).all() and np.isfinite(self.below).all()):
            raise InvalidArgument("percentiles", "hold a number that is not finite")
        rising = (np.diff(self.values) > 0).all() and (np.diff(self.below) > 0).all()
        if not (rising and self.below[0] == 0 and self.below[-1] == min(len(self.values), 1)):
            raise InvalidArgument("percentiles", "must rise, their shares from 0 to 1")


def percentiles_of(opinions: Similarities) -> Percentiles:
    """The distribution of ``opinions`` on reference pairs, in any shape; NaN is left out.

    >>> percentiles_of(np.array([0.0, 0.5, 0.0, np.nan, 1.0])).below.tolist()
    [0.0, 0.5, 0.75, 1.0]
    """
    given = np.round(opinions[~np.isnan(opinions)], DECIMALS)
    values, counts = np.unique(given, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)]) / max(given.size, 1)
    return Percentiles(values=values.astype(np.float64), below=below)


def percentile(reference: Percentiles, opinions: Similarities) -> Similarities:
    """F, the mid-rank empirical distribution: share of reference pairs below, and half of those alike.

    Args:
        opinions: ``[artist]`` raw measures or values of the signal that ``reference`` was made of.

    Returns:
        ``[artist]`` in [0, 1], never falling when the opinion rises. NaN stays NaN; all is NaN when ``reference`` is
        empty, as there is nothing to compare with.

    >>> percentile(percentiles_of(np.array([0.0, 0.0, 0.5, 1.0])), np.array([0.0, 0.3, 0.5, 2.0, np.nan])).tolist()
    [0.25, 0.5, 0.625, 1.0, nan]
    """
    if not reference.values.size:
        return np.full(np.shape(opinions), np.nan)
    rounded = np.round(np.asarray(opinions, dtype=np.float64), DECIMALS)
    missing = np.isnan(rounded)
    known = np.where(missing, 0.0, rounded)
    index = np.searchsorted(reference.values, known)
    alike = reference.values[np.minimum(index, len(reference.values) - 1)] == known
    shares = 0.5 * (reference.below[index] + reference.below[index + alike])
    shares[missing] = np.nan
    return np.asarray(shares, dtype=np.float64)


def log_odds(percentiles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Percentiles as log-odds, clipped at ``CLIP`` from both ends, plus up to ``BEYOND`` for the rest; NaN stays NaN.

    >>> log_odds(np.array([0.5, 0.998, 1.0])).round(3).tolist()
    [0.0, 6.213, 6.313]
    """
    clipped = np.clip(percentiles, CLIP, 1.0 - CLIP)
    # A straight line beyond the clip keeps the order of percentiles without the infinite log-odds of 0 and 1.
    return np.asarray(logit(clipped) + (BEYOND / CLIP) * (percentiles - clipped), dtype=np.float64)
