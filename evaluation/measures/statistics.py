"""Statistics over artists: bootstrap intervals, paired tests, smallest detectable difference. Pure.

The unit is the query artist, never the pair: pairs share artists and are not independent. See docs/methods.md,
"Statistics".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from recommender.errors import InvalidArgument
from recommender.types import Similarities

RESAMPLES = 10_000
"""Draws of a bootstrap, and of a permutation test with more than 13 artists."""
SEED = 20_261_121
CONFIDENCE = 0.95
POWER = 0.8
"""Probability of finding a true difference of the detectable size."""
_BATCH = 500
"""Resamples worked out at once: bounds the memory, changes no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over artists with its 95 % interval."""

    mean: float
    """NaN when no artist has a value."""
    low: float
    high: float
    """Both ends by resampling artists; NaN below two artists."""
    n: int
    """Number of artists with a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two systems compared on the same artists."""

    difference: Estimate
    p_value: float
    """Two-sided, by flipping the signs of the differences; NaN when no artist has both values."""
    detectable: float
    """The smallest true difference that a test of this size finds with a probability of 80 %."""


def estimate(values: Similarities) -> Estimate:
    """Mean of ``[artist]`` values that are not NaN, with a BCa bootstrap interval (Efron and Tibshirani 1993, ch. 14).

    Values that are all equal have an interval of width 0.
    """
    given = values[~np.isnan(values)]
    mean = float(given.mean()) if given.size else float("nan")
    low, high = _interval(given)
    return Estimate(mean=mean, low=low, high=high, n=int(given.size))


def _interval(given: Similarities) -> tuple[float, float]:
    if given.size < 2:
        return float("nan"), float("nan")
    if np.ptp(given) == 0:  # BCa divides by the variance of the values
        return float(given[0]), float(given[0])
    found = stats.bootstrap(
        (given,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa",
        batch=_BATCH,
        rng=np.random.default_rng(SEED),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def compare(values: Similarities, baseline: Similarities) -> Difference:
    """``values - baseline`` artist by artist, ``[artist]`` each; artists where either is NaN are left out."""
    if values.shape != baseline.shape:
        raise InvalidArgument("values", f"{values.shape} and {baseline.shape}: both systems answer the same artists")
    differences = values - baseline
    given = differences[~np.isnan(differences)]
    return Difference(
        difference=estimate(differences), p_value=sign_flip_p(given), detectable=detectable_difference(given)
    )


def sign_flip_p(differences: Similarities) -> float:
    """Two-sided p-value of the mean of paired differences ``[artist]``: sign-flip permutation test.

    If both systems are equal, each difference could as well have the other sign. Exact up to 13 artists, where there
    are fewer sign patterns than :data:`RESAMPLES`; else from that many seeded draws, and never 0. NaN without artists.

    >>> sign_flip_p(np.array([1.0, 1.0, 1.0]))
    0.25
    """
    if not differences.size:
        return float("nan")
    if differences.size == 1 or not differences.any():
        return 1.0
    found = stats.permutation_test(
        (differences,),
        _mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(SEED),
    )
    return min(float(found.pvalue), 1.0)


def _mean(values: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    return np.asarray(values.mean(axis=axis), dtype=np.float64)


def detectable_difference(differences: Similarities) -> float:
    """``(z(0.975) + z(0.8)) sd / sqrt(n)``: found with 80 % power at the 5 % level. NaN below two artists."""
    if differences.size < 2:
        return float("nan")
    reach = float(stats.norm.ppf(0.5 + CONFIDENCE / 2) + stats.norm.ppf(POWER))
    return reach * float(differences.std(ddof=1)) / float(np.sqrt(differences.size))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected for the number of tests (Holm 1979). NaN stays NaN and is not counted.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    given = sorted((p, name) for name, p in p_values.items() if not np.isnan(p))
    corrected = dict.fromkeys(p_values, float("nan"))
    largest = 0.0
    for place, (p, name) in enumerate(given):
        largest = max(largest, min(1.0, (len(given) - place) * p))
        corrected[name] = largest
    return corrected
