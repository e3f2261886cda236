"""An artist measured by what was frozen: its tracks moved and averaged, then held against a frozen cohort. Pure.

A vector of the encoder is moved by a :class:`Bundle` (centred, projected onto main components, whitened by how
tracks of one artist vary). An artist is the mean of its moved unit tracks, and stands somewhere against the cohort.

Nothing here depends on who else is in the catalog: a new artist costs one product with the cohort, and no other
pair's score moves. ``scores.py`` compares two artists, ``bundle_files.py`` reads and writes a bundle, and
``indexer/build/calibration_fit.py`` fits one.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from recommender.calibration.jackknife import Matrix, VectorReliability, jackknife_se
from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities, Vectors

CALIBRATED_FROM = 200
"""Reference artists from which a fit is trusted."""
PROVISIONAL_FROM = 50
"""Reference artists below which a fit makes things worse than the raw cosine, so none is made."""
QUANTILES = 2001
LOCAL_NEIGHBOURS = 10
"""Cohort artists whose cosines CSLS takes the mean of."""
MIN_SD = 1e-6
MIN_LENGTH = 1e-12
MIN_COHERENCE = 1e-6


class Method(enum.Enum):
    """How cosines are made comparable. The pipeline is the default; the others are there to be compared with it."""

    PIPELINE = "pipeline"
    """Centre, main components, within-artist whitening, then the symmetric z-score against the cohort (S-norm)."""
    RAW = "raw"
    """Cosine of the mean unit vectors, as the encoder left them."""
    CENTRE = "centre"
    """Raw, after the mean of the reference tracks is taken off."""
    CSLS = "csls"
    """Raw, less the mean of each artist's highest cosines with the cohort (Conneau et al., ICLR 2018), halved."""
    MP = "mp"
    """Raw, as Gaussian mutual proximity (Schnitzer et al., JMLR 13, 2012) against the cohort."""


class Status(enum.Enum):
    """How far a bundle can be trusted, by the number of artists it was fitted on."""

    CALIBRATED = "calibrated"
    PROVISIONAL = "provisional"
    UNCALIBRATED = "uncalibrated"


PLAIN = (Method.RAW, Method.CENTRE)
"""Methods that ask no cohort: the score is the cosine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything frozen that turns vectors of one layer of one space into comparable similarities.

    Raises:
        InvalidArgument: the shapes do not fit one another, or a number is not finite.
    """

    space: str
    """Fingerprint of the space."""
    layer: str
    method: Method
    status: Status
    mean: Matrix
    """``[dim]``: taken off every unit track vector; zeros where nothing is."""
    projection: Matrix | None
    """``[dim, r]``; None where vectors keep their axes."""
    cohort: Matrix
    """``[M, r]``: unit vectors of the cohort's artists, moved like any other."""
    cohort_ids: tuple[str, ...]
    """``[M]`` artist ids, so that nobody is compared with himself."""
    quantiles: Matrix
    """``[2001]``: quantiles of the score over pairs of the cohort, rising; empty when there was no pair."""
    reference_artists: int
    key: str
    """sha256 over space, layer, constants and reference: what was made with one key is not read with another."""

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
        """Length of a moved vector: r."""
        return self.dim if self.projection is None else self.projection.shape[1]

    @property
    def summary(self) -> str:
        """One sentence for the reader: how similarities of this bundle are made, and how far they can be trusted."""
        known = f"{self.reference_artists} reference artists"
        if self.status is Status.UNCALIBRATED:
            return f"not calibrated, raw cosines are shown: {known}, at least {PROVISIONAL_FROM} are needed"
        trust = "" if self.status is Status.CALIBRATED else f"; provisional below {CALIBRATED_FROM}"
        return f"method {self.method.value}, fitted on {known}{trust}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortStats:
    """How alike one artist (or each of several) is to the cohort: numbers, or arrays that broadcast."""

    mean: float | Similarities
    sd: float | Similarities


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One artist as a bundle hears it."""

    vector: npt.NDArray[np.float32]
    """``[r]``, unit length."""
    mean: float
    """Of its cosines with the cohort, itself and its aliases left out."""
    sd: float
    """Population standard deviation of the same."""
    evidence: VectorReliability

    @property
    def standing(self) -> CohortStats:
        return CohortStats(mean=self.mean, sd=self.sd)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistStats:
    """Many artists as a bundle hears them, one entry an artist; each field means what it means in ``Measured``."""

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
            coherence=np.array([row.evidence.coherence for row in rows], dtype=np.float64),
            tracks=np.array([row.evidence.tracks for row in rows], dtype=np.int64),
            standard_error=np.array([row.evidence.standard_error for row in rows], dtype=np.float64),
        )

    @property
    def standing(self) -> CohortStats:
        return CohortStats(mean=self.mean, sd=self.sd)

    def take(self, rows: Rows) -> ArtistStats:
        """The artists at ``rows``, in that order."""
        return ArtistStats(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def at(self, row: int) -> Measured:
        """The artist at ``row``."""
        evidence = VectorReliability(
            tracks=int(self.tracks[row]),
            coherence=float(self.coherence[row]),
            standard_error=float(self.standard_error[row]),
        )
        mean, sd = float(self.mean[row]), float(self.sd[row])
        return Measured(vector=self.vectors[row], mean=mean, sd=sd, evidence=evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedLayer:
    """A bundle, and every embedded artist of a generation as it hears them."""

    bundle: Bundle
    artists: ArtistStats


def unmeasured(*, width: int, tracks: int) -> Measured:
    """An artist that could not be measured: no vector, NaN for its standing, so that every score with it is NaN."""
    nothing = VectorReliability(tracks=tracks, coherence=float("nan"), standard_error=float("nan"))
    return Measured(vector=np.zeros(width, dtype=np.float32), mean=float("nan"), sd=float("nan"), evidence=nothing)


def measure(bundle: Bundle, tracks: npt.NDArray[np.floating], *, without: Collection[str] = ()) -> Measured:
    """Place one artist: its vector, its standing against the cohort, its evidence. Costs O(M r), moves nobody else.

    Args:
        tracks: ``[track, dim]`` vectors of the layer, of any length but 0.
        without: ids that stay out of the cohort: the artist's own and those of its aliases.

    Raises:
        InvalidArgument: as :func:`move`, :func:`embed_artist` and :func:`cohort_stats` do.
    """
    moved = move(bundle, tracks)
    vector, coherence = _middle(moved)
    mean, sd = cohort_stats(bundle, vector, without=without)
    own = _places(bundle, without)
    error = jackknife_se(moved, np.delete(bundle.cohort, own, axis=0) if own else bundle.cohort)
    evidence = VectorReliability(tracks=len(moved), coherence=coherence, standard_error=error)
    return Measured(vector=vector, mean=mean, sd=sd, evidence=evidence)


def move(bundle: Bundle, tracks: npt.NDArray[np.floating]) -> Matrix:
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
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, np.newaxis]  # a fourth of the time of norm()
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths < MIN_LENGTH))
    if bad.size:
        raise InvalidArgument(
            "tracks", f"vector {first + bad[0]} is not finite or has no direction ({bad.size} such vectors)"
        )
    return np.asarray(rows / lengths, dtype=np.float64)


def embed_artist(bundle: Bundle, tracks: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float32], float, int]:
    """An artist's unit vector ``[r]``, its coherence R in (0, 1] and its number of tracks.

    The vector is the direction of the mean of the moved unit tracks, R the length of that mean. Raises
    InvalidArgument when the tracks cancel one another, and as :func:`move` does.
    """
    moved = move(bundle, tracks)
    vector, coherence = _middle(moved)
    return vector, coherence, len(moved)


def _middle(moved: Matrix) -> tuple[npt.NDArray[np.float32], float]:
    middle = moved.mean(axis=0)
    coherence = float(np.linalg.norm(middle))
    if coherence < MIN_COHERENCE:
        raise InvalidArgument("tracks", f"the {len(moved)} tracks cancel one another, so their mean has no direction")
    return (middle / coherence).astype(np.float32), min(coherence, 1.0)


def cohort_stats(
    bundle: Bundle, vector: npt.NDArray[np.floating], *, without: Collection[str] = ()
) -> tuple[float, float]:
    """Mean and population standard deviation of the cosines of ``vector`` ``[r]`` with the cohort.

    For CSLS: the mean of the highest cosines, and 1. For raw and centre, which ask no cohort: 0 and 1.

    Raises:
        InvalidArgument: nobody is left in the cohort, or all its cosines are the same, so that nothing stands out.
    """
    if bundle.method in PLAIN:
        return 0.0, 1.0
    found = np.delete(bundle.cohort @ vector.astype(np.float64), _places(bundle, without))
    if not found.size:
        raise InvalidArgument("cohort", "holds nobody but the artist itself; fit it on more artists")
    if bundle.method is Method.CSLS:
        return float(np.sort(found)[-LOCAL_NEIGHBOURS:].mean()), 1.0
    mean, sd = float(found.mean()), float(found.std())
    if not sd >= MIN_SD:
        raise InvalidArgument("cohort", f"all its cosines with the artist are {mean:.6f}; fit it on other artists")
    return mean, sd


def _places(bundle: Bundle, ids: Collection[str]) -> list[int]:
    return [bundle.cohort_ids.index(each) for each in ids if each in bundle.cohort_ids]
