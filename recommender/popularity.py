"""How well known an artist is: what its places in the scene and its collaborations let guess. Pure.

A generation holds no counts of listeners. Who is on many artists' lists, and who made music with many, stands in for
who has many listeners.
"""

from __future__ import annotations

import numpy as np

from recommender.contents import Relations
from recommender.percentiles import percentile, percentiles_of
from recommender.types import Similarities


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
