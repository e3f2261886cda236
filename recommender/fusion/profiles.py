"""Weight profiles: make one score of the opinions of four signals, some of which may be missing (NaN).

Two families. A table (``seed``) is a weighted mean of similarities; the weight of a missing signal goes to the others.
Log-odds (``evidence``, ``fitted``) add up how much each signal says for similarity; a missing one adds nothing, so that
little data does not raise a score (docs/methods.md, "Fusion").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from recommender.calibration.percentiles import log_odds
from recommender.errors import InvalidWeights, NotFound
from recommender.fusion.shapley import shapley
from recommender.types import SIGNALS, Opinions, Scale, Scores, SignalName

BASE = 0.25
"""Score of a pair of which nothing is known in ``evidence``: what an unrelated pair should have."""

SLOPES = (1.5, 1.0, 0.75, 0.375)
"""What ``evidence`` multiplies the strengths of audio, scene, genre and collaboration by, chosen on labels of a real
artist graph and on simulated catalogs together (docs/methods.md, "Fusion", says what each costs where)."""

GAIN = sum(SLOPES)
"""The sum of the slopes, which weights of a caller's own have too, so that their scores are comparable."""

_A, _S, _G, _C = SIGNALS
_ALL_FOUR = {_A: 0.3, _S: 0.3, _G: 0.2, _C: 0.2}
_SEED_TABLE = (
    _ALL_FOUR,
    {_A: 0.5, _G: 0.3, _C: 0.2},
    {_S: 0.5, _G: 0.3, _C: 0.2},
    {_G: 0.6, _C: 0.4},
)
"""Weights by the set of signals that have an opinion; for any other set the first row is renormalised."""


class WeightProfile(Protocol):
    """Makes one score of four opinions.

    For every profile: scores are in [0, 1], never fall when an opinion rises, and are NaN where no signal with a
    weight has an opinion; ``base`` plus the contributions is the score.
    """

    @property
    def name(self) -> str:
        """What a request calls it."""

    @property
    def scale(self) -> Scale:
        """The scale that the opinions must have."""

    @property
    def base(self) -> float:
        """The score without any opinion."""

    def score(self, opinions: Opinions) -> Scores:
        """Scores alone, fast enough for a whole catalog."""

    def weigh(self, opinions: Opinions) -> Opinions:
        """``[signal, artist]`` weights used; 0 where the signal has no opinion."""

    def attribute(self, opinions: Opinions) -> Opinions:
        """``[signal, artist]`` contributions, signed; for the rows that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """Scores of one seed with some artists, with the weights and contributions of the signals."""

    scores: Scores
    weights: Opinions
    """0 where the signal has no opinion."""
    contributions: Opinions
    """``base`` and these sum to the score; 0 where there is none."""
    base: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightTable:
    """Weights for each of the 16 sets of signals that may have an opinion. The score is the weighted mean."""

    name: str
    weights: npt.NDArray[np.float64]
    """``[set, signal]``; bit i of the set is signal i; a row sums to 1, or is all 0 when the set has no weight."""

    @property
    def scale(self) -> Scale:
        return Scale.VALUES

    @property
    def base(self) -> float:
        return 0.0

    def score(self, opinions: Opinions) -> Scores:
        weights = self.weigh(opinions)
        return np.where(weights.any(axis=0), _products(weights, opinions).sum(axis=0), np.nan)

    def weigh(self, opinions: Opinions) -> Opinions:
        pattern = (~np.isnan(opinions) * (1 << np.arange(len(SIGNALS)))[:, np.newaxis]).sum(axis=0)
        weights: Opinions = self.weights[pattern].T
        return weights

    def attribute(self, opinions: Opinions) -> Opinions:
        return _products(self.weigh(opinions), opinions)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOdds:
    """``sigmoid(intercept + sum of slope * opinion + sum of missing)``.

    The first sum is over the signals with an opinion, the second over those without. An opinion is a strength, or the
    log-odds of a percentile (:func:`log_odds`), by ``scale``.

    Raises:
        InvalidWeights: a slope is negative, all are 0, or a number is not finite.
    """

    name: str
    intercept: float
    slopes: tuple[float, float, float, float]
    """One a signal, none below 0: a higher opinion never lowers a score."""
    missing: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Log-odds added where each signal has no opinion; 0, unless learned from labels."""
    scale: Scale = Scale.STRENGTHS
    """Percentiles in weights that were learned by earlier releases."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.intercept, *self.slopes, *self.missing)):
            raise InvalidWeights("weights", f"of {self.name} hold a number that is not finite")
        if min(self.slopes) < 0 or not any(self.slopes):
            raise InvalidWeights("weights", f"of {self.name} are {self.slopes}; none below 0 and one above is needed")

    @property
    def base(self) -> float:
        return float(expit(self.intercept))

    def score(self, opinions: Opinions) -> Scores:
        return np.where(self._scored(opinions), expit(self.intercept + self._effects(opinions).sum(axis=0)), np.nan)

    def weigh(self, opinions: Opinions) -> Opinions:
        return np.where(np.isnan(opinions), 0.0, _column(self.slopes))

    def attribute(self, opinions: Opinions) -> Opinions:
        shares = shapley(self._effects(opinions), intercept=self.intercept)
        return np.where(self._scored(opinions), shares, 0.0)

    def _effects(self, opinions: Opinions) -> Opinions:
        """``[signal, artist]`` what each signal adds to the log-odds."""
        read = log_odds(opinions) if self.scale is Scale.PERCENTILES else opinions
        return np.where(np.isnan(opinions), _column(self.missing), _column(self.slopes) * read)

    def _scored(self, opinions: Opinions) -> npt.NDArray[np.bool_]:
        """``[artist]``: a signal with a weight has an opinion."""
        return np.asarray(self.weigh(opinions).any(axis=0))


def _column(numbers: tuple[float, ...]) -> npt.NDArray[np.float64]:
    return np.array(numbers)[:, np.newaxis]


def _products(weights: Opinions, opinions: Opinions) -> Opinions:
    return weights * np.where(np.isnan(opinions), 0.0, opinions)


def _bits(present: frozenset[SignalName]) -> int:
    return sum(1 << bit for bit, signal in enumerate(SIGNALS) if signal in present)


def _renormalised(weights: Mapping[SignalName, float]) -> npt.NDArray[np.float64]:
    table = np.zeros((1 << len(SIGNALS), len(SIGNALS)))
    for pattern in range(len(table)):
        row = np.array([weights.get(signal, 0.0) if pattern >> i & 1 else 0.0 for i, signal in enumerate(SIGNALS)])
        table[pattern] = row / row.sum() if row.sum() > 0 else 0.0
    return table


def seed_profile() -> WeightTable:
    """The table of fixed weights (docs/methods.md, "Fusion")."""
    table = _renormalised(_ALL_FOUR)
    for row in _SEED_TABLE:
        table[_bits(frozenset(row))] = [row.get(signal, 0.0) for signal in SIGNALS]
    return WeightTable(name="seed", weights=table)


def evidence_profile() -> LogOdds:
    """Strengths with the weights of the default, and nothing learned."""
    return LogOdds(name="evidence", intercept=float(logit(BASE)), slopes=SLOPES)


def custom_weights(weights: Mapping[SignalName, float]) -> LogOdds:
    """The default with one set of weights of the caller's own. Their scale does not matter.

    They are scaled to sum to :data:`GAIN` over all four signals, not over those that have an opinion on a pair.

    Raises:
        InvalidWeights: negative, not finite, or none above 0.

    >>> custom_weights({SignalName.AUDIO: 3.0, SignalName.GENRE: 1.0}).slopes
    (2.71875, 0.0, 0.90625, 0.0)
    """
    shares = _proportions(weights)
    audio, scene, genre, collaboration = (GAIN * shares.get(signal, 0.0) for signal in SIGNALS)
    return LogOdds(name="custom", intercept=float(logit(BASE)), slopes=(audio, scene, genre, collaboration))


def _proportions(weights: Mapping[SignalName, float]) -> dict[SignalName, float]:
    """Checked weights, scaled to sum to 1. Raises InvalidWeights."""
    for signal, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidWeights("weights", f"{signal.value} is {weight}; weights are finite and at least 0")
    total = sum(weights.values())
    if not (math.isfinite(total) and total > 0):
        raise InvalidWeights("weights", "sum to 0 or overflow; give at least one a moderate weight above 0")
    return {signal: weight / total for signal, weight in weights.items()}


PROFILES: Mapping[str, WeightProfile] = {"evidence": evidence_profile(), "seed": seed_profile()}
"""Profiles that any generation can answer; one with weights learned from labels adds those as ``fitted``."""

DEFAULT_PROFILE = "evidence"
"""The default (docs/decisions/0016-walked-scene.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightChoices:
    """What one generation lets a request choose from; by default what any can answer."""

    named: Mapping[str, WeightProfile] = field(default_factory=lambda: PROFILES)

    @property
    def default(self) -> WeightProfile:
        """What answers when nothing is chosen."""
        return self.named[DEFAULT_PROFILE]

    def custom(self, weights: Mapping[SignalName, float]) -> WeightProfile:
        """A profile with weights of the caller's own, on the scale of the default. Raises InvalidWeights."""
        return custom_weights(weights)


def find_profile(name: str, profiles: Mapping[str, WeightProfile] = PROFILES) -> WeightProfile:
    """The profile called ``name``. Raises NotFound that lists what there is."""
    if name not in profiles:
        raise NotFound("weight profile", name, f"there is {', '.join(sorted(profiles))}")
    return profiles[name]


def blend(opinions: Opinions, profile: WeightProfile) -> Blended:
    """Blend opinions and take each score apart: for the rows that are shown; ``profile.score`` ranks a catalog."""
    return Blended(
        scores=profile.score(opinions),
        weights=profile.weigh(opinions),
        contributions=profile.attribute(opinions),
        base=profile.base,
    )
