"""What a similarity is worth as a chance that two artists are kin: an isotonic fit, made without one of them. Pure.

The chance is of a pair with an artist the truth asks about. Source: reference/science.md 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold

from recommender.types import Rows, Similarities

FOLDS = 5
BINS = 10
"""Of equal width over [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Pairs that were given about the same chance."""

    predicted: float
    """Mean chance."""
    observed: float
    """Share that the truth lists."""
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How well chances read off similarities hold; NaN where there are no pairs of both kinds to learn from."""

    pairs: int
    ece: float
    """Expected calibration error: mean distance of chance and share over the bins, weighted by their pairs."""
    brier: float
    """Mean squared error of the chances."""
    base_brier: float
    """The same of one chance for all pairs: the share of kin."""
    bins: tuple[ReliabilityBin, ...]
    """Those that hold pairs, from the least chance to the greatest."""


def reliability(values: Similarities, kin: npt.NDArray[np.bool_], artist: Rows) -> Reliability:
    """Learn on four fifths of the artists that chance rises with similarity, ask the other fifth, five times.

    Args:
        values: ``[pair]`` similarities; pairs where they are NaN are left out.
        kin: ``[pair]`` whether the truth lists the pair.
        artist: ``[pair]`` one artist of the pair: all its pairs are in one fold.
    """
    given = ~np.isnan(values)
    values, answers, artist = values[given], kin[given].astype(np.float64), artist[given]
    if len(np.unique(artist)) < FOLDS or len(np.unique(answers)) < 2:
        nothing = float("nan")
        return Reliability(pairs=len(values), ece=nothing, brier=nothing, base_brier=nothing, bins=())
    chances = np.empty(len(values))
    for seen, unseen in GroupKFold(n_splits=FOLDS).split(values, groups=artist):
        model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(values[seen], answers[seen])
        chances[unseen] = model.predict(values[unseen])
    return judge(chances, answers)


def judge(chances: Similarities, answers: Similarities) -> Reliability:
    """Hold ``[pair]`` chances against ``[pair]`` answers of 0 and 1; at least one pair.

    >>> found = judge(np.array([0.25, 0.25, 0.85, 0.85]), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> round(found.ece, 9), round(found.brier, 9), found.base_brier
    (0.2, 0.1675, 0.1875)
    """
    place = np.minimum((chances * BINS).astype(np.int64), BINS - 1)
    bins = tuple(_bin(chances[place == number], answers[place == number]) for number in np.unique(place))
    return Reliability(
        pairs=len(chances),
        ece=sum(abs(each.predicted - each.observed) * each.pairs for each in bins) / len(chances),
        brier=float(((chances - answers) ** 2).mean()),
        base_brier=float(answers.var()),
        bins=bins,
    )


def _bin(chances: Similarities, answers: Similarities) -> ReliabilityBin:
    return ReliabilityBin(predicted=float(chances.mean()), observed=float(answers.mean()), pairs=len(chances))
