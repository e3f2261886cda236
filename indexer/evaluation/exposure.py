"""Who gets recommended at all: coverage, how unevenly, and how much it follows popularity. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from indexer.evaluation.hubness import Hubness, hubness, occurrences
from recommender.types import Similarities


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the first k recommendations of many artists have in common."""

    queries: int
    coverage: float
    """Share of the artists that are recommended to somebody."""
    hubs: Hubness
    """Of all artists: ``gini`` is that of exposure."""
    popularity_percentile: float
    """Mean over the recommendations, in [0, 1]; 0.5 where popularity plays no part, NaN where it is not known."""
    popularity_correlation: float
    """Spearman, of popularity with N_k; NaN where either does not vary."""
    novelty: float
    """Mean of ``-log2 p`` over the recommendations, in bits, p the share of artists that list or record with the one
    recommended (each counted once more, so that nobody has none); NaN where popularity is not known."""
    counts: tuple[int, ...]
    """How many artists are in exactly 0, 1, 2 … others' first k."""


def exposure(neighbours: npt.NDArray[np.int64], popularity: Similarities, *, k: int) -> Exposure:
    """Measure lists of recommendations.

    Args:
        neighbours: rows recommended to each query, ``[query, k]``; -1 stands for none.
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
    """Rank correlation in [-1, 1]; NaN when either does not vary."""
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(stats.spearmanr(one, other).statistic)
