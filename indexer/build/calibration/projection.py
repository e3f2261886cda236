"""Projection of track vectors: principal components, then whitening by how the tracks of one artist vary (WCCN)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.blas import dsyrk

from recommender.calibration.jackknife import Matrix
from recommender.errors import InvalidArgument
from recommender.types import Rows

COMPONENTS = 128
"""Maximum principal components of a projection."""
TRACKS_PER_COMPONENT = 5
"""Minimum reference tracks per component: with fewer, the covariance of the components is mostly noise."""
SHRINKAGE = 0.1
"""Rho: share of the within-artist covariance that is replaced by equal variance in all directions."""
_NO_VARIANCE = 1e-12
"""Directions with a smaller eigenvalue, relative to the largest one, contain only rounding errors."""
BLOCK = 1 << 9
"""Tracks processed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whitened:
    """The result of whitening."""

    projection: Matrix
    """``[dim, r]``"""
    tracks: Matrix
    """``[track, r]`` the reference tracks, projected and of length 1; NaN for a track of length 0."""


def whitening(centred: Iterable[Matrix], artist: Rows) -> Whitened:
    """Projection onto r principal components, after which the tracks of an artist vary equally in all directions.

    ``r = min(128, tracks // 5)``, and at most the number of directions with variance. The within-artist covariance S is
    shrunk to ``(1 - rho) S + rho trace(S) / r I``, and the components are multiplied by its inverse square root (WCCN).

    Args:
        centred: ``[track, dim]`` unit vectors minus their mean, in parts; iterated twice.
        artist: ``[track]`` row of the artist.

    Raises:
        InvalidArgument: the tracks of each artist are equal, so that there is no variance to learn from.
    """
    components = main_components(centred, count=min(COMPONENTS, len(artist) // TRACKS_PER_COMPONENT))
    projected = np.empty((len(artist), components.shape[1]))
    start = 0
    for part in centred:
        projected[start : start + len(part)] = part @ components
        start += len(part)
    mean_variance = float(np.mean([column.var() for column in projected.T]))
    means = artist_means(projected, artist)
    # In place, and the means are added again below: a second array of this size would double the memory.
    for first, last in parts(len(artist)):
        projected[first:last] -= means[artist[first:last]]
    # Pooled within-artist covariance; each artist's mean takes one degree of freedom.
    covariance = projected.T @ projected / (len(projected) - len(means))
    variance = float(np.trace(covariance)) / len(covariance)
    if not variance > _NO_VARIANCE * mean_variance:
        raise InvalidArgument("reference", "the tracks of each artist are the same; give each artist different music")
    # Shrinkage towards the identity bounds the inverse: directions with hardly any variance would otherwise dominate.
    shrunk = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * variance * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(shrunk)
    # The symmetric inverse root S^(-1/2) of the shrunk covariance.
    inverse_root = (vectors / np.sqrt(values)) @ vectors.T
    for first, last in parts(len(artist)):
        part = (projected[first:last] + means[artist[first:last]]) @ inverse_root
        with np.errstate(invalid="ignore"):
            projected[first:last] = part / np.sqrt(np.einsum("ij,ij->i", part, part))[:, np.newaxis]
    return Whitened(projection=components @ inverse_root, tracks=projected)


def main_components(centred: Iterable[Matrix], *, count: int) -> Matrix:
    """The ``count`` principal components, ``[dim, r]``, largest variance first.

    The largest number of each is made positive, because the sign of an eigenvector is arbitrary.

    ``centred``: ``[track, dim]`` minus their mean, in parts; at least one. Raises InvalidArgument when all are equal.
    """
    covariance, rows = _gram(centred)
    covariance /= rows
    first = max(len(covariance) - count, 0)
    values, vectors = eigh(covariance, subset_by_index=(first, len(covariance) - 1), overwrite_a=True)
    kept = np.flatnonzero(values > _NO_VARIANCE * max(float(values[-1]), _NO_VARIANCE))[::-1][:count]
    if not kept.size:
        raise InvalidArgument("reference", "all track vectors are the same; check the encoder")
    chosen = vectors[:, kept]
    largest = np.abs(chosen).argmax(axis=0)
    return np.asarray(chosen * np.sign(chosen[largest, np.arange(kept.size)]), dtype=np.float64)


def _gram(parts: Iterable[Matrix]) -> tuple[Matrix, int]:
    """Lower half of the Gram matrix ``[dim, dim]`` of all rows (``eigh`` reads no more), and the number of rows.

    BLAS dsyrk adds each part in place: numpy would mirror and copy the matrix for each part, a seventh of the time.
    """
    gram, rows = None, 0
    for part in parts:
        if gram is None:
            gram = np.zeros((part.shape[1],) * 2, order="F")
        gram = dsyrk(1.0, part.T, beta=1.0, c=gram, lower=True, overwrite_c=True)
        rows += len(part)
    return np.zeros((0, 0)) if gram is None else gram, rows


def artist_means(projected: Matrix, artist: Rows) -> Matrix:
    """Mean of the tracks of each artist, ``[artist, r]``, not scaled."""
    order = np.argsort(artist, kind="stable")
    counts = np.bincount(artist)
    sums = np.add.reduceat(projected[order], np.cumsum(counts) - counts, axis=0)
    return np.asarray(sums / counts[:, np.newaxis], dtype=np.float64)


def parts(count: int, size: int = BLOCK) -> Iterator[tuple[int, int]]:
    """Ranges (start, stop) of ``count`` rows, of ``size`` each.

    >>> list(parts(5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    return ((start, min(start + size, count)) for start in range(0, count, size))
