"""Combines the scores of several seeds into one score: artists a person likes, and negative seeds that lower a score.

The score with seeds is P, the mean of the scores with each seed that has one. Negative seeds lower it to
``P (1 - e)`` with ``e = max(0, (N - base) / (1 - base))``, where N is the mean of the scores with each negative seed
that has one. So e is 0 for an artist that is no more like them than an unrelated artist, or of which nothing is known,
and 1 for one that is as like them as can be; the score stays in [0, 1] and never rises when N does. No I/O.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from recommender.types import Scores

Numbers = npt.NDArray[np.float64]


def mean_given(parts: Iterable[Numbers]) -> Numbers:
    """Mean of arrays of one shape over what is not NaN; NaN where nothing is. Two are in memory at a time at most.

    >>> mean_given([np.array([1.0, np.nan]), np.array([0.0, np.nan])]).tolist()
    [0.5, nan]
    """
    remaining = iter(parts)
    first, second = next(remaining, None), next(remaining, None)
    if first is not None and second is None:
        return first + 0.0
    beginning = () if first is None or second is None else (first, second)
    sums, counts = np.zeros(()), np.zeros((), dtype=np.int64)
    for numbers in itertools.chain(beginning, remaining):
        given = ~np.isnan(numbers)
        sums, counts = sums + np.where(given, numbers, 0.0), counts + given
    means: Numbers = np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)
    return means


def negative_share(disliked: Scores, base: float) -> Numbers:
    """e: the share of a score that negative seeds take away, in [0, 1]; 0 where they have no score.

    Args:
        disliked: ``[artist]`` mean scores with the negative seeds.
        base: score of a pair of which nothing is known.

    >>> negative_share(np.array([0.1, 0.25, 0.625, 1.0, np.nan]), 0.25).tolist()
    [0.0, 0.0, 0.5, 1.0, 0.0]
    """
    return np.nan_to_num(np.clip((disliked - base) / (1.0 - base), 0.0, 1.0), nan=0.0)
