"""The dial from familiar to deep: scores tilted by how well known an artist is, to order a ranking by. Pure.

The score says how kin two artists are and stays what it is; only the order moves. With ``depth`` in [0, 1] and
popularity ``p``, a percentile in [0, 1] (recommender/popularity.py), the odds of the score are multiplied by

    w = 2 ** ((2 depth - 1) (1 - 2 p))        key = w o / (1 + w o),  o = score / (1 - score)

At depth 0 the best known have their odds doubled and the least known halved; at 1 it is the other way round; at 0.5
nothing moves. So an artist passes only those whose odds are less than four times its own, nobody leaves [0, 1], and a
score of 0 or 1 is no other. Of whom it is not known how well known they are, the odds stay: missing is missing, not
unpopular. Odds, because that is the scale on which signals add up (recommender/blend.py): the dial weighs like one more
signal, and at most as much as an opinion that doubles or halves the odds.
"""

from __future__ import annotations

import numpy as np

from recommender.blend import Scores
from recommender.errors import InvalidArgument
from recommender.types import Similarities

NEUTRAL = 0.5
"""The depth that moves nothing."""

MOST = 2.0
"""By how much the odds are multiplied or divided at most."""


def checked_depth(depth: float) -> float:
    """``depth`` itself. Raises InvalidArgument when it lies outside [0, 1]."""
    if not 0.0 <= depth <= 1.0:
        raise InvalidArgument("depth", f"is {depth}; it lies within [0, 1], 0 is familiar and 1 is deep")
    return depth


def order_keys(scores: Scores, popularity: Similarities, depth: float) -> Scores:
    """``[artist]`` keys in [0, 1] to order by, from ``scores`` and ``popularity``, both ``[artist]``.

    They never fall when a score rises. With :data:`NEUTRAL` they are ``scores``, to the bit; NaN scores stay NaN, and
    where popularity is NaN the odds are not moved.

    >>> order_keys(np.array([0.5, 0.5, 0.5]), np.array([1.0, 0.0, np.nan]), 1.0).round(3).tolist()
    [0.333, 0.667, 0.5]
    """
    if depth == NEUTRAL:
        return scores
    tilt = (2.0 * depth - 1.0) * (1.0 - 2.0 * np.nan_to_num(popularity, nan=0.5))
    with np.errstate(divide="ignore"):
        odds = scores / (
            1.0 - np.minimum(scores, 1.0)
        )  # each step from here never falls when the score rises, rounding included
    keys: Scores = 1.0 - 1.0 / (1.0 + MOST**tilt * odds)
    return keys
