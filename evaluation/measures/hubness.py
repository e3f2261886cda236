"""Hubness and exposure: how unevenly artists appear among the nearest k or the first k of other artists. Pure.

Hubs are near almost every artist, antihubs near none. See docs/methods.md, "Evaluation measures".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from recommender.errors import InvalidArgument
from recommender.types import Similarities

Occurrences: TypeAlias = npt.NDArray[np.int64]
"""``[artist]`` N_k: the number of other artists that have it among their nearest k."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hubness:
    """How unevenly artists appear among the nearest k of others."""

    k: int
    skewness: float
    """Population skewness of N_k; 0 when N_k is symmetric, above 1 when there are hubs; NaN when all N_k are equal."""
    largest: int
    antihubs: float
    """Share of artists with N_k = 0."""
    gini: float
    """0 when all artists have the same N_k, towards 1 when a few have all; NaN when all N_k are 0."""
    robin_hood: float
    """Share of all places that would have to move for all artists to have the same N_k; NaN as above."""


def hubness(occurrences: Occurrences, *, k: int) -> Hubness:
    """All hubness measures of N_k ``[artist]``. Raises InvalidArgument when it is empty or has a negative number."""
    if not occurrences.size or occurrences.min() < 0:
        raise InvalidArgument("occurrences", "must be one number per artist, none below 0")
    return Hubness(
        k=k,
        skewness=skewness(occurrences),
        largest=int(occurrences.max()),
        antihubs=float((occurrences == 0).mean()),
        gini=gini(occurrences),
        robin_hood=robin_hood(occurrences),
    )


def occurrences(neighbours: npt.NDArray[np.int64], *, artists: int) -> Occurrences:
    """N_k ``[artist]`` from the rows of each query's nearest k, ``[query, k]``; -1 means no neighbour.

    >>> occurrences(np.array([[1], [0], [1]]), artists=3).tolist()
    [1, 2, 0]
    """
    return np.bincount(neighbours[neighbours >= 0], minlength=artists).astype(np.int64)


def nearest_others(scores: npt.NDArray[np.floating], *, k: int) -> npt.NDArray[np.int64]:
    """The k best columns of each row of a square matrix, ``[artist, k]``, without the row itself.

    Best first, ties by row, NaN never: -1 fills the rows of artists with fewer than k opinions.
    """
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    np.fill_diagonal(ranked, -np.inf)
    best = np.argsort(-ranked, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(ranked, best, axis=1) > -np.inf, best, -1).astype(np.int64)


def skewness(occurrences: Occurrences) -> float:
    """Third central moment over the cube of the population standard deviation (Radovanović et al., JMLR 11, 2010).

    >>> round(skewness(np.array([3, 1, 1, 1, 0, 0])), 12)
    1.0
    """
    deviations = occurrences - occurrences.mean()
    sd = float(np.sqrt((deviations**2).mean()))
    return float((deviations**3).mean()) / sd**3 if sd > 0 else float("nan")


def gini(occurrences: Occurrences) -> float:
    """Gini index: ``sum_i (2 i - n - 1) x_i / (n sum x)`` over rising x, i from 1.

    >>> gini(np.array([3, 1, 1, 1, 0, 0]))
    0.5
    """
    n, total = len(occurrences), int(occurrences.sum())
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float(weights @ np.sort(occurrences)) / (n * total) if total else float("nan")


def robin_hood(occurrences: Occurrences) -> float:
    """Hoover index: half the sum of distances from the mean, over the sum.

    >>> round(robin_hood(np.array([3, 1, 1, 1, 0, 0])), 12)
    0.333333333333
    """
    total = int(occurrences.sum())
    return float(np.abs(occurrences - occurrences.mean()).sum()) / (2 * total) if total else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Statistics of the first k recommendations of many artists."""

    queries: int
    coverage: float
    """Share of the artists that appear in at least one list."""
    hubs: Hubness
    """Of all artists; its ``gini`` is the Gini index of exposure."""
    popularity_percentile: float
    """Mean over the recommendations, in [0, 1]; 0.5 where popularity has no influence, NaN where it is not known."""
    popularity_correlation: float
    """Spearman correlation of popularity and N_k; NaN where either does not vary."""
    novelty: float
    """Mean of ``-log2 p`` over the recommendations, in bits, with p = (popularity + 1) / (artists + 1). The 1 keeps p
    above 0. NaN where popularity is not known."""
    counts: tuple[int, ...]
    """Number of artists that appear in exactly 0, 1, 2 … lists."""


def exposure(neighbours: npt.NDArray[np.int64], popularity: Similarities, *, k: int) -> Exposure:
    """Measure lists of recommendations.

    Args:
        neighbours: rows recommended to each query, ``[query, k]``; -1 means none.
        popularity: ``[artist]``; NaN where it is not known.
        k: length of the lists.
    """
    found = occurrences(neighbours, artists=len(popularity))
    known = ~np.isnan(popularity)
    percentiles = np.full(len(popularity), np.nan)
    percentiles[known] = (stats.rankdata(popularity[known]) - 0.5) / max(int(known.sum()), 1)
    given = neighbours[neighbours >= 0]
    given = given[known[given]]
    surprise = -np.log2((popularity[given] + 1.0) / (len(popularity) + 1.0))
    return Exposure(
        queries=len(neighbours),
        coverage=float((found > 0).mean()),
        hubs=hubness(found, k=k),
        popularity_percentile=float(percentiles[given].mean()) if given.size else float("nan"),
        popularity_correlation=spearman(popularity[known], found[known].astype(np.float64)),
        novelty=float(surprise.mean()) if given.size else float("nan"),
        counts=tuple(np.bincount(found).tolist()),
    )


def spearman(one: Similarities, other: Similarities) -> float:
    """Spearman's rank correlation in [-1, 1]; NaN when either does not vary."""
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(stats.spearmanr(one, other).statistic)
