"""Fits the weights of the four signals to graded pairs: logistic regression, with folds by artist.

Inputs are the strengths of the four signals. L2 with C = 1 on the slopes; no slope below 0. Silence is worth something
between nothing and a middling opinion of its signal: labels alone would often make an artist that nobody tagged better
than any tagged one. See docs/methods.md, "Learned weights".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit
from sklearn.model_selection import GroupKFold

from indexer.files.atomic import write_file
from recommender.errors import InvalidArgument
from recommender.fusion.learned_weights import FittedWeights, FoldScore, Provenance, to_json
from recommender.types import SIGNALS, Rows

FOLDS = 5
"""Folds by query artist that the fit is judged on."""
STRENGTH = 1.0
"""C of the regression: the inverse of the L2 penalty on the slopes."""
_MAX_STEPS = 500
_START = 0.1
"""Slope from which the search begins."""

Features: TypeAlias = npt.NDArray[np.float64]
"""``[pair, signal]`` strengths, at least 0, signals in the order of ``SIGNALS``; NaN means no opinion."""

Grades: TypeAlias = npt.NDArray[np.float64]
"""``[pair]`` grade of the labels: 0 for not related, up to the highest grade in the file."""

Numbers: TypeAlias = npt.NDArray[np.float64]
"""``[signal]`` or ``[pair]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Graded pairs as the regression reads them."""

    strengths: Features
    """``[pair, signal]``, 0 where there is no opinion."""
    silent: npt.NDArray[np.bool_]
    """``[pair, signal]``: there is none."""
    middling: Numbers
    """``[signal]`` median strength of the opinions above 0; 0 where there is none. What silence is worth at most."""

    @classmethod
    def of(cls, features: Features) -> Design:
        """From strengths with NaN."""
        silent = np.isnan(features)
        strengths = np.where(silent, 0.0, features)
        columns = [column[column > 0] for column in strengths.T]
        middling = np.array([float(np.median(column)) if column.size else 0.0 for column in columns])
        return cls(strengths=strengths, silent=silent, middling=middling)

    def take(self, rows: Rows) -> Design:
        """The pairs at ``rows``, with the middling strengths of all."""
        return Design(strengths=self.strengths[rows], silent=self.silent[rows], middling=self.middling)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """Fitted numbers of one regression."""

    intercept: float
    slopes: Numbers
    """``[signal]``, none below 0."""
    missing: Numbers
    """``[signal]`` from 0 to the slope times the middling strength."""

    def odds(self, design: Design) -> Numbers:
        """``[pair]`` log-odds."""
        effects = np.where(design.silent, self.missing, design.strengths * self.slopes)
        return np.asarray(self.intercept + effects.sum(axis=1), dtype=np.float64)


def fit(features: Features, grades: Grades, groups: Rows) -> FittedWeights:
    """Fit weights to graded pairs. The same pairs give the same weights.

    A grade counts as a share of a yes: 3 of 3 is a yes, 1 of 3 is a third of a yes and two thirds of a no. A signal
    that would need a negative slope, and so rank the less similar artist first, gets the slope 0, and ``refused`` names
    it. Pairs without any opinion are left out.

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
    design, shares, groups = Design.of(features[known]), shares[known], groups[known]
    queries = len(np.unique(groups))
    if queries < 2 or shares.min(initial=1.0) == shares.max(initial=1.0):
        raise InvalidArgument("labels", "need two artists or more with different grades and an opinion of a signal")
    fitted = regress(design, shares)
    if not fitted.slopes.any():
        raise InvalidArgument("labels", "no signal rises with the grades; check that a higher grade means more related")
    given = (~design.silent).sum(axis=0)
    folds = GroupKFold(n_splits=min(FOLDS, queries)).split(design.strengths, groups=groups)
    return FittedWeights(
        intercept=fitted.intercept,
        slopes=_four(fitted.slopes),
        missing=_four(fitted.missing),
        pairs_with_opinion=_four_counts(given),
        refused=tuple(
            signal
            for signal, slope, count in zip(SIGNALS, fitted.slopes, given, strict=True)
            if count and slope == 0 and design.middling[SIGNALS.index(signal)] > 0
        ),
        folds=tuple(_judge(design, shares, groups, fold) for fold in folds if np.ptp(shares[fold[0]]) > 0),
        queries=queries,
        pairs=len(shares),
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


def regress(design: Design, shares: Grades) -> Regression:
    """Minimise the log loss plus ``|slopes|^2 / (2 C)``, with slopes at least 0 and silence within its bounds.

    Silence is a share in [0, 1] of what a middling opinion is worth, so that its bound moves with the slope. The
    starting point and the steps are fixed, so the same pairs give the same weights.
    """
    count = len(SIGNALS)
    heard: npt.NDArray[np.bool_] = np.asarray(design.strengths.any(axis=0))

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        intercept, slopes, worth = parameters[0], parameters[1 : count + 1], parameters[count + 1 :]
        read = np.where(design.silent, worth * design.middling, design.strengths)
        odds = intercept + read @ slopes
        excess = expit(odds) - shares
        gradient = np.concatenate(
            [
                [excess.sum()],
                excess @ read + slopes / STRENGTH,
                (excess @ design.silent) * slopes * design.middling,
            ]
        )
        total = -(shares * log_expit(odds) + (1.0 - shares) * log_expit(-odds)).sum()
        return float(total + (slopes**2).sum() / (2.0 * STRENGTH)), gradient

    start = np.concatenate([[logit(shares.mean())], np.full(count, _START), np.full(count, 0.5)])
    limits = [(None, None), *((0.0, None if known else 0.0) for known in heard), *[(0.0, 1.0)] * count]
    start[1 : count + 1] *= heard
    options = {"maxiter": _MAX_STEPS, "ftol": 1e-12, "gtol": 1e-9}
    # The stubs ask for one-dimensional shapes, which numpy's own functions do not promise.
    found: Numbers = minimize(  # type: ignore[call-overload]
        loss, start, jac=True, method="L-BFGS-B", bounds=limits, options=options
    ).x
    slopes, worth = found[1 : count + 1], found[count + 1 :]
    return Regression(intercept=float(found[0]), slopes=slopes, missing=slopes * worth * design.middling)


def _judge(design: Design, shares: Grades, groups: Rows, fold: tuple[Rows, Rows]) -> FoldScore:
    """Fit on the pairs ``fold[0]`` and compute the log loss on the pairs ``fold[1]``."""
    train, test = fold
    fitted = regress(design.take(train), shares[train])
    chance = np.full(len(test), logit(shares[train].mean()))
    return FoldScore(
        queries=len(np.unique(groups[test])),
        pairs=len(test),
        log_loss=_log_loss(fitted.odds(design.take(test)), shares[test]),
        chance=_log_loss(chance, shares[test]),
    )


def _log_loss(odds: npt.NDArray[np.float64], shares: Grades) -> float:
    return float(-(shares * log_expit(odds) + (1.0 - shares) * log_expit(-odds)).mean())


def _four(numbers: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    audio, scene, genre, collaboration = (float(number) for number in numbers)
    return audio, scene, genre, collaboration


def _four_counts(numbers: npt.NDArray[np.integer]) -> tuple[int, int, int, int]:
    audio, scene, genre, collaboration = (int(number) for number in numbers)
    return audio, scene, genre, collaboration
