"""One score of several: artists a person likes, and artists a person does not. Pure.

With seeds the score is P, the mean of the scores with each seed that has one. Negative seeds take some of it away:
``P (1 - e)``, where ``e = max(0, (N - base) / (1 - base))`` and N is the mean of the scores with each negative seed
that has one. So e is 0 for an artist that is no more like them than any other, or of which nothing is known, and 1 for
one that is all they are; the score stays in [0, 1] and never rises when N does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from recommender.types import Scores

Numbers = npt.NDArray[np.float64]


def mean_given(each: Iterable[Numbers]) -> Numbers:
    """Mean of arrays of one shape over what is not NaN; NaN where nothing is. No more than two in memory at a time.

    >>> mean_given([np.array([1.0, np.nan]), np.array([0.0, np.nan])]).tolist()
    [0.5, nan]
    """
    parts = iter(each)
    first, second = next(parts, None), next(parts, None)
    if first is not None and second is None:
        return first + 0.0
    given_so_far = () if first is None or second is None else (first, second)
    sums, counts = np.zeros(()), np.zeros((), dtype=np.int64)
    for numbers in itertools.chain(given_so_far, parts):
        given = ~np.isnan(numbers)
        sums, counts = sums + np.where(given, numbers, 0.0), counts + given
    means: Numbers = np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)
    return means


def negative_share(disliked: Scores, base: float) -> Numbers:
    """e: the share of a score that mean scores with negative seeds take away, in [0, 1]; 0 where they are NaN.

    >>> taken_away(np.array([0.1, 0.25, 0.625, 1.0, np.nan]), 0.25).tolist()
    [0.0, 0.0, 0.5, 1.0, 0.0]
    """
    return np.nan_to_num(np.clip((disliked - base) / (1.0 - base), 0.0, 1.0), nan=0.0)
