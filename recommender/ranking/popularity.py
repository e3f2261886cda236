"""How well known an artist is: what its places in the scene and its collaborations let guess. Pure.

A generation holds no counts of listeners. Who is on many artists' lists, and who made music with many, stands in for
who has many listeners.
"""

from __future__ import annotations

import numpy as np

from recommender.calibration.percentiles import percentile, percentiles_of
from recommender.errors import InvalidArgument
from recommender.generation.contents import Relations
from recommender.types import Scores, Similarities

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


def popularity_of(relations: Relations) -> Similarities:
    """``[artist]`` percentile in [0, 1] among those of which something is known; NaN for the others.

    Of the number of artists an artist is listed with in the scene and the number it made something with, added up.
    Equal numbers stand in the middle of their places.
    """
    known = relations.scene_mentioned | relations.collaboration_known
    listed = np.diff(relations.scene_strengths.indptr)
    counts = np.where(known, listed + _partners(relations, len(known)), np.nan).astype(np.float64)
    return percentile(percentiles_of(counts), counts)


def _partners(relations: Relations, artists: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """``[artist]`` with how many others it has an event on record."""
    events = relations.events
    pairs = np.unique(np.stack([events.artist_a, events.artist_b]), axis=1)
    return np.bincount(pairs.reshape(-1), minlength=artists).astype(np.int64)
