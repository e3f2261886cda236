"""Popularity: percentiles, given or guessed; bands of them, and the dial from familiar to deep.

Where no source gives an artist's popularity, the number of artists that it is listed with, and with how many it made
music, stand in for it (docs/methods.md, "Popularity and the dial"). No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.calibration.percentiles import percentile, percentiles_of
from recommender.errors import InvalidArgument
from recommender.generation.contents import Contents, Relations
from recommender.types import Scores, Similarities

NEUTRAL = 0.5
"""The depth that does not change the order."""

MAX_ODDS_FACTOR = 2.0
"""The dial multiplies or divides the odds of a score by this at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopularityBand:
    """Bounds on the popularity percentile, both included; None is no bound."""

    least: float | None = None
    most: float | None = None

    def contains(self, popularity: Similarities) -> npt.NDArray[np.bool_]:
        """``[artist]``: within the band. Unknown popularity (NaN) is in no band, unless there is no bound at all.

        >>> PopularityBand(least=0.5).contains(np.array([0.4, 0.5, np.nan])).tolist()
        [False, True, False]
        """
        inside = np.ones(len(popularity), dtype=bool)
        if self.least is not None:
            inside &= popularity >= self.least
        if self.most is not None:
            inside &= popularity <= self.most
        return inside


def checked_depth(depth: float) -> float:
    """``depth`` itself. Raises InvalidArgument when it is outside [0, 1]."""
    if not 0.0 <= depth <= 1.0:
        raise InvalidArgument("depth", f"is {depth}; it lies within [0, 1], 0 is familiar and 1 is deep")
    return depth


def order_keys(scores: Scores, popularity: Similarities, depth: float) -> Scores:
    """``[artist]`` keys in [0, 1] to order by, from ``scores`` and ``popularity``, both ``[artist]``.

    They never fall when a score rises. With :data:`NEUTRAL` they are ``scores``, to the bit; NaN scores stay NaN, and
    where popularity is NaN the odds do not change.

    >>> order_keys(np.array([0.5, 0.5, 0.5]), np.array([1.0, 0.0, np.nan]), 1.0).round(3).tolist()
    [0.333, 0.667, 0.5]
    """
    if depth == NEUTRAL:
        return scores
    tilt = (2.0 * depth - 1.0) * (1.0 - 2.0 * np.nan_to_num(popularity, nan=0.5))
    # Odds, not scores, so that keys stay in [0, 1]. In this form no step lowers the key of a higher score, rounding
    # included; a score of 1 has infinite odds and the key 1.
    with np.errstate(divide="ignore"):
        odds = scores / (1.0 - np.minimum(scores, 1.0))
    keys: Scores = 1.0 - 1.0 / (1.0 + MAX_ODDS_FACTOR**tilt * odds)
    return keys


def popularity_of(contents: Contents) -> Similarities:
    """``[artist]`` popularity percentile in [0, 1]; NaN for an artist of which nothing is known.

    What sources give replaces the guess, artist by artist; an artist without keeps the guess.
    """
    guess, given = guessed(contents.relations), contents.artists.popularity
    return guess if given is None else np.where(np.isnan(given), guess, given)


def guessed(relations: Relations) -> Similarities:
    """``[artist]`` percentile guessed from the relations; NaN for an artist of which neither of them knows anything.

    The number of artists it is listed with in the scene plus the number of artists it made music with, as a mid-rank
    percentile: artists with equal numbers get the middle of their ranks.
    """
    known = relations.scene_mentioned | relations.collaboration_known
    listed = np.diff(relations.scene_strengths.indptr)
    counts = np.where(known, listed + _partners(relations, len(known)), np.nan).astype(np.float64)
    return percentile(percentiles_of(counts), counts)


def _partners(relations: Relations, artists: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """``[artist]`` number of other artists it has a collaboration with."""
    events = relations.events
    pairs = np.unique(np.stack([events.artist_a, events.artist_b]), axis=1)
    return np.bincount(pairs.reshape(-1), minlength=artists).astype(np.int64)
