"""Distribution of similarities: range, separation of related from unrelated pairs, hub share, histogram. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from evaluation.measures.statistics import SEED
from recommender.errors import InvalidArgument
from recommender.types import Similarities

Square: TypeAlias = npt.NDArray[np.float64]
"""``[artist, artist]``, symmetric; the diagonal is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRange:
    """Range and quantiles of the similarities of all pairs. NaN without a pair."""

    pairs: int
    least: float
    most: float
    median: float
    lower_quartile: float
    upper_quartile: float
    p5: float
    p95: float

    @property
    def span(self) -> float:
        """Largest minus smallest. Any stretching of the scale changes it, so it does not measure quality."""
        return self.most - self.least

    @property
    def iqr(self) -> float:
        """Interquartile range: upper minus lower quartile."""
        return self.upper_quartile - self.lower_quartile


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """How well similarity separates related from unrelated pairs. NaN where either kind is missing."""

    related: int
    unrelated: int
    auc: float
    """Probability that a related pair is more similar than an unrelated one; ties count half."""
    d_prime: float
    """Difference of the means in pooled standard deviations; NaN where neither varies."""
    related_median: float
    unrelated_median: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of related and unrelated pairs in the same bins."""

    edges: tuple[float, ...]
    related: tuple[int, ...]
    unrelated: tuple[int, ...]


def pairs_of(similarities: Square) -> Similarities:
    """Every pair of a square once, without the diagonal: ``[pair]``."""
    return similarities[np.triu_indices(len(similarities), k=1)]


def spread(values: Similarities) -> ValueRange:
    """Range and quantiles of ``[pair]`` similarities, NaN left out."""
    given = values[~np.isnan(values)]
    points = np.percentile(given, (0, 5, 25, 50, 75, 95, 100)) if given.size else np.full(7, np.nan)
    least, p5, lower, median, upper, p95, most = map(float, points)
    return ValueRange(
        pairs=int(given.size),
        least=least,
        most=most,
        median=median,
        lower_quartile=lower,
        upper_quartile=upper,
        p5=p5,
        p95=p95,
    )


SHUFFLES = 99
"""Shuffles that a spread is compared with: the highest of them is exceeded by chance once in a hundred times."""
SHUFFLED_ARTISTS = 300
"""Artists of which the spread and its shuffles are worked out; of more, the first of a seeded draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuffledSpread:
    """The standard deviation of artists' cosines beside that of artists made of tracks shuffled among them.

    The span, from the least to the most, would not do: noise has a wide one too.
    """

    artists: int
    """Of at least two tracks: the others would not change."""
    spread: float
    """Standard deviation over pairs of these artists, each the mean of its tracks; NaN below three."""
    highest: float
    """Of :data:`SHUFFLES` shuffles."""

    @property
    def above(self) -> float:
        """How much wider the artists' own cosines are: above 0 artists have a sound of their own, else none is told."""
        return self.spread - self.highest


def shuffled_spread(tracks: npt.NDArray[np.floating], owners: npt.NDArray[np.int64]) -> ShuffledSpread:
    """Compare the spread of artists' cosines with that of shuffles.

    Args:
        tracks: ``[track, dim]`` unit vectors.
        owners: ``[track]`` artist of each.
    """
    random = np.random.default_rng(SEED)
    names, counts = np.unique(owners, return_counts=True)
    chosen = random.permutation(names[counts > 1])[:SHUFFLED_ARTISTS]
    kept = np.isin(owners, chosen)
    own, artist = tracks[kept].astype(np.float64), np.unique(owners[kept], return_inverse=True)[1]
    if len(chosen) < 3:
        return ShuffledSpread(artists=len(chosen), spread=float("nan"), highest=float("nan"))
    spreads = [_spread(own[random.permutation(len(own))], artist) for _ in range(SHUFFLES)]
    return ShuffledSpread(artists=len(chosen), spread=_spread(own, artist), highest=max(spreads))


def _spread(tracks: npt.NDArray[np.float64], artist: npt.NDArray[np.int64]) -> float:
    """Spread of the cosines of means, rounded, so that artists which are all the same have the spread 0."""
    order = np.argsort(artist, kind="stable")
    starts = np.flatnonzero(np.diff(artist[order], prepend=-1))
    means = np.add.reduceat(tracks[order], starts, axis=0)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    units = means / np.where(lengths > 0, lengths, 1.0)
    return round(float(pairs_of(units @ units.T).std()), 9)


def separation(related: Similarities, unrelated: Similarities) -> Separation:
    """Compare ``[pair]`` similarities of related and unrelated pairs, NaN left out."""
    yes, no = (values[~np.isnan(values)] for values in (related, unrelated))
    both = bool(yes.size and no.size)
    return Separation(
        related=int(yes.size),
        unrelated=int(no.size),
        auc=auc(yes, no) if both else float("nan"),
        d_prime=_d_prime(yes, no) if both else float("nan"),
        related_median=float(np.median(yes)) if yes.size else float("nan"),
        unrelated_median=float(np.median(no)) if no.size else float("nan"),
    )


def auc(related: Similarities, unrelated: Similarities) -> float:
    """Area under the ROC curve. Both arrays need at least one pair.

    >>> auc(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    0.875
    """
    labels = np.concatenate([np.ones(related.size), np.zeros(unrelated.size)])
    return float(roc_auc_score(labels, np.concatenate([related, unrelated])))


def _d_prime(related: Similarities, unrelated: Similarities) -> float:
    pooled = float(np.sqrt((related.var() + unrelated.var()) / 2))
    return float(related.mean() - unrelated.mean()) / pooled if pooled > 0 else float("nan")


def hub_share(similarities: Square) -> float:
    """Share of the variance of all pairs that the model ``s_ij = m + h_i + h_j`` explains, in [0, 1].

    Near 1, similarities depend on each artist alone and tell nothing about the pair. The least-squares ``h`` over all
    pairs of n artists is ``sum_j (s_ij - m) / (n - 2)``. NaN below four artists, where the model always fits, and
    where all pairs are equal.

    Raises:
        InvalidArgument: a pair is NaN.
    """
    n = len(similarities)
    values = pairs_of(similarities)
    if np.isnan(values).any():
        raise InvalidArgument("similarities", "contain pairs without an opinion; leave those artists out")
    if n < 4 or np.ptp(values) == 0:
        return float("nan")
    centred = similarities - values.mean()
    effects = (centred.sum(axis=1) - np.diag(centred)) / (n - 2)
    fitted = pairs_of(effects[:, np.newaxis] + effects[np.newaxis, :])
    return float((fitted**2).sum() / ((values - values.mean()) ** 2).sum())


def histogram(related: Similarities, unrelated: Similarities, *, bins: int = 20) -> Histogram:
    """Counts in ``bins`` bins of equal width from the smallest to the largest value; over [0, 1] without values."""
    yes, no = (values[~np.isnan(values)] for values in (related, unrelated))
    every = np.concatenate([yes, no])
    low, high = (float(every.min()), float(every.max())) if every.size and np.ptp(every) > 0 else (0.0, 1.0)
    edges = np.linspace(low, high, bins + 1)
    counts = [tuple(np.histogram(values, bins=edges)[0].tolist()) for values in (yes, no)]
    return Histogram(edges=tuple(edges.tolist()), related=counts[0], unrelated=counts[1])
