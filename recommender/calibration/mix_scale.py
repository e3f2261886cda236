"""Puts the calibrated scores of several layers on one scale: their mean, its percentile, and how strong that is.

Scores of two layers differ in spread, so each is standardised by the scores of its reference pairs; the mean over the
layers, weighted by the mix, is z. A mix has no reference pairs of its own: its quantiles are the weighted mean of the
layers' standardised quantiles, as if a pair had the same rank in each. So a percentile of a mix is a little too near to
the middle where layers disagree, it never falls when z rises, and it is exact for one layer. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.calibration.cohort import QUANTILES, Bundle
from recommender.calibration.jackknife import Matrix
from recommender.types import Similarities

LEAST = 0.002
"""Least percentile that is told from lower ones."""
TAIL = 0.99
"""Above this percentile the quantiles are too few, and the tail is exponential."""
STRONG = 30.0
"""Odds that count as one doubling of the strength ``log(1 + odds / STRONG)`` (docs/methods.md, "Fusion")."""
_LEAST_SPREAD = 1e-9
"""Least standard deviation of the scores of reference pairs; below it they are all the same."""
_SHARES = np.linspace(0.0, 1.0, QUANTILES)
_TAIL_START = round(TAIL * (QUANTILES - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerScale:
    """Mean and standard deviation of the scores of a layer's reference pairs."""

    mean: float
    sd: float

    @classmethod
    def of(cls, bundle: Bundle) -> LayerScale:
        """From the quantiles of ``bundle``, which must have some."""
        return cls(mean=float(bundle.quantiles.mean()), sd=max(float(bundle.quantiles.std()), _LEAST_SPREAD))

    def standardise(self, scores: Similarities) -> Similarities:
        """``scores`` in standard deviations above the mean of reference pairs."""
        return np.asarray((scores - self.mean) / self.sd, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixScale:
    """The distribution of z, the mean standardised score, over reference pairs."""

    quantiles: Matrix
    """``[2001]`` rising."""
    pairs: int
    """Reference pairs, of the layer that has fewest."""

    @classmethod
    def of(cls, bundles: Sequence[tuple[float, Bundle]]) -> MixScale:
        """The scale of (share, bundle) of each layer; shares sum to 1, every bundle has quantiles."""
        scales = [(share, bundle, LayerScale.of(bundle)) for share, bundle in bundles]
        quantiles = np.sum([share * scale.standardise(bundle.quantiles) for share, bundle, scale in scales], axis=0)
        members = min(len(bundle.cohort_ids) for _, bundle in bundles)
        return cls(quantiles=quantiles, pairs=max(members * (members - 1) // 2, 1))

    def percentile(self, z: Similarities) -> Similarities:
        """F: share of reference pairs with a smaller z, in [0, 1]; NaN stays NaN."""
        return np.asarray(np.interp(z, self.quantiles, _SHARES), dtype=np.float64)

    def strength(self, z: Similarities) -> Similarities:
        """``log(1 + odds / 30)`` with the odds ``F / (1 - F)``, at least 0; never falling in z; NaN stays NaN.

        Above the 99th percentile ``1 - F = .01 exp(-(z - q99) / b)`` with b the mean excess over q99, so that the
        order among the most alike counts. ``n`` reference pairs cannot tell a smaller share than 1 / (n + 1), so
        ``1 - F`` is smoothed towards 1 by one pair.
        """
        edge = float(self.quantiles[_TAIL_START])
        excess = max(float(self.quantiles[_TAIL_START:].mean()) - edge, _LEAST_SPREAD)
        above = np.maximum(z - edge, 0.0)
        tail = (1.0 - TAIL) * np.exp(-above / excess)
        survival = np.where(z > edge, tail, 1.0 - np.clip(self.percentile(z), LEAST, TAIL))
        smoothed = (self.pairs * survival + 1.0) / (self.pairs + 1.0)
        return np.asarray(np.where(np.isnan(z), np.nan, np.log1p((1.0 / smoothed - 1.0) / STRONG)), dtype=np.float64)

    @property
    def strongest(self) -> float:
        """The strength that no pair exceeds: that of an artist with itself."""
        return float(np.log1p(self.pairs / STRONG))


def uncalibrated_strength(cosines: Similarities) -> Similarities:
    """The strength of a pair without calibration: that of a percentile as large as its cosine; NaN stays NaN."""
    shares = np.clip(cosines, 0.0, 1.0 - LEAST)
    return np.asarray(np.log1p(shares / (1.0 - shares) / STRONG), dtype=np.float64)
