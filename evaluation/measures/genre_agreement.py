"""Whether artists that sound alike are of one genre: nearest neighbours vote, and silhouettes. Pure.

Neighbours are other artists, never an artist's own tracks, which would make any space look good (the artist filter of
Pampalk, Flexer and Widmer, ISMIR 2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.metrics import silhouette_score

from evaluation.measures.distribution import Square
from evaluation.measures.hubness import nearest_others
from evaluation.measures.statistics import Estimate, estimate
from recommender.types import Rows

NO_GENRE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreAgreement:
    """How far one view of the audio and the genres agree, over artists with both."""

    artists: int
    genres: int
    accuracy: Estimate
    """Share of artists whose k nearest others mostly have its main genre; a tie goes to the nearest among them."""
    chance: float
    """Share of artists of the most frequent genre: what always naming it would get. NaN without artists."""
    silhouette: float
    """Mean, in [-1, 1], of cosine distances; NaN with fewer than two genres, or where each has one artist."""


def main_genres(weights: csr_array) -> Rows:
    """``[artist]``: column of the heaviest genre in ``weights`` ``[artist, genre]``, ties by column; -1 without any.

    >>> main_genres(csr_array(np.array([[0.2, 0.9], [0.0, 0.0], [0.5, 0.5]]))).tolist()
    [1, -1, 0]
    """
    found = np.full(weights.shape[0], NO_GENRE, dtype=np.int64)
    for row in np.flatnonzero(np.diff(weights.indptr)).tolist():
        own = slice(weights.indptr[row], weights.indptr[row + 1])
        columns, heavy = weights.indices[own], weights.data[own]
        found[row] = columns[heavy == heavy.max()].min()
    return found


def genre_agreement(cosines: Square, genre: Rows, *, k: int) -> GenreAgreement:
    """Compare the cosines ``[artist, artist]`` with main genres ``[artist]``; artists without one take no part."""
    named = np.flatnonzero(genre != NO_GENRE)
    genres, labels = np.unique(genre[named], return_inverse=True)
    inside = cosines[np.ix_(named, named)].astype(np.float64)
    right = _voted(inside, labels, k=k) == labels
    return GenreAgreement(
        artists=len(named),
        genres=len(genres),
        accuracy=estimate(right.astype(np.float64) if len(named) > 1 else np.empty(0)),
        chance=float(np.bincount(labels).max() / len(named)) if len(named) else float("nan"),
        silhouette=_silhouette(inside, labels),
    )


def _voted(cosines: Square, labels: Rows, *, k: int) -> Rows:
    """``[artist]``: the label that most of the k nearest have."""
    found = np.full(len(labels), NO_GENRE, dtype=np.int64)
    for row, near in enumerate(nearest_others(cosines, k=k)):
        told = labels[near[near >= 0]]
        if told.size:
            counts = np.bincount(told)
            found[row] = next(label for label in told if counts[label] == counts.max())
    return found


def _silhouette(cosines: Square, labels: Rows) -> float:
    if not 2 <= len(np.unique(labels)) < len(labels):
        return float("nan")
    distances = np.clip(1.0 - cosines, 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    return float(silhouette_score(distances, labels, metric="precomputed"))
