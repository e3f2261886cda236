"""Fits the weights of the four signals to graded pairs: logistic regression, with folds by artist.

Inputs are four log-odds of percentiles and four flags of missing opinions. L2 with C = 1; no slope below 0. See
docs/methods.md, "Learned weights".
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from indexer.files.atomic import write_file
from recommender.calibration.percentiles import log_odds
from recommender.errors import InvalidArgument
from recommender.fusion.learned_weights import FittedWeights, FoldScore, Provenance, to_json
from recommender.types import SIGNALS, Rows

FOLDS = 5
"""Folds by query artist that the fit is judged on."""
STRENGTH = 1.0
"""C of the regression: the inverse of the L2 penalty on the slopes."""
_MAX_STEPS = 1000

Features: TypeAlias = npt.NDArray[np.float64]
"""``[pair, signal]`` percentiles in [0, 1], signals in the order of ``SIGNALS``; NaN means no opinion."""

Grades: TypeAlias = npt.NDArray[np.float64]
"""``[pair]`` grade of the labels: 0 for not related, up to the highest grade in the file."""

Design: TypeAlias = npt.NDArray[np.float64]
"""``[pair, 8]``: log-odds of each signal's percentile (0 where it has no opinion), then 1 where it has no opinion."""


def fit(features: Features, grades: Grades, groups: Rows) -> FittedWeights:
    """Fit weights to graded pairs. The same pairs give the same weights.

    A grade counts as a share of a yes: 3 of 3 is a yes, 1 of 3 is a third of a yes and two thirds of a no. A signal
    with a negative slope would rank the less similar artist first: its slope is set to 0, the others are fitted again,
    and ``refused`` names it. Pairs without any opinion are left out.

    Args:
        features: ``[pair, 4]``.
        grades: ``[pair]``, none below 0.
        groups: ``[pair]`` row of the query artist; all its pairs are in one fold.

    Raises:
        InvalidArgument: shapes do not match, a grade is negative or not finite, all grades are equal, there are fewer
            than two artists, or no signal rises with the grades.
    """
    shares = _shares(features, grades, groups)
    known = ~np.isnan(features).all(axis=1)
    design, shares, groups = _design(features[known]), shares[known], groups[known]
    queries = len(np.unique(groups))
    if queries < 2 or shares.min(initial=1.0) == shares.max(initial=1.0):
        raise InvalidArgument("labels", "need two artists or more with different grades and an opinion of a signal")
    intercept, coefficients, refused = _rising(design, shares)
    folds = GroupKFold(n_splits=min(FOLDS, queries)).split(design, groups=groups)
    return FittedWeights(
        intercept=intercept,
        slopes=_four(coefficients[:4]),
        missing=_four(coefficients[4:]),
        pairs_with_opinion=_four_counts(design),
        refused=tuple(SIGNALS[place] for place in refused),
        folds=tuple(_judge(design, shares, groups, fold) for fold in folds if np.ptp(shares[fold[0]]) > 0),
        queries=queries,
        pairs=len(design),
    )


def save(path: Path, fitted: FittedWeights, provenance: Provenance) -> None:
    """Write a weights file atomically; ``recommender.fusion.learned_weights.load`` reads it."""
    write_file(path, [to_json(fitted, provenance).encode()])


def _shares(features: Features, grades: Grades, groups: Rows) -> Grades:
    """Grades ``[pair]`` as shares of the highest."""
    if features.ndim != 2 or features.shape[1] != len(SIGNALS) or not len(features) == len(grades) == len(groups):
        shapes = f"{features.shape}, {grades.shape}, {groups.shape}"
        raise InvalidArgument("labels", f"have shapes {shapes}; [pair, {len(SIGNALS)}], [pair], [pair] are needed")
    if not np.isfinite(grades).all() or grades.min(initial=0.0) < 0 or not grades.any():
        raise InvalidArgument("labels", "need finite grades, none below 0 and at least one above 0")
    return np.asarray(grades / grades.max(), dtype=np.float64)


def _design(features: Features) -> Design:
    missing = np.isnan(features)
    return np.hstack([np.where(missing, 0.0, log_odds(features)), missing])


def _rising(design: Design, shares: Grades) -> tuple[float, npt.NDArray[np.float64], tuple[int, ...]]:
    """Intercept, coefficients ``[8]`` with no slope below 0, and the signals whose slope had to be set to 0."""
    kept, refused = np.ones(design.shape[1], dtype=bool), []
    while True:
        intercept, coefficients = _regress(design * kept, shares)
        lowest = int(np.argmin(coefficients[: len(SIGNALS)]))
        if coefficients[lowest] >= 0:
            break
        kept[lowest] = False
        refused.append(lowest)
    if not coefficients[: len(SIGNALS)].any():
        raise InvalidArgument("labels", "no signal rises with the grades; check that a higher grade means more related")
    return intercept, coefficients, tuple(sorted(refused))


def _regress(design: Design, shares: Grades) -> tuple[float, npt.NDArray[np.float64]]:
    """Logistic regression on each pair twice, as a yes and as a no, weighted by its share of each."""
    answers = np.repeat([1, 0], len(design))
    weights = np.concatenate([shares, 1.0 - shares])
    used = weights > 0
    model = LogisticRegression(C=STRENGTH, max_iter=_MAX_STEPS)
    model.fit(np.vstack([design, design])[used], answers[used], sample_weight=weights[used])
    coefficients = np.where(design.any(axis=0), model.coef_[0], 0.0)
    return float(model.intercept_[0]), coefficients


def _judge(design: Design, shares: Grades, groups: Rows, fold: tuple[Rows, Rows]) -> FoldScore:
    """Fit on the pairs ``fold[0]`` and compute the log loss on the pairs ``fold[1]``."""
    train, test = fold
    intercept, coefficients, _ = _rising(design[train], shares[train])
    chance = np.full(len(test), logit(shares[train].mean()))
    return FoldScore(
        queries=len(np.unique(groups[test])),
        pairs=len(test),
        log_loss=_log_loss(intercept + design[test] @ coefficients, shares[test]),
        chance=_log_loss(chance, shares[test]),
    )


def _log_loss(odds: npt.NDArray[np.float64], shares: Grades) -> float:
    return float(-(shares * log_expit(odds) + (1.0 - shares) * log_expit(-odds)).mean())


def _four(numbers: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    audio, scene, genre, collaboration = (float(number) for number in numbers)
    return audio, scene, genre, collaboration


def _four_counts(design: Design) -> tuple[int, int, int, int]:
    audio, scene, genre, collaboration = (int(count) for count in (design[:, len(SIGNALS) :] == 0).sum(axis=0))
    return audio, scene, genre, collaboration
