"""Whether artists that sound alike have the same genre: accuracy of a neighbour vote, and silhouette. Pure.

Neighbours are other artists, never tracks of the same artist. Without this artist filter (Pampalk, Flexer and Widmer,
ISMIR 2005) any space looks good, because tracks of one artist are near each other.
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
"""Column of an artist without a genre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreAgreement:
    """Agreement of one view of the audio with the genres, over artists that have both."""

    artists: int
    genres: int
    accuracy: Estimate
    """Share of artists whose main genre wins the vote of the k nearest others; a tie goes to the nearest of them."""
    chance: float
    """Share of artists with the most frequent genre: the accuracy of always naming it. NaN without artists."""
    silhouette: float
    """Mean silhouette in [-1, 1] by cosine distance (Rousseeuw 1987); NaN with fewer than two genres, or where each
    genre has one artist."""


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
    """Compare the cosines ``[artist, artist]`` with main genres ``[artist]``; artists without a genre are left out."""
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
    """``[artist]``: the label that most of the k nearest others have."""
    found = np.full(len(labels), NO_GENRE, dtype=np.int64)
    for row, near in enumerate(nearest_others(cosines, k=k)):
        votes = labels[near[near >= 0]]
        if votes.size:
            counts = np.bincount(votes)
            found[row] = next(label for label in votes if counts[label] == counts.max())
    return found


def _silhouette(cosines: Square, labels: Rows) -> float:
    if not 2 <= len(np.unique(labels)) < len(labels):
        return float("nan")
    distances = np.clip(1.0 - cosines, 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    return float(silhouette_score(distances, labels, metric="precomputed"))
