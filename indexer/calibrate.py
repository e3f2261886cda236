"""The fit of a calibration bundle: from the tracks of reference artists to what is frozen. Deterministic.

Centre, main components and within-artist whitening (WCCN, Hatch et al., Interspeech 2006), then a cohort and the
distribution of scores among its pairs. Every choice that a number depends on is a constant here and part of the key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from recommender.calibration import (
    CALIBRATED_FROM,
    LOCAL_NEIGHBOURS,
    PROVISIONAL_FROM,
    QUANTILES,
    ArtistStats,
    Bundle,
    Measured,
    Method,
    Status,
    measure,
    unit_rows,
)
from recommender.comparing import scores_between
from recommender.errors import InvalidArgument
from recommender.evidence import Matrix
from recommender.types import Rows, Space, Vectors

VERSION = 1
"""Of the arithmetic: raise it when a number may come out differently."""
COMPONENTS = 128
TRACKS_PER_COMPONENT = 5
SHRINKAGE = 0.1
"""Rho: share of the within-artist covariance that is replaced by the same variance in all directions."""
COHORT = 1000
REFERENCE = 2000
"""Artists that a fit is made on at most: more would cost memory and change little."""
LEAST_TRACKS = 2
SEED = 0
_NO_VARIANCE = 1e-12
"""Share of the largest eigenvalue below which a direction holds nothing but rounding."""

NO_ALIASES: Mapping[str, frozenset[str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The artists a bundle is fitted on, each with two tracks or more.

    Raises:
        InvalidArgument: an artist has fewer tracks, or ids are not sorted and distinct.
    """

    ids: tuple[str, ...]
    """``[artist]``, sorted."""
    artist: Rows
    """``[track]`` row of the track's artist in ``ids``."""
    tracks: Vectors
    """``[track, dim]`` of any length but 0."""
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Artist id -> ids of the same person under other names; they are never each other's cohort."""
    strata: tuple[str, ...] = ()
    """``[artist]`` main genre where known: the cohort holds each in proportion. Empty: drawn from all alike."""

    def __post_init__(self) -> None:
        counts = np.bincount(self.artist, minlength=len(self.ids))
        if len(counts) != len(self.ids) or np.any(counts < LEAST_TRACKS):
            raise InvalidArgument("reference", f"every artist in it needs {LEAST_TRACKS} tracks or more")
        if list(self.ids) != sorted(set(self.ids)):
            raise InvalidArgument("reference", "artist ids must be sorted and distinct")

    def of(self, artist: int) -> Vectors:
        """The tracks of the artist in this row."""
        rows: Vectors = self.tracks[self.artist == artist]
        return rows

    def without(self, artist: int) -> frozenset[str]:
        """The ids that stay out of the cohort of the artist in this row."""
        return frozenset({self.ids[artist]}) | self.aliases.get(self.ids[artist], frozenset())


def choose_reference(track_counts: npt.NDArray[np.int64], *, most: int = REFERENCE, seed: int = SEED) -> Rows:
    """Rows of the artists to fit on, rising: all with two tracks or more, or ``most`` of them drawn with a seed.

    Args:
        track_counts: ``[artist]`` embedded tracks, artists in id order.
    """
    able = np.flatnonzero(track_counts >= LEAST_TRACKS)
    return np.sort(np.random.default_rng(seed).permutation(able)[:most]).astype(np.int64)


def status_of(reference_artists: int) -> Status:
    """How far a fit on so many artists can be trusted (reference/science.md 2.2, "Fit size")."""
    if reference_artists < PROVISIONAL_FROM:
        return Status.UNCALIBRATED
    return Status.PROVISIONAL if reference_artists < CALIBRATED_FROM else Status.CALIBRATED


def fit(
    reference: Reference, *, space: Space, layer: str, method: Method = Method.PIPELINE, cohort_size: int = COHORT
) -> Bundle:
    """Fit the bundle of one layer. The same reference gives the same bundle.

    Below ``PROVISIONAL_FROM`` artists the bundle is the raw cosine and says so, whatever ``method`` asks.

    Raises:
        InvalidArgument: a vector is not finite or has no direction, all tracks of each artist are the same, or the
            cohort is so uniform that nobody stands out.
    """
    status = status_of(len(reference.ids))
    used = Method.RAW if status is Status.UNCALIBRATED else method
    mean, projection = _geometry(reference, used, space.dim)
    width = space.dim if projection is None else projection.shape[1]
    bundle = Bundle(
        space=space.fingerprint,
        layer=layer,
        method=used,
        status=status,
        mean=mean,
        projection=projection,
        cohort=np.empty((0, width)),
        cohort_ids=(),
        quantiles=np.empty(0),
        reference_artists=len(reference.ids),
        key=_key(reference, (space.fingerprint, layer, used.value, cohort_size)),
    )
    return _with_cohort(bundle, reference, draw_cohort(reference, size=cohort_size))


def _geometry(reference: Reference, method: Method, dim: int) -> tuple[Matrix, Matrix | None]:
    if method in (Method.RAW, Method.CSLS, Method.MP) or not reference.ids:
        return np.zeros(dim), None
    units = unit_rows(reference.tracks.astype(np.float64))
    mean = units.mean(axis=0)
    return mean, None if method is Method.CENTRE else whitening(units - mean, reference.artist)


def whitening(centred: Matrix, artist: Rows) -> Matrix:
    """Projection ``[dim, r]`` onto the main components, after which tracks of one artist vary alike in all directions.

    ``r = min(128, tracks // 5)``, and never more than there are directions with any variance. Within-artist
    covariance S is shrunk to ``(1 - rho) S + rho trace(S) / r I`` before its inverse root is taken.

    Args:
        centred: ``[track, dim]`` unit vectors less their mean.
        artist: ``[track]`` row of the artist.

    Raises:
        InvalidArgument: the tracks of each artist are the same, so that nothing can be learned from them.
    """
    components = main_components(centred, most=min(COMPONENTS, len(centred) // TRACKS_PER_COMPONENT))
    projected = centred @ components
    within = projected - _artist_means(projected, artist)[artist]
    covariance = within.T @ within / (len(within) - len(np.unique(artist)))
    variance = float(np.trace(covariance)) / len(covariance)
    if not variance > _NO_VARIANCE * float(projected.var(axis=0).mean()):
        raise InvalidArgument("reference", "the tracks of each artist are the same; give each artist different music")
    shrunk = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * variance * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(shrunk)
    return np.asarray(components @ (vectors / np.sqrt(values)) @ vectors.T, dtype=np.float64)


def main_components(centred: Matrix, *, most: int) -> Matrix:
    """The ``most`` directions of largest variance, ``[dim, r]``; in each the largest number by size is positive.

    Raises:
        InvalidArgument: all vectors are the same.
    """
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = np.flatnonzero(values > _NO_VARIANCE * max(float(values[-1]), _NO_VARIANCE))[::-1][:most]
    if not kept.size:
        raise InvalidArgument("reference", "all track vectors are the same; check the encoder")
    chosen = vectors[:, kept]
    largest = np.abs(chosen).argmax(axis=0)
    return np.asarray(chosen * np.sign(chosen[largest, np.arange(kept.size)]), dtype=np.float64)


def _artist_means(projected: Matrix, artist: Rows) -> Matrix:
    counts = np.bincount(artist)
    sums = np.zeros((len(counts), projected.shape[1]))
    np.add.at(sums, artist, projected)
    return sums / np.maximum(counts, 1)[:, np.newaxis]


def draw_cohort(reference: Reference, *, size: int = COHORT, seed: int = SEED) -> Rows:
    """Rows of at most ``size`` reference artists, rising, drawn with a seed; genres in proportion where known."""
    shuffled = np.random.default_rng(seed).permutation(len(reference.ids))
    if len(shuffled) <= size:
        return np.sort(shuffled)
    genres = reference.strata or ("",) * len(shuffled)
    _, genre = np.unique(np.array(genres)[shuffled], return_inverse=True)
    grouped = np.argsort(genre, kind="stable")
    sizes = np.bincount(genre)
    first = np.cumsum(sizes) - sizes
    depth = (np.arange(len(shuffled)) - first[genre[grouped]] + 0.5) / sizes[genre[grouped]]
    return np.sort(shuffled[grouped[np.argsort(depth, kind="stable")[:size]]])


def _with_cohort(bundle: Bundle, reference: Reference, chosen: Rows) -> Bundle:
    plain = replace(bundle, method=Method.RAW)  # a cohort must be placed before anyone can stand against it
    vectors = [measure(plain, reference.of(row)).vector for row in chosen]
    ids = tuple(reference.ids[row] for row in chosen)
    cohort = np.array(vectors, dtype=np.float64).reshape(len(ids), bundle.width)
    placed = replace(bundle, cohort=cohort, cohort_ids=ids)
    return replace(placed, quantiles=_quantiles(placed, reference, chosen))


def _quantiles(bundle: Bundle, reference: Reference, chosen: Rows) -> Matrix:
    if len(chosen) < 2:
        return np.empty(0)
    measured = (measure(bundle, reference.of(row), without=reference.without(row)) for row in chosen)
    stats = ArtistStats.of(measured, width=bundle.width)
    apart = np.triu(np.ones((len(chosen), len(chosen)), dtype=bool), k=1)
    for place, row in enumerate(chosen):
        apart[place] &= ~np.isin(bundle.cohort_ids, sorted(reference.without(row)))
    pairs = scores_between(bundle, stats, stats)[apart]
    return np.quantile(pairs, np.linspace(0.0, 1.0, QUANTILES)) if pairs.size else np.empty(0)


def _key(reference: Reference, about: Sequence[str | int]) -> str:
    constants = (VERSION, COMPONENTS, TRACKS_PER_COMPONENT, SHRINKAGE, LOCAL_NEIGHBOURS, SEED, QUANTILES)
    aliases = {each: sorted(others) for each, others in reference.aliases.items()}
    text = json.dumps([*about, constants, reference.ids, aliases, reference.strata], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    digest.update(reference.artist.astype("<i8").tobytes())
    digest.update(reference.tracks.astype("<f4").tobytes())
    return digest.hexdigest()


def measure_artists(
    bundle: Bundle,
    tracks: Vectors,
    artist: Rows,
    *,
    ids: Sequence[str],
    aliases: Mapping[str, frozenset[str]] = NO_ALIASES,
) -> ArtistStats:
    """Measure every artist of a catalogue, one after another, so that no artist's numbers depend on another's.

    Args:
        bundle: what to measure with.
        tracks: ``[track, dim]``.
        artist: ``[track]`` row of the track's artist in ``ids``.
        ids: ``[artist]``.
        aliases: artist id -> ids of the same person under other names.

    Raises:
        InvalidArgument: an artist has no track, or a track that cannot be moved; the message names the artist.
    """
    order = np.argsort(artist, kind="stable")
    ends = np.cumsum(np.bincount(artist, minlength=len(ids)))
    groups = np.split(order, ends[:-1]) if len(ids) else []
    rows = (
        _measure_one(bundle, tracks[group], name, aliases.get(name, frozenset()))
        for group, name in zip(groups, ids, strict=True)
    )
    return ArtistStats.of(rows, width=bundle.width)


def _measure_one(bundle: Bundle, tracks: Vectors, name: str, others: frozenset[str]) -> Measured:
    try:
        return measure(bundle, tracks, without=others | {name})
    except InvalidArgument as error:
        raise InvalidArgument(f"artist {name}", f"{error.field}: {error.problem}") from error
