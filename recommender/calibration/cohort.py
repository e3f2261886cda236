"""Measures one artist with a fixed calibration bundle: projects and averages its tracks, compares it with a cohort.

A track vector of the encoder is projected by a :class:`Bundle`: centred, projected onto principal components, whitened
by how the tracks of one artist vary. An artist is the mean of its projected unit tracks. Its cosines with the cohort, a
fixed set of reference artists, have a mean and a standard deviation; scores are relative to these (docs/methods.md,
"Calibration").

Nothing here depends on the other artists of the catalog: a new artist costs one product with the cohort, and no score
of another pair changes. No I/O. ``scores.py`` compares two artists, ``bundle_files.py`` reads and writes a bundle, and
``indexer/build/calibration/calibration_fit.py`` fits one.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from recommender.calibration.jackknife import Matrix, VectorReliability, jackknife_se
from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities, Vectors

CALIBRATED_FROM = 200
"""Reference artists from which a fit is trusted (:attr:`Status.CALIBRATED`)."""
PROVISIONAL_FROM = 50
"""Reference artists below which a fit is worse than the raw cosine, so none is made."""
QUANTILES = 2001
"""Quantiles of the score that a bundle keeps: steps of 0.05 % in the percentile."""
LOCAL_NEIGHBOURS = 10
"""Cohort artists whose cosines CSLS takes the mean of."""
MIN_SD = 1e-6
"""Least standard deviation of an artist's cosines with the cohort; below it the z-score would divide by noise."""
MIN_LENGTH = 1e-12
"""Least length of a vector that has a direction."""
MIN_COHERENCE = 1e-6
"""Least length of the mean of unit tracks; below it the tracks cancel one another."""


class Method(enum.Enum):
    """How cosines are made comparable. The pipeline is the default; the others are kept to compare it with."""

    PIPELINE = "pipeline"
    """Centre, main components, within-artist whitening, then the symmetric z-score against the cohort (S-norm)."""
    RAW = "raw"
    """Cosine of the mean unit vectors, as the encoder left them."""
    CENTRE = "centre"
    """Raw, after the mean of the reference tracks is subtracted."""
    CSLS = "csls"
    """Raw, minus the mean of both artists' local means: of the highest cosines with the cohort (Conneau 2018)."""
    MP = "mp"
    """Raw, as Gaussian mutual proximity with the cohort (Schnitzer et al. 2012)."""


class Status(enum.Enum):
    """How far a bundle can be trusted: by the number of artists it was fitted on, and by whose artists they are."""

    CALIBRATED = "calibrated"
    PROVISIONAL = "provisional"
    BORROWED = "borrowed"
    """Fitted on other music, which the product ships with, because the catalog has too few artists of its own."""
    UNCALIBRATED = "uncalibrated"


PLAIN = (Method.RAW, Method.CENTRE)
"""Methods that need no cohort: the score is the cosine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The fitted parameters that turn vectors of one layer of one space into comparable similarities.

    Raises:
        InvalidArgument: the shapes do not fit one another, or a number is not finite.
    """

    space: str
    """Fingerprint of the space."""
    layer: str
    method: Method
    status: Status
    mean: Matrix
    """``[dim]``: subtracted from every unit track vector; zeros where the method does not centre."""
    projection: Matrix | None
    """``[dim, r]``; None where the method does not project, so that r is dim."""
    cohort: Matrix
    """``[M, r]``: unit vectors of the cohort's artists, projected like any other artist."""
    cohort_ids: tuple[str, ...]
    """``[M]`` artist ids, so that an artist is not compared with itself."""
    quantiles: Matrix
    """``[2001]``: quantiles of the score over pairs of the cohort, ascending; empty when there was no pair."""
    reference_artists: int
    key: str
    """sha256 over space, layer, constants and reference; files measured with another key are refused."""

    def __post_init__(self) -> None:
        shapes = ((self.mean.shape, (self.dim,)), (self.cohort.shape, (len(self.cohort_ids), self.width)))
        if any(found != expected for found, expected in shapes):
            raise InvalidArgument("bundle", f"has arrays of shapes {shapes}, found and expected")
        if self.quantiles.shape not in ((0,), (QUANTILES,)) or np.any(np.diff(self.quantiles) < 0):
            raise InvalidArgument("bundle", f"needs {QUANTILES} rising quantiles, or none")
        if not all(np.isfinite(array).all() for array in self.arrays.values()):
            raise InvalidArgument("bundle", "holds a number that is not finite")

    @property
    def arrays(self) -> dict[str, Matrix]:
        """Its arrays by name, those that it has."""
        given = {"mean": self.mean, "projection": self.projection, "cohort": self.cohort, "quantiles": self.quantiles}
        return {name: array for name, array in given.items() if array is not None}

    @property
    def dim(self) -> int:
        """Length of a vector of the space."""
        return self.mean.size if self.projection is None else len(self.projection)

    @property
    def width(self) -> int:
        """Length of a projected vector: r."""
        return self.dim if self.projection is None else self.projection.shape[1]

    @property
    def summary(self) -> str:
        """One sentence for the reader: how similarities of this bundle are made, and how far they can be trusted."""
        known = f"{self.reference_artists} reference artists"
        if self.status is Status.UNCALIBRATED:
            return f"not calibrated, raw cosines are shown: {known}, at least {PROVISIONAL_FROM} are needed"
        if self.status is Status.BORROWED:
            return f"borrowed, method {self.method.value}: fitted on {known} of music that ships with the product"
        trust = "" if self.status is Status.CALIBRATED else f"; provisional below {CALIBRATED_FROM}"
        return f"method {self.method.value}, fitted on {known}{trust}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortStats:
    """How alike one artist (or each of several) is to the cohort: numbers, or arrays that broadcast."""

    mean: float | Similarities
    sd: float | Similarities


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One artist as a bundle measures it."""

    vector: npt.NDArray[np.float32]
    """``[r]``, unit length."""
    mean: float
    """Of its cosines with the cohort, itself and its aliases left out."""
    sd: float
    """Population standard deviation of the same."""
    reliability: VectorReliability


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistStats:
    """Many artists as a bundle measures them, one entry an artist; the fields mean what they mean in :class:`Measured`
    and :class:`VectorReliability`."""

    vectors: Vectors
    """``[artist, r]``."""
    mean: Similarities
    sd: Similarities
    coherence: Similarities
    tracks: npt.NDArray[np.int64]
    standard_error: Similarities

    @classmethod
    def of(cls, artists: Iterable[Measured], *, width: int) -> ArtistStats:
        """Stack single artists of ``width`` = r."""
        rows = list(artists)
        return cls(
            vectors=np.array([row.vector for row in rows], dtype=np.float32).reshape(len(rows), width),
            mean=np.array([row.mean for row in rows], dtype=np.float64),
            sd=np.array([row.sd for row in rows], dtype=np.float64),
            coherence=np.array([row.reliability.coherence for row in rows], dtype=np.float64),
            tracks=np.array([row.reliability.tracks for row in rows], dtype=np.int64),
            standard_error=np.array([row.reliability.standard_error for row in rows], dtype=np.float64),
        )

    def take(self, rows: Rows) -> ArtistStats:
        """The artists at ``rows``, in that order."""
        return ArtistStats(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def at(self, row: int) -> Measured:
        """The artist at ``row``."""
        reliability = VectorReliability(
            tracks=int(self.tracks[row]),
            coherence=float(self.coherence[row]),
            standard_error=float(self.standard_error[row]),
        )
        mean, sd = float(self.mean[row]), float(self.sd[row])
        return Measured(vector=self.vectors[row], mean=mean, sd=sd, reliability=reliability)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedLayer:
    """A bundle, and every embedded artist of a generation measured with it."""

    bundle: Bundle
    artists: ArtistStats


def mean_reliability(layers: Sequence[tuple[float, ArtistStats]], rows: Rows) -> list[VectorReliability]:
    """How reliable the vectors of the artists at ``rows`` are under a mix of layers, one entry a row.

    Coherence and standard error are means over the layers by share; NaN in one layer is NaN in the mean.

    Args:
        layers: (share, artists measured in the layer) of each layer of the mix, at least one.
        rows: of the artists in every layer.
    """
    total = sum(share for share, _ in layers)
    tracks = layers[0][1].tracks[rows].tolist()
    coherence = np.asarray(sum(share * artists.coherence[rows] for share, artists in layers)) / total
    errors = np.asarray(sum(share * artists.standard_error[rows] for share, artists in layers)) / total
    return [
        VectorReliability(tracks=count, coherence=length, standard_error=error)
        for count, length, error in zip(tracks, coherence.tolist(), errors.tolist(), strict=True)
    ]


def unmeasured(*, width: int, tracks: int) -> Measured:
    """An artist that could not be measured: no vector, and NaN statistics, so that every score with it is NaN."""
    nothing = VectorReliability(tracks=tracks, coherence=float("nan"), standard_error=float("nan"))
    return Measured(vector=np.zeros(width, dtype=np.float32), mean=float("nan"), sd=float("nan"), reliability=nothing)


def measure(bundle: Bundle, tracks: npt.NDArray[np.floating], *, without: Collection[str] = ()) -> Measured:
    """Measure one artist: its vector, its statistics against the cohort, its reliability. Costs O(M r).

    Args:
        bundle: of the layer.
        tracks: ``[track, dim]`` vectors of the layer, of any length but 0.
        without: ids that are left out of the cohort: the artist's own and those of its aliases.

    Raises:
        InvalidArgument: as :func:`project_tracks` and :func:`cohort_stats` do, and when the tracks cancel one another.
    """
    projected = project_tracks(bundle, tracks)
    vector, coherence = _direction_of_mean(projected)
    mean, sd = cohort_stats(bundle, vector, without=without)
    own = _cohort_rows(bundle, without)
    error = jackknife_se(projected, np.delete(bundle.cohort, own, axis=0) if own else bundle.cohort)
    reliability = VectorReliability(tracks=len(projected), coherence=coherence, standard_error=error)
    return Measured(vector=vector, mean=mean, sd=sd, reliability=reliability)


def project_tracks(bundle: Bundle, tracks: npt.NDArray[np.floating]) -> Matrix:
    """Track vectors ``[track, dim]`` -> unit vectors ``[track, r]`` that can be averaged and compared.

    Raises:
        InvalidArgument: there is no track, a vector is of another length or not finite, or has no direction.
    """
    wide = np.asarray(tracks, dtype=np.float64)
    if wide.ndim != 2 or not len(wide) or wide.shape[1] != bundle.dim:
        raise InvalidArgument("tracks", f"have shape {wide.shape}, at least one vector of {bundle.dim} is needed")
    centred = unit_rows(wide) - bundle.mean
    return unit_rows(centred if bundle.projection is None else centred @ bundle.projection)


def unit_rows(rows: Matrix, *, first: int = 0) -> Matrix:
    """Scale each row of ``[item, dim]`` to length 1, in float64. Raises InvalidArgument for one that cannot be.

    ``first`` is the number of the first of them, for the message.
    """
    # einsum takes a fourth of the time of np.linalg.norm.
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, np.newaxis]
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths < MIN_LENGTH))
    if bad.size:
        raise InvalidArgument(
            "tracks", f"vector {first + bad[0]} is not finite or has no direction ({bad.size} such vectors)"
        )
    return np.asarray(rows / lengths, dtype=np.float64)


def _direction_of_mean(tracks: Matrix) -> tuple[npt.NDArray[np.float32], float]:
    """Unit vector ``[r]`` of the mean of unit ``tracks``, and the length of that mean (the coherence, at most 1)."""
    mean = tracks.mean(axis=0)
    coherence = float(np.linalg.norm(mean))
    if coherence < MIN_COHERENCE:
        raise InvalidArgument("tracks", f"the {len(tracks)} tracks cancel one another, so their mean has no direction")
    return (mean / coherence).astype(np.float32), min(coherence, 1.0)


def cohort_stats(
    bundle: Bundle, vector: npt.NDArray[np.floating], *, without: Collection[str] = ()
) -> tuple[float, float]:
    """Mean and population standard deviation of the cosines of ``vector`` ``[r]`` with the cohort.

    For CSLS: the mean of the highest cosines, and 1. For raw and centre, which need no cohort: 0 and 1.

    Raises:
        InvalidArgument: no artist is left in the cohort, or all cosines with it are the same, so that no z-score
            can be computed.
    """
    if bundle.method in PLAIN:
        return 0.0, 1.0
    cosines = np.delete(bundle.cohort @ vector.astype(np.float64), _cohort_rows(bundle, without))
    if not cosines.size:
        raise InvalidArgument("cohort", "has no artist but the measured one itself; fit it on more artists")
    if bundle.method is Method.CSLS:
        return float(np.sort(cosines)[-LOCAL_NEIGHBOURS:].mean()), 1.0
    mean, sd = float(cosines.mean()), float(cosines.std())
    if not sd >= MIN_SD:
        raise InvalidArgument("cohort", f"all its cosines with the artist are {mean:.6f}; fit it on other artists")
    return mean, sd


def _cohort_rows(bundle: Bundle, ids: Collection[str]) -> list[int]:
    """Rows in the cohort of those of ``ids`` that are in it."""
    return [bundle.cohort_ids.index(artist) for artist in ids if artist in bundle.cohort_ids]
