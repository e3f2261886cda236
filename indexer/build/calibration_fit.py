"""The fit of a calibration bundle: from the tracks of reference artists to what is frozen. Deterministic.

Centre, main components and within-artist whitening (WCCN, Hatch et al., Interspeech 2006), then a cohort and the
distribution of scores among its pairs. Every choice that a number depends on is a constant here and part of the key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.linalg.blas import dsyrk

from indexer.build.measure_artists import NO_ALIASES, Owners, measure_all, stand
from recommender.calibration.cohort import (
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
from recommender.calibration.jackknife import Matrix
from recommender.calibration.scores import scores_between
from recommender.errors import InvalidArgument
from recommender.types import Rows, Space, Vectors

VERSION = 3
"""Of the arithmetic: raise it when a number may come out differently."""
COMPONENTS = 128
TRACKS_PER_COMPONENT = 5
SHRINKAGE = 0.1
"""Rho: share of the within-artist covariance that is replaced by the same variance in all directions."""
COHORT = 1000
REFERENCE = 2000
"""Artists that a fit is made on at most: more would cost memory and change little."""
MIN_TRACKS = 2
SEED = 0
_NO_VARIANCE = 1e-12
"""Share of the largest eigenvalue below which a direction holds nothing but rounding."""
_NO_LENGTH = 1e-4
_BLOCK = 1 << 9
"""Tracks looked at together."""
_QUERIES = 1 << 7
"""Artists whose scores with the cohort are held at once."""


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
    rows: Rows | None = None
    """``[track]`` row in ``tracks``, of which they are then a part; None: they are all of it, in this order."""
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Artist id -> ids of the same person under other names; they are never each other's cohort."""
    strata: tuple[str, ...] = ()
    """``[artist]`` main genre where known: the cohort holds each in proportion. Empty: drawn from all alike."""

    def __post_init__(self) -> None:
        if len(self.artist) != len(self.tracks if self.rows is None else self.rows):
            raise InvalidArgument("reference", f"names the artists of {len(self.artist)} tracks and has others")
        counts = np.bincount(self.artist, minlength=len(self.ids))
        if len(counts) != len(self.ids) or np.any(counts < MIN_TRACKS):
            raise InvalidArgument("reference", f"every artist in it needs {MIN_TRACKS} tracks or more")
        if list(self.ids) != sorted(set(self.ids)):
            raise InvalidArgument("reference", "artist ids must be sorted and distinct")

    def of(self, artist: int) -> Vectors:
        """The tracks of the artist in this row."""
        return self._at(np.flatnonzero(self.artist == artist))

    def parts(self) -> Iterator[Vectors]:
        """All its tracks, some at a time, so that nothing of the size of a layer is copied."""
        return (self._at(np.arange(*part)) for part in _parts(len(self.artist)))

    def units(self, mean: Matrix | float = 0.0) -> Iterator[Matrix]:
        """The same at length 1 and less ``mean``. Raises InvalidArgument for a vector that has no direction."""
        for start, part in zip(range(0, len(self.artist), _BLOCK), self.parts(), strict=True):
            units = unit_rows(part.astype(np.float64), first=start)
            units -= mean
            yield units

    def owners(self, artists: Rows) -> Owners:
        """The artists in these rows, to be measured from ``tracks``."""
        order = np.argsort(self.artist, kind="stable")
        ends = np.cumsum(np.bincount(self.artist, minlength=len(self.ids)))
        places = order if self.rows is None else self.rows[order]
        owned = np.split(places, ends[:-1])
        return Owners(
            ids=tuple(self.ids[row] for row in artists),
            tracks=tuple(owned[row] for row in artists),
            aliases=self.aliases,
        )

    def _at(self, places: Rows) -> Vectors:
        found: Vectors = self.tracks[places if self.rows is None else self.rows[places]]
        return found


def choose_reference(track_counts: npt.NDArray[np.int64], *, most: int = REFERENCE, seed: int = SEED) -> Rows:
    """Rows of the artists to fit on, rising: all with two tracks or more, or ``most`` of them drawn with a seed.

    Args:
        track_counts: ``[artist]`` embedded tracks, artists in id order.
    """
    able = np.flatnonzero(track_counts >= MIN_TRACKS)
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
    mean, whitened = _geometry(reference, used, space.dim)
    projection = None if whitened is None else whitened.projection
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
    return _with_cohort(bundle, reference, draw_cohort(reference, size=cohort_size), whitened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whitened:
    """What whitening came to."""

    projection: Matrix
    """``[dim, r]``"""
    moved: Matrix
    """``[track, r]`` the tracks it was learned from, projected and of length 1; NaN without a direction."""


def _geometry(reference: Reference, method: Method, dim: int) -> tuple[Matrix, Whitened | None]:
    if method in (Method.RAW, Method.CSLS, Method.MP) or not reference.ids:
        return np.zeros(dim), None
    count = len(reference.artist)
    mean = np.sum([units.sum(axis=0) for units in reference.units()], axis=0) / count
    if method is Method.CENTRE:
        return mean, None
    return mean, whitening(_Centred(reference=reference, mean=mean), reference.artist)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Centred:
    """The unit tracks of a reference less their mean, gone through as often as needed."""

    reference: Reference
    mean: Matrix

    def __iter__(self) -> Iterator[Matrix]:
        return self.reference.units(self.mean)


def whitening(centred: Iterable[Matrix], artist: Rows) -> Whitened:
    """Projection onto the main components, after which tracks of one artist vary alike in all directions.

    ``r = min(128, tracks // 5)``, and never more than there are directions with any variance. Within-artist
    covariance S is shrunk to ``(1 - rho) S + rho trace(S) / r I`` before its inverse root is taken.

    Args:
        centred: ``[track, dim]`` unit vectors less their mean, in parts; gone through twice.
        artist: ``[track]`` row of the artist.

    Raises:
        InvalidArgument: the tracks of each artist are the same, so that nothing can be learned from them.
    """
    components = main_components(centred, most=min(COMPONENTS, len(artist) // TRACKS_PER_COMPONENT))
    projected = np.empty((len(artist), components.shape[1]))
    start = 0
    for part in centred:
        projected[start : start + len(part)] = part @ components
        start += len(part)
    scattered = float(np.mean([column.var() for column in projected.T]))
    means = _artist_means(projected, artist)
    for first, last in _parts(len(artist)):
        projected[first:last] -= means[artist[first:last]]
    covariance = projected.T @ projected / (len(projected) - len(means))
    variance = float(np.trace(covariance)) / len(covariance)
    if not variance > _NO_VARIANCE * scattered:
        raise InvalidArgument("reference", "the tracks of each artist are the same; give each artist different music")
    shrunk = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * variance * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(shrunk)
    turn = (vectors / np.sqrt(values)) @ vectors.T
    for first, last in _parts(len(artist)):
        part = (projected[first:last] + means[artist[first:last]]) @ turn
        with np.errstate(invalid="ignore"):
            projected[first:last] = part / np.sqrt(np.einsum("ij,ij->i", part, part))[:, np.newaxis]
    return Whitened(projection=components @ turn, moved=projected)


def main_components(centred: Iterable[Matrix], *, most: int) -> Matrix:
    """The ``most`` directions of largest variance, ``[dim, r]``; in each the largest number by size is positive.

    Args:
        centred: ``[track, dim]`` less their mean, in parts; at least one.
        most: how many there may be.

    Raises:
        InvalidArgument: all vectors are the same.
    """
    squares, count = _gram(centred)
    squares /= count
    first = max(len(squares) - most, 0)
    values, vectors = eigh(squares, subset_by_index=(first, len(squares) - 1), overwrite_a=True)
    kept = np.flatnonzero(values > _NO_VARIANCE * max(float(values[-1]), _NO_VARIANCE))[::-1][:most]
    if not kept.size:
        raise InvalidArgument("reference", "all track vectors are the same; check the encoder")
    chosen = vectors[:, kept]
    largest = np.abs(chosen).argmax(axis=0)
    return np.asarray(chosen * np.sign(chosen[largest, np.arange(kept.size)]), dtype=np.float64)


def _gram(parts: Iterable[Matrix]) -> tuple[Matrix, int]:
    """Lower half of the Gram matrix ``[dim, dim]`` of all rows, all that ``eigh`` reads; and how many they are.

    Added up where it lies: numpy would mirror and copy it for each part, a seventh of the time.
    """
    found, count = None, 0
    for part in parts:
        if found is None:
            found = np.zeros((part.shape[1],) * 2, order="F")
        found = dsyrk(1.0, part.T, beta=1.0, c=found, lower=True, overwrite_c=True)
        count += len(part)
    return np.zeros((0, 0)) if found is None else found, count


def _artist_means(projected: Matrix, artist: Rows) -> Matrix:
    order = np.argsort(artist, kind="stable")
    counts = np.bincount(artist)
    sums = np.add.reduceat(projected[order], np.cumsum(counts) - counts, axis=0)
    return np.asarray(sums / counts[:, np.newaxis], dtype=np.float64)


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


def _with_cohort(bundle: Bundle, reference: Reference, chosen: Rows, whitened: Whitened | None) -> Bundle:
    plain = replace(bundle, method=Method.RAW)  # a cohort must be placed before anyone can stand against it
    owners = reference.owners(chosen)
    vectors = None if whitened is None else _middles(whitened.moved, reference.artist)[chosen]
    if vectors is None or not np.isfinite(vectors).all():  # who has no direction is named by its own measurement
        vectors = measure_all(plain, reference.tracks, owners).vectors
    placed = replace(bundle, cohort=vectors.astype(np.float64), cohort_ids=tuple(owners.ids))
    return replace(placed, quantiles=_quantiles(placed, vectors, owners))


def _middles(moved: Matrix, artist: Rows) -> Vectors:
    """Unit mean of the moved tracks of each artist, ``[artist, r]``; NaN where it has next to no length."""
    means = _artist_means(moved, artist)
    lengths = np.sqrt(np.einsum("ij,ij->i", means, means))[:, np.newaxis]
    return np.asarray(means / np.where(lengths > _NO_LENGTH, lengths, np.nan), dtype=np.float32)


def _quantiles(bundle: Bundle, vectors: Vectors, owners: Owners) -> Matrix:
    """Of the scores of all pairs of the cohort, whose ``vectors`` these are, that are not one person."""
    count = len(owners.ids)
    if count < 2:
        return np.empty(0)
    stats = stand(bundle, vectors, owners)
    pairs = [_later(bundle, stats, owners, np.arange(*part)) for part in _parts(count, _QUERIES)]
    return _spread_over(np.sort(np.concatenate(pairs)))


def _spread_over(rising: Matrix) -> Matrix:
    """:data:`QUANTILES` quantiles of ``rising``, linear between its values, as ``np.quantile`` has them; or nothing."""
    if not rising.size:
        return rising
    return np.interp(np.linspace(0.0, rising.size - 1.0, QUANTILES), np.arange(rising.size), rising)


def _later(bundle: Bundle, stats: ArtistStats, owners: Owners, rows: Rows) -> Matrix:
    """Scores of some artists of the cohort with those after them."""
    apart = np.arange(len(owners.ids)) > rows[:, np.newaxis]
    for place, row in enumerate(rows.tolist()):
        others = owners.aliases.get(owners.ids[row])
        if others:
            apart[place] &= ~np.isin(owners.ids, sorted(others))
    return scores_between(bundle, stats.take(rows), stats)[apart]


def _parts(count: int, size: int = _BLOCK) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, count)) for start in range(0, count, size))


def _key(reference: Reference, about: Sequence[str | int]) -> str:
    constants = (VERSION, COMPONENTS, TRACKS_PER_COMPONENT, SHRINKAGE, LOCAL_NEIGHBOURS, SEED, QUANTILES)
    aliases = {each: sorted(others) for each, others in reference.aliases.items()}
    text = json.dumps([*about, constants, reference.ids, aliases, reference.strata], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    digest.update(reference.artist.astype("<i8").tobytes())
    for part in reference.parts():
        digest.update(part.astype("<f4", copy=False).tobytes())
    return digest.hexdigest()


def measure_artists(
    bundle: Bundle,
    tracks: Vectors,
    artist: Rows,
    *,
    ids: Sequence[str],
    aliases: Mapping[str, frozenset[str]] = NO_ALIASES,
) -> ArtistStats:
    """Measure every artist of a catalog, one after another, so that no artist's numbers depend on another's.

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
