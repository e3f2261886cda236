"""Two measured artists compared: a cosine, read against the cohort, put on a scale from 0 to 1. Pure.

The score ranks; the similarity is the same order on a scale that a reader can hold on to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from recommender.calibration.cohort import PLAIN, QUANTILES, ArtistStats, Bundle, CohortStats, Measured, Method
from recommender.calibration.jackknife import Matrix
from recommender.types import Similarities, Vectors

INTERVAL_WIDTH = 1.6448536269514722
"""Standard errors on each side of a cosine: 90 % of a normal distribution."""

_SHARES = np.linspace(0.0, 1.0, QUANTILES)


def s_norm(cosines: Similarities, x: CohortStats, y: CohortStats) -> Similarities:
    """Symmetric z-score: how many standard deviations more alike two artists are than either is to the cohort.

    ``z = ((s - mean_x) / sd_x + (s - mean_y) / sd_y) / 2`` (S-norm of speaker verification).
    """
    return np.asarray(0.5 * ((cosines - x.mean) / x.sd + (cosines - y.mean) / y.sd), dtype=np.float64)


def mutual_proximity(cosines: Similarities, x: CohortStats, y: CohortStats) -> Similarities:
    """Gaussian mutual proximity in [0, 1]: chance that a cohort artist is less like x, times the same for y."""
    return np.asarray(ndtr((cosines - x.mean) / x.sd) * ndtr((cosines - y.mean) / y.sd), dtype=np.float64)


def score_cosines(method: Method, cosines: Similarities, x: CohortStats, y: CohortStats) -> Similarities:
    """Cosines of pairs, in any shape, as scores by ``method``: higher is more alike, symmetric, NaN stays NaN.

    One formula serves all but MP: raw and centre stand at mean 0 and sd 1, where z is the cosine; CSLS stands at its
    local mean with sd 1, where z is half of ``2 s - r_x - r_y``.
    """
    return mutual_proximity(cosines, x, y) if method is Method.MP else s_norm(cosines, x, y)


def scores(bundle: Bundle, query: Measured, artists: ArtistStats) -> Similarities:
    """Score ``[artist]`` of every artist with ``query``.

    Exact: the score of a pair does not depend on which end asks, nor on who else is in ``artists``.
    """
    return score_cosines(bundle.method, cosines(artists.vectors, query.vector), query.standing, artists.standing)


def scores_between(bundle: Bundle, queries: ArtistStats, artists: ArtistStats) -> Matrix:
    """Scores ``[query, artist]`` in one matrix product: for statistics, as its last bits depend on the whole."""
    products = queries.vectors.astype(np.float64) @ artists.vectors.astype(np.float64).T
    asking = CohortStats(mean=queries.mean[:, np.newaxis], sd=queries.sd[:, np.newaxis])
    return score_cosines(bundle.method, np.clip(products, -1.0, 1.0), asking, artists.standing)


def similarities(bundle: Bundle, query: Measured, artists: ArtistStats, *, own_row: int | None = None) -> Similarities:
    """Similarity ``[artist]`` in [0, 1] of every artist with ``query``; 1 at ``own_row``, the row of ``query``."""
    shown = display(bundle, scores(bundle, query, artists))
    if own_row is not None:
        shown[own_row] = 1.0
    return shown


def cosines(vectors: Vectors, query: npt.NDArray[np.floating]) -> Similarities:
    """Cosines ``[item]`` of unit ``vectors`` ``[item, r]`` with a unit ``query`` ``[r]``, within [-1, 1].

    Each row is multiplied and summed by itself, so that its cosine is the same wherever the row stands; in a BLAS
    product the last bit would depend on that. In float32: a seventh of the time, and an error of about 1e-7.
    """
    found: Similarities = np.einsum("ij,j->i", vectors, query.astype(np.float32)).astype(np.float64)
    return np.clip(found, -1.0, 1.0)


def percentile(bundle: Bundle, found: Similarities) -> Similarities:
    """F: share of cohort pairs that score less, in [0, 1]; NaN stays NaN, and all is NaN when there was no pair."""
    if not bundle.quantiles.size:
        return np.full(np.shape(found), np.nan)
    return np.asarray(np.interp(found, bundle.quantiles, _SHARES), dtype=np.float64)


def display(bundle: Bundle, found: Similarities) -> Similarities:
    """Scores -> similarities in [0, 1], rising with the score; NaN stays NaN.

    The pipeline and CSLS show ``F(z)^2``: the chance that two random pairs are both less alike. MP is a probability
    already. Raw and centre show the positive part of the cosine.
    """
    if bundle.method in PLAIN:
        return np.clip(found, 0.0, 1.0)
    return np.clip(found, 0.0, 1.0) if bundle.method is Method.MP else percentile(bundle, found) ** 2


def interval(bundle: Bundle, a: Measured, b: Measured) -> tuple[float, float]:
    """Similarity of a pair at both ends of the 90 % interval of its cosine; NaN when either has one track.

    The two artists' standard errors are added as independent.
    """
    error = INTERVAL_WIDTH * float(np.hypot(a.evidence.standard_error, b.evidence.standard_error))
    (cosine,) = cosines(a.vector[np.newaxis], b.vector)
    ends = np.clip(np.array([cosine - error, cosine + error]), -1.0, 1.0)
    low, high = display(bundle, score_cosines(bundle.method, ends, a.standing, b.standing))
    return float(low), float(high)


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


def z_of_inner_product(products: Similarities, query: Measured) -> Similarities:
    """Inner products found with :func:`inner_product_query` -> z."""
    return np.asarray(0.5 * (products - query.mean / query.sd), dtype=np.float64)
