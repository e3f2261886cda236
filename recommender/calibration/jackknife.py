"""How reliable an artist's vector is: the jackknife standard error of its cosines, leaving out one track at a time.

No I/O. Formula: Efron and Tibshirani 1993, chapter 11; docs/methods.md, "Jackknife".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.float64]
"""``[track, dim]`` or ``[direction, dim]``."""

LOW_EVIDENCE_TRACKS = 1
"""An artist with this many tracks or fewer has low evidence: no standard error can be computed."""
_NO_LENGTH = 1e-12
"""Length below which a mean has no direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorReliability:
    """How much audio an artist's vector is made of, and how much it would change with other tracks."""

    tracks: int
    coherence: float
    """Length of the mean of the tracks' unit vectors, in (0, 1]; 1 when all tracks point the same way."""
    standard_error: float
    """Of the artist's cosine with an artist of the cohort (root mean square over the cohort); NaN for one track."""


def standard_error_of_pair(a: Matrix, b: Matrix) -> float:
    """Jackknife standard error of the cosine between two artists, each the mean of its unit tracks ``[track, dim]``.

    Each artist's tracks are left out in turn while the other artist stays; the two variances add up. NaN when an
    artist has one track.
    """
    return float(np.hypot(jackknife_se(a, direction(b)[np.newaxis]), jackknife_se(b, direction(a)[np.newaxis])))


def jackknife_se(tracks: Matrix, directions: Matrix) -> float:
    """Jackknife standard error of an artist's cosines with ``directions`` ``[direction, dim]``, root mean square.

    For one direction: ``sqrt((n - 1) / n * sum((c_t - mean(c))^2))``, where ``c_t`` is the cosine without track t
    (Efron and Tibshirani 1993, chapter 11). NaN for one track, for no direction, and where the tracks that are left
    cancel one another.
    """
    n = len(tracks)
    if n < 2 or not len(directions):
        return float("nan")
    cosines = directions @ leave_one_out(tracks).T
    deviations = cosines - cosines.mean(axis=1, keepdims=True)
    return float(np.sqrt((n - 1) / n * (deviations**2).sum(axis=1).mean()))


def leave_one_out(tracks: Matrix) -> Matrix:
    """Unit direction of the mean without each track in turn, ``[track, dim]``; NaN where the others cancel.

    >>> leave_one_out(np.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    rest = tracks.sum(axis=0) - tracks
    lengths = np.linalg.norm(rest, axis=1, keepdims=True)
    return np.asarray(rest / np.where(lengths > _NO_LENGTH, lengths, np.nan), dtype=np.float64)


def direction(tracks: Matrix) -> Matrix:
    """Unit vector ``[dim]`` of the mean of ``tracks``; NaN when they cancel one another."""
    middle = tracks.mean(axis=0)
    length = float(np.linalg.norm(middle))
    return np.asarray(middle / (length if length > _NO_LENGTH else np.nan), dtype=np.float64)
