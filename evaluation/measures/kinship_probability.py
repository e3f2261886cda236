"""Probability that two artists are related, read off their similarity by isotonic regression, and its error. Pure.

The probability is that of a pair with a query of the truth. Each pair is predicted by a fit that has not seen one of
its two artists. See docs/methods.md, "Evaluation measures".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold

from recommender.types import Rows, Similarities

FOLDS = 5
"""By artist: a fit learns from four fifths of the artists and predicts the pairs of the others."""
BINS = 10
"""Bins of equal width over [0, 1], for the expected calibration error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Pairs with about the same predicted probability."""

    predicted: float
    """Mean predicted probability."""
    observed: float
    """Share of the pairs that the truth lists."""
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Errors of the predicted probabilities; NaN where there are no related and unrelated pairs to learn from."""

    pairs: int
    ece: float
    """Expected calibration error: mean of |predicted - observed| over the bins, weighted by their pairs."""
    brier: float
    """Mean squared error of the probabilities (Brier 1950)."""
    base_brier: float
    """Brier score of one probability for all pairs: the share of related pairs."""
    bins: tuple[ReliabilityBin, ...]
    """Bins with at least one pair, by rising probability."""


def reliability(values: Similarities, related: npt.NDArray[np.bool_], artist: Rows) -> Reliability:
    """Fit a rising probability on four fifths of the artists and predict the pairs of the other fifth, five times.

    Args:
        values: ``[pair]`` similarities; pairs where they are NaN are left out.
        related: ``[pair]`` whether the truth lists the pair.
        artist: ``[pair]`` one artist of the pair; all its pairs are in one fold.
    """
    given = ~np.isnan(values)
    values, answers, artist = values[given], related[given].astype(np.float64), artist[given]
    if len(np.unique(artist)) < FOLDS or len(np.unique(answers)) < 2:
        nothing = float("nan")
        return Reliability(pairs=len(values), ece=nothing, brier=nothing, base_brier=nothing, bins=())
    probabilities = np.empty(len(values))
    for train, test in GroupKFold(n_splits=FOLDS).split(values, groups=artist):
        model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(values[train], answers[train])
        probabilities[test] = model.predict(values[test])
    return judge(probabilities, answers)


def judge(probabilities: Similarities, answers: Similarities) -> Reliability:
    """Errors of ``[pair]`` probabilities for ``[pair]`` answers of 0 and 1; at least one pair.

    >>> result = judge(np.array([0.25, 0.25, 0.85, 0.85]), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> round(result.ece, 9), round(result.brier, 9), result.base_brier
    (0.2, 0.1675, 0.1875)
    """
    index = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    bins = tuple(_bin(probabilities[index == number], answers[index == number]) for number in np.unique(index))
    return Reliability(
        pairs=len(probabilities),
        ece=sum(abs(each.predicted - each.observed) * each.pairs for each in bins) / len(probabilities),
        brier=float(((probabilities - answers) ** 2).mean()),
        base_brier=float(answers.var()),
        bins=bins,
    )


def _bin(probabilities: Similarities, answers: Similarities) -> ReliabilityBin:
    return ReliabilityBin(
        predicted=float(probabilities.mean()), observed=float(answers.mean()), pairs=len(probabilities)
    )
