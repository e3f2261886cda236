"""Puts the calibrated scores of several layers on one scale: their mean, its percentile, and how strong that is.

Scores of two layers differ in spread, so each is standardised by the scores of its reference pairs; the mean over the
layers, weighted by the mix, is z. A mix has no reference pairs of its own: its quantiles are the weighted mean of the
layers' standardised quantiles, as if a pair had the same rank in each. So a percentile of a mix is a little too near to
the middle where layers disagree, it never falls when z rises, and it is exact for one layer. No I/O.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.calibration.cohort import QUANTILES, Bundle, CalibratedLayer, CohortStats, Measured, Method
from recommender.calibration.jackknife import Matrix
from recommender.calibration.scores import inner_product_query, inner_product_rows, s_norm, scores
from recommender.types import LayerMix, Rows, Similarities

LEAST = 0.002
"""Least percentile that is told from lower ones."""
TAIL = 0.99
"""Above this percentile the quantiles are too few, and the tail is exponential."""
STRONG = 30.0
"""Odds that count as one doubling of the strength ``log(1 + odds / STRONG)`` (docs/methods.md, "Fusion")."""
_LEAST_SPREAD = 1e-9
"""Least standard deviation of the scores of reference pairs; below it they are all the same."""
_BLOCK = 1 << 16
"""Artists scored at once, to bound the memory of a scan."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLayer:
    """A layer of a mix whose bundle has reference pairs."""

    name: str
    share: float
    """Of all such layers of the mix."""
    calibrated: CalibratedLayer
    scale: LayerScale

    @property
    def method(self) -> Method:
        """Of its bundle."""
        return self.calibrated.bundle.method

    def scores(self, query: Measured, rows: Rows) -> Similarities:
        """Standardised scores of ``query`` with the artists at ``rows``."""
        return self.scale.standardise(scores(self.calibrated.bundle, query, self.calibrated.artists, rows))


def measured_layers(mix: LayerMix, calibrated: Mapping[str, CalibratedLayer]) -> tuple[MeasuredLayer, ...]:
    """The layers of ``mix`` whose bundle has reference pairs; their shares are scaled to sum to 1."""
    able = {
        name: weight
        for name, weight in mix.items()
        if weight > 0 and name in calibrated and calibrated[name].bundle.quantiles.size
    }
    return tuple(
        MeasuredLayer(
            name=name,
            share=weight / sum(able.values()),
            calibrated=calibrated[name],
            scale=LayerScale.of(calibrated[name].bundle),
        )
        for name, weight in able.items()
    )


def mean_scores(layers: Sequence[MeasuredLayer], queries: Sequence[Mapping[str, Measured]], rows: Rows) -> Matrix:
    """z ``[query, row]``: mean over ``layers`` of the standardised scores of each query with the artists at ``rows``.

    NaN for an artist that could not be measured in a layer. A z is the same to the bit whichever others are asked for:
    each cosine and each sum is its own.

    Args:
        layers: at least one.
        queries: layer -> the query as its bundle measures it.
        rows: of the index.
    """
    found = np.empty((len(queries), len(rows)))
    score = _mean_one_by_one if any(layer.method is Method.MP for layer in layers) else _mean_together
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        found[:, block] = score(layers, queries, rows[block])
    return found


def _mean_one_by_one(layers: Sequence[MeasuredLayer], queries: Sequence[Mapping[str, Measured]], rows: Rows) -> Matrix:
    return np.stack(
        [
            functools.reduce(np.add, [layer.share * layer.scores(query[layer.name], rows) for layer in layers])
            for query in queries
        ]
    )


def _mean_together(layers: Sequence[MeasuredLayer], queries: Sequence[Mapping[str, Measured]], rows: Rows) -> Matrix:
    """The same by one formula for all layers and queries: with few artists most of the time goes into calls."""
    shape = (len(layers), len(queries), len(rows))
    found, x, y = np.empty(shape), np.empty((2, *shape[:2], 1)), np.empty((2, shape[0], 1, shape[2]))
    for number, layer in enumerate(layers):
        artists = layer.calibrated.artists
        vectors = artists.vectors[rows]
        y[0, number, 0], y[1, number, 0] = artists.mean[rows], artists.sd[rows]
        for place, query in enumerate(queries):
            one = query[layer.name]
            found[number, place] = np.einsum("ij,j->i", vectors, one.vector)
            x[0, number, place, 0], x[1, number, place, 0] = one.mean, one.sd
    scored = s_norm(np.clip(found, -1.0, 1.0), CohortStats(mean=x[0], sd=x[1]), CohortStats(mean=y[0], sd=y[1]))
    means, sds, shares = (
        np.array(numbers)[:, np.newaxis, np.newaxis]
        for numbers in zip(*((layer.scale.mean, layer.scale.sd, layer.share) for layer in layers), strict=True)
    )
    # Added one layer after another: the last bit must not depend on how many artists are asked for.
    return functools.reduce(np.add, (scored - means) / sds * shares)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixScale:
    """The distribution of z, the mean standardised score, over reference pairs."""

    quantiles: Matrix
    """``[2001]`` rising."""
    pairs: int
    """Reference pairs, of the layer that has fewest."""

    @classmethod
    def of(cls, layers: Sequence[MeasuredLayer]) -> MixScale:
        """The scale of at least one layer; shares sum to 1."""
        bundles = [layer.calibrated.bundle for layer in layers]
        parts = [
            layer.share * layer.scale.standardise(bundle.quantiles)
            for layer, bundle in zip(layers, bundles, strict=True)
        ]
        quantiles = np.sum(parts, axis=0)
        members = min(len(bundle.cohort_ids) for bundle in bundles)
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


def mix_rows(layers: Sequence[MeasuredLayer], rows: Rows) -> npt.NDArray[np.float32]:
    """Rows ``[artist, sum of (2 r + 1)]`` whose inner products with a :class:`MixQuery` have the order of z.

    An artist that a bundle could not measure becomes 0 in that layer, near to no artist. Not for the method MP, whose
    score is no inner product.

    Args:
        layers: of :func:`measured_layers`.
        rows: of the index.
    """
    parts = [layer.share / layer.scale.sd * inner_product_rows(layer.calibrated.artists.take(rows)) for layer in layers]
    return np.nan_to_num(np.hstack(parts), copy=False).astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixQuery:
    """An artist to search :func:`mix_rows` with."""

    vector: npt.NDArray[np.float32]
    """``[sum of (2 r + 1)]``; not finite for an artist that was not measured."""
    offset: float
    """What an inner product has above twice the mean standardised score."""

    @classmethod
    def of(cls, layers: Sequence[MeasuredLayer], row: int) -> MixQuery:
        """The artist at ``row`` of the index."""
        measured = [layer.calibrated.artists.at(row) for layer in layers]
        shift = sum(
            layer.share / layer.scale.sd * (one.mean / one.sd + 2.0 * layer.scale.mean)
            for layer, one in zip(layers, measured, strict=True)
        )
        return cls(vector=np.concatenate([inner_product_query(one) for one in measured]), offset=float(shift))

    def z(self, products: Similarities) -> Similarities:
        """Mean standardised scores of inner products with :func:`mix_rows`."""
        return np.asarray(0.5 * (products - self.offset), dtype=np.float64)
