"""Tells, without labels, which of several calibrations is best: the halves of an artist's tracks must find each other.

The tracks of each artist are dealt out into two halves in turn. The first half of an artist is compared with the second
halves of all artists, and the second half with the first ones; the better a calibration, the nearer to the top stands
the artist itself. A bundle that was fitted on the same artists is fitted again without those it is tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from indexer.build.calibration.calibration_fit import MIN_TRACKS, SEED, Reference
from indexer.build.calibration.measure_artists import Owners, measure_able
from recommender.calibration.cohort import ArtistStats, Bundle
from recommender.calibration.jackknife import Matrix
from recommender.calibration.scores import scores_between
from recommender.types import Rows

MAX_ARTISTS = 300
"""Artists that take part; those with two tracks first."""
LEAST_PAIRED = 20
"""Artists with two tracks below which nothing is decided."""
FOLDS = 4
"""Parts of the artists; each is tested with a bundle that was fitted on the others."""
STANDARD_ERRORS = 1.96
"""On each side of a mean: 95 % of a normal distribution."""

Fit: TypeAlias = Callable[[Reference], Bundle]
"""Fits a bundle on a reference, or returns a bundle that needs none. Raises InvalidArgument when it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """How much higher the halves rank each other under one calibration than under another, over the same artists."""

    mean: float
    """Mean difference of reciprocal ranks, within [-1, 1]."""
    error: float
    """Standard error of the mean; 0 where all differences are the same."""

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.mean - STANDARD_ERRORS * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.mean + STANDARD_ERRORS * self.error

    @classmethod
    def of(cls, differences: Matrix) -> Gain:
        """From one difference an artist, at least two."""
        return cls(mean=float(differences.mean()), error=float(differences.std(ddof=1) / np.sqrt(len(differences))))


def cross_fitted_ranks(reference: Reference, fits: Sequence[Fit]) -> Matrix:
    """Reciprocal ranks ``[fit, artist]`` of the artists of ``reference`` that have two tracks or more.

    Args:
        reference: the artists; at most :data:`MAX_ARTISTS`, see :func:`drawn`.
        fits: each is called once a fold, with the artists of the other folds.

    Raises:
        InvalidArgument: a bundle cannot be fitted without a fold.
    """
    sizes = np.bincount(reference.artist, minlength=len(reference.ids))
    paired = np.flatnonzero(sizes >= MIN_TRACKS)
    shuffled = np.random.default_rng(SEED).permutation(paired)
    found = np.empty((len(fits), len(paired)))
    for fold in range(FOLDS):
        tested = np.sort(shuffled[fold::FOLDS])
        others = reference.subset(np.setdiff1d(np.arange(len(reference.ids)), tested))
        for number, fit in enumerate(fits):
            found[number, np.searchsorted(paired, tested)] = reciprocal_ranks(fit(others), reference, tested)
    return found


def drawn(reference: Reference) -> Reference:
    """At most :data:`MAX_ARTISTS` of ``reference``, drawn with a fixed seed, those with two tracks or more first."""
    sizes = np.bincount(reference.artist, minlength=len(reference.ids))
    order = np.random.default_rng(SEED).permutation(len(reference.ids))
    chosen = order[np.argsort(sizes[order] < MIN_TRACKS, kind="stable")][:MAX_ARTISTS]
    return reference.subset(np.sort(chosen))


def reciprocal_ranks(bundle: Bundle, reference: Reference, tested: Rows) -> Matrix:
    """``[tested]`` mean of the reciprocal ranks of an artist's one half among the other halves, in both directions.

    Artists with the same score as the artist itself count half. One that cannot be measured stands last.

    Args:
        bundle: of the layer; an artist of its cohort is left out of it where it is measured.
        reference: has the tracks.
        tested: rows in ``reference`` of artists with two tracks or more.
    """
    return reciprocal_ranks_of(scores_between(bundle, *half_stats(bundle, reference, tested)))


def half_stats(bundle: Bundle, reference: Reference, tested: Rows) -> tuple[ArtistStats, ArtistStats]:
    """The artists at ``tested``, each measured by one half of its tracks, and by the other."""
    owners = reference.owners(tested)
    parts = (tuple(np.sort(rows)[half::2] for rows in owners.tracks) for half in (0, 1))
    first, second = (
        measure_able(bundle, reference.tracks, Owners(ids=owners.ids, tracks=part, aliases=owners.aliases))[0]
        for part in parts
    )
    return first, second


def reciprocal_ranks_of(scores: Matrix) -> Matrix:
    """``[artist]`` mean reciprocal rank of the diagonal of scores ``[first half, second half]``, in rows and columns.

    Equal scores count half; NaN is the lowest score.

    >>> reciprocal_ranks_of(np.array([[0.9, 0.1], [0.9, 0.2]])).tolist()
    [0.8333333333333333, 0.75]
    """
    known = np.where(np.isnan(scores), -np.inf, scores)
    own = np.diagonal(known)
    ranks = [
        1.0 + (table > own[:, np.newaxis]).sum(axis=1) + 0.5 * ((table == own[:, np.newaxis]).sum(axis=1) - 1)
        for table in (known, known.T)
    ]
    return np.asarray(0.5 * (1.0 / ranks[0] + 1.0 / ranks[1]), dtype=np.float64)
