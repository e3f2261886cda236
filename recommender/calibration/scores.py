"""Compares two measured artists: their cosine becomes a score relative to the cohort, and a similarity in [0, 1].

The score ranks. The similarity has the same order on a scale that can be shown to a reader. No I/O. Formulas and
sources: docs/methods.md, "Calibration".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from recommender.calibration.cohort import PLAIN, QUANTILES, ArtistStats, Bundle, CohortStats, Measured, Method
from recommender.calibration.jackknife import Matrix
from recommender.types import Rows, Similarities, Vectors

INTERVAL_WIDTH = 1.6448536269514722
"""Standard errors on each side of a cosine: 90 % of a normal distribution."""

_SHARES = np.linspace(0.0, 1.0, QUANTILES)


def s_norm(cosines: Similarities, x: CohortStats, y: CohortStats) -> Similarities:
    """Symmetric z-score: how many standard deviations more alike two artists are than either is to the cohort.

    ``z = ((s - mean_x) / sd_x + (s - mean_y) / sd_y) / 2``: the S-norm of speaker verification (Kenny 2010).
    """
    return np.asarray(0.5 * ((cosines - x.mean) / x.sd + (cosines - y.mean) / y.sd), dtype=np.float64)


def mutual_proximity(cosines: Similarities, x: CohortStats, y: CohortStats) -> Similarities:
    """Gaussian mutual proximity in [0, 1] (Schnitzer et al. 2012).

    The chance that a cohort artist is less like x, times the same for y.
    """
    return np.asarray(ndtr((cosines - x.mean) / x.sd) * ndtr((cosines - y.mean) / y.sd), dtype=np.float64)


def score_cosines(method: Method, cosines: Similarities, x: CohortStats, y: CohortStats) -> Similarities:
    """Cosines of pairs, in any shape, as scores by ``method``: higher is more alike, symmetric, NaN stays NaN."""
    # One formula serves all but MP: raw and centre have mean 0 and sd 1, where z is the cosine; CSLS has its local
    # mean and sd 1, where z is half of ``2 s - r_x - r_y``.
    return mutual_proximity(cosines, x, y) if method is Method.MP else s_norm(cosines, x, y)


def scores(bundle: Bundle, query: Measured, artists: ArtistStats, rows: Rows | None = None) -> Similarities:
    """Score ``[artist]`` of ``query`` with every one of ``artists``, or with those at ``rows``.

    Exact: the score of a pair depends neither on which of the two is the query, nor on the other artists.
    """
    chosen = slice(None) if rows is None else rows
    x = CohortStats(mean=query.mean, sd=query.sd)
    y = CohortStats(mean=artists.mean[chosen], sd=artists.sd[chosen])
    return score_cosines(bundle.method, cosines(artists.vectors[chosen], query.vector), x, y)


def scores_between(bundle: Bundle, queries: ArtistStats, artists: ArtistStats) -> Matrix:
    """Scores ``[query, artist]`` in one matrix product: for statistics, as its last bits depend on the whole."""
    products = queries.vectors.astype(np.float64) @ artists.vectors.astype(np.float64).T
    x = CohortStats(mean=queries.mean[:, np.newaxis], sd=queries.sd[:, np.newaxis])
    y = CohortStats(mean=artists.mean, sd=artists.sd)
    return score_cosines(bundle.method, np.clip(products, -1.0, 1.0), x, y)


def cosines(vectors: Vectors, query: npt.NDArray[np.floating]) -> Similarities:
    """Cosines ``[item]`` of unit ``vectors`` ``[item, r]`` with a unit ``query`` ``[r]``, within [-1, 1]."""
    # Each row is multiplied and summed by itself, so that its cosine is the same whatever row it is in; in a BLAS
    # product the last bit would depend on that. In float32: a seventh of the time, and an error of about 1e-7.
    products: Similarities = np.einsum("ij,j->i", vectors, query.astype(np.float32)).astype(np.float64)
    return np.clip(products, -1.0, 1.0)


def percentile(bundle: Bundle, scores: Similarities) -> Similarities:
    """F: share of cohort pairs that score less, in [0, 1]; NaN stays NaN, and all is NaN when there was no pair."""
    if not bundle.quantiles.size:
        return np.full(np.shape(scores), np.nan)
    return np.asarray(np.interp(scores, bundle.quantiles, _SHARES), dtype=np.float64)


def display(bundle: Bundle, scores: Similarities) -> Similarities:
    """Scores -> similarities in [0, 1], monotone; NaN stays NaN.

    The pipeline and CSLS show ``F(z)^2``: the chance that two random pairs are both less alike. MP is a probability
    already. Raw and centre show the positive part of the cosine.
    """
    if bundle.method in PLAIN or bundle.method is Method.MP:
        return np.clip(scores, 0.0, 1.0)
    return percentile(bundle, scores) ** 2


def inner_product_rows(artists: ArtistStats) -> npt.NDArray[np.float32]:
    """Rows ``[artist, 2 r + 1]`` to search by largest inner product: ``[y, y / sd, -mean / sd]``.

    With ``q`` of :func:`inner_product_query`: ``z = (q . row - mean_x / sd_x) / 2``, so the order by inner product is
    the order by z. Not for MP, which is no inner product.
    """
    scale = artists.sd[:, np.newaxis]
    last = -artists.mean[:, np.newaxis] / scale
    return np.hstack([artists.vectors, artists.vectors / scale, last]).astype(np.float32)


def inner_product_query(query: Measured) -> npt.NDArray[np.float32]:
    """The query ``[2 r + 1]`` for :func:`inner_product_rows`: ``[x / sd, x, 1]``."""
    return np.concatenate([query.vector / query.sd, query.vector, [1.0]]).astype(np.float32)
