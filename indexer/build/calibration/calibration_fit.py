"""Fits the calibration bundle of a layer on the tracks of reference artists. Deterministic.

Steps: centring, principal components, within-class covariance normalisation with artists as classes (WCCN; Hatch,
Kajarekar and Stolcke, Interspeech 2006), then a cohort of artists and the distribution of the scores of its pairs
(docs/methods.md, "Calibration"). Every constant that a number depends on is here, and part of the bundle's key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from indexer.build.calibration.measure_artists import NO_ALIASES, Owners, measure_all, measure_vectors
from indexer.build.calibration.projection import (
    BLOCK,
    COMPONENTS,
    SHRINKAGE,
    TRACKS_PER_COMPONENT,
    Whitened,
    artist_means,
    parts,
    whitening,
)
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
"""Version of the arithmetic: raise it when a change may change a number."""
COHORT = 1000
"""Maximum artists in a cohort."""
REFERENCE = 2000
"""Maximum reference artists: more would need memory and change little."""
MIN_TRACKS = 2
"""Minimum tracks of a reference artist: one track shows nothing about the variance within an artist."""
SEED = 0
_NO_LENGTH = 1e-4
"""Length below which a mean of unit vectors has no reliable direction."""
_QUERIES = 1 << 7
"""Artists whose scores with the cohort are in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The artists that a bundle is fitted on.

    Raises:
        InvalidArgument: an artist has no track, or ids are not sorted and distinct.
    """

    ids: tuple[str, ...]
    """``[artist]``, sorted."""
    artist: Rows
    """``[track]`` row of the track's artist in ``ids``."""
    tracks: Vectors
    """``[track, dim]`` of any length but 0."""
    rows: Rows | None = None
    """``[track]`` row in ``tracks``; None: ``tracks`` has these tracks only, in this order."""
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Artist id -> ids of the same person under other names, which do not count in its cohort."""
    strata: tuple[str, ...] = ()
    """``[artist]`` main genre where known: the cohort has the same proportions. Empty: the cohort is drawn from all."""

    def __post_init__(self) -> None:
        if len(self.artist) != len(self.tracks if self.rows is None else self.rows):
            raise InvalidArgument("reference", f"has the artists of {len(self.artist)} tracks, but other tracks")
        counts = np.bincount(self.artist, minlength=len(self.ids))
        if len(counts) != len(self.ids) or not counts.all():
            raise InvalidArgument("reference", "every artist in it needs a track")
        if list(self.ids) != sorted(set(self.ids)):
            raise InvalidArgument("reference", "artist ids must be sorted and distinct")

    @property
    def paired(self) -> int:
        """Number of artists with two tracks or more, which show how the tracks of an artist vary."""
        return int(np.count_nonzero(np.bincount(self.artist, minlength=len(self.ids)) >= MIN_TRACKS))

    def of(self, artist: int) -> Vectors:
        """The tracks of the artist in row ``artist``."""
        return self._at(np.flatnonzero(self.artist == artist))

    def subset(self, artists: Rows) -> Reference:
        """The artists in the rows ``artists``, which rise; with their tracks, genres and aliases."""
        positions = np.flatnonzero(np.isin(self.artist, artists))
        return replace(
            self,
            ids=tuple(self.ids[row] for row in artists),
            artist=np.searchsorted(artists, self.artist[positions]).astype(np.int64),
            rows=positions if self.rows is None else self.rows[positions],
            strata=tuple(self.strata[row] for row in artists) if self.strata else (),
        )

    def parts(self) -> Iterator[Vectors]:
        """All its tracks in parts, so that no copy of the size of a layer is made."""
        return (self._at(np.arange(*part)) for part in parts(len(self.artist)))

    def units(self, mean: Matrix | float = 0.0) -> Iterator[Matrix]:
        """The same, scaled to length 1, minus ``mean``. Raises InvalidArgument for a vector of length 0."""
        for start, part in zip(range(0, len(self.artist), BLOCK), self.parts(), strict=True):
            units = unit_rows(part.astype(np.float64), first=start)
            units -= mean
            yield units

    def owners(self, artists: Rows) -> Owners:
        """The artists in the rows ``artists``, with their rows in ``tracks``."""
        order = np.argsort(self.artist, kind="stable")
        ends = np.cumsum(np.bincount(self.artist, minlength=len(self.ids)))
        rows = order if self.rows is None else self.rows[order]
        owned = np.split(rows, ends[:-1])
        return Owners(
            ids=tuple(self.ids[row] for row in artists),
            tracks=tuple(owned[row] for row in artists),
            aliases=self.aliases,
        )

    def _at(self, positions: Rows) -> Vectors:
        vectors: Vectors = self.tracks[positions if self.rows is None else self.rows[positions]]
        return vectors


def choose_reference(track_counts: npt.NDArray[np.int64], *, max_artists: int = REFERENCE, seed: int = SEED) -> Rows:
    """Rows of the artists to fit on, rising: all with two tracks or more, or a draw of ``max_artists``.

    Where fewer than :data:`PROVISIONAL_FROM` have two, all artists with a track: they cannot show how the tracks of one
    artist vary, but they show where the middle of all is, and how alike unrelated artists are.

    ``track_counts``: ``[artist]`` embedded tracks, artists in id order.
    """
    able = np.flatnonzero(track_counts >= MIN_TRACKS)
    if len(able) < PROVISIONAL_FROM:
        able = np.flatnonzero(track_counts > 0)
    return np.sort(np.random.default_rng(seed).permutation(able)[:max_artists]).astype(np.int64)


def status_of(reference_artists: int, paired: int) -> Status:
    """How far a fit can be trusted (docs/methods.md, "Calibration").

    Args:
        reference_artists: all artists of the reference.
        paired: those with two tracks or more.
    """
    if reference_artists < PROVISIONAL_FROM:
        return Status.UNCALIBRATED
    return Status.PROVISIONAL if paired < CALIBRATED_FROM else Status.CALIBRATED


def fit(
    reference: Reference, *, space: Space, layer: str, method: Method = Method.PIPELINE, cohort_size: int = COHORT
) -> Bundle:
    """Fit the bundle of one layer. The same reference gives the same bundle.

    With fewer than ``PROVISIONAL_FROM`` artists the bundle is the raw cosine, whatever ``method`` is, with the
    quantiles of the pairs there are. Where fewer than that have two tracks, the pipeline centres and compares with the
    cohort, but does not whiten.

    Raises:
        InvalidArgument: a vector is not finite or has length 0, all tracks of each artist are equal, or the cosines of
            an artist with the cohort have no variance.
    """
    status = status_of(len(reference.ids), reference.paired)
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
    return with_cohort(bundle, reference, draw_cohort(reference, size=cohort_size), whitened)


def _geometry(reference: Reference, method: Method, dim: int) -> tuple[Matrix, Whitened | None]:
    if method in (Method.RAW, Method.CSLS, Method.MP) or not reference.ids:
        return np.zeros(dim), None
    count = len(reference.artist)
    mean = np.sum([units.sum(axis=0) for units in reference.units()], axis=0) / count
    if method is Method.CENTRE or reference.paired < PROVISIONAL_FROM:
        return mean, None
    return mean, whitening(_Centred(reference=reference, mean=mean), reference.artist)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Centred:
    """The unit tracks of a reference minus their mean, computed again each time they are iterated."""

    reference: Reference
    mean: Matrix

    def __iter__(self) -> Iterator[Matrix]:
        return self.reference.units(self.mean)


def draw_cohort(reference: Reference, *, size: int = COHORT, seed: int = SEED) -> Rows:
    """Rows of at most ``size`` reference artists, rising, drawn by ``seed``; genres in proportion where known."""
    shuffled = np.random.default_rng(seed).permutation(len(reference.ids))
    if len(shuffled) <= size:
        return np.sort(shuffled)
    genres = reference.strata or ("",) * len(shuffled)
    _, genre = np.unique(np.array(genres)[shuffled], return_inverse=True)
    grouped = np.argsort(genre, kind="stable")
    sizes = np.bincount(genre)
    first = np.cumsum(sizes) - sizes
    # Position of each artist within its genre, in (0, 1): the smallest ones give every genre its share of the cohort.
    depth = (np.arange(len(shuffled)) - first[genre[grouped]] + 0.5) / sizes[genre[grouped]]
    return np.sort(shuffled[grouped[np.argsort(depth, kind="stable")[:size]]])


def with_cohort(bundle: Bundle, reference: Reference, chosen: Rows, whitened: Whitened | None = None) -> Bundle:
    """``bundle`` with the artists in the rows ``chosen`` of ``reference`` as its cohort, and the scores of their pairs.

    ``whitened``: the tracks of ``reference``, where they are projected already. Raises InvalidArgument as :func:`fit`.
    """
    plain = replace(bundle, method=Method.RAW)  # measures vectors alone: there is no cohort yet
    owners = reference.owners(chosen)
    vectors = None if whitened is None else _mean_vectors(whitened.tracks, reference.artist)[chosen]
    if vectors is None or not np.isfinite(vectors).all():  # measure_all raises with the artist's name
        vectors = measure_all(plain, reference.tracks, owners).vectors
    with_cohort = replace(bundle, cohort=vectors.astype(np.float64), cohort_ids=tuple(owners.ids))
    return replace(with_cohort, quantiles=_quantiles(with_cohort, vectors, owners))


def _mean_vectors(tracks: Matrix, artist: Rows) -> Vectors:
    """Unit mean of the projected tracks of each artist, ``[artist, r]``; NaN where the mean has a length near 0."""
    means = artist_means(tracks, artist)
    lengths = np.sqrt(np.einsum("ij,ij->i", means, means))[:, np.newaxis]
    return np.asarray(means / np.where(lengths > _NO_LENGTH, lengths, np.nan), dtype=np.float32)


def _quantiles(bundle: Bundle, vectors: Vectors, owners: Owners) -> Matrix:
    """Quantiles of the scores of all pairs of the cohort (``vectors``), except pairs that are one person."""
    count = len(owners.ids)
    if count < 2:
        return np.empty(0)
    stats = measure_vectors(bundle, vectors, owners)
    pairs = [_pair_scores(bundle, stats, owners, np.arange(*part)) for part in parts(count, _QUERIES)]
    return _quantiles_of(np.sort(np.concatenate(pairs)))


def _quantiles_of(rising: Matrix) -> Matrix:
    """:data:`QUANTILES` quantiles of sorted values, interpolated like ``np.quantile``; empty for no values."""
    if not rising.size:
        return rising
    return np.interp(np.linspace(0.0, rising.size - 1.0, QUANTILES), np.arange(rising.size), rising)


def _pair_scores(bundle: Bundle, stats: ArtistStats, owners: Owners, rows: Rows) -> Matrix:
    """Scores of the cohort artists in ``rows`` with the artists after them, so that each pair counts once."""
    counted = np.arange(len(owners.ids)) > rows[:, np.newaxis]
    for index, row in enumerate(rows.tolist()):
        others = owners.aliases.get(owners.ids[row])
        if others:
            counted[index] &= ~np.isin(owners.ids, sorted(others))
    return scores_between(bundle, stats.take(rows), stats)[counted]


def _key(reference: Reference, about: Sequence[str | int]) -> str:
    """SHA-256 of everything that the bundle depends on; equal keys mean equal bundles."""
    constants = (VERSION, COMPONENTS, TRACKS_PER_COMPONENT, SHRINKAGE, LOCAL_NEIGHBOURS, SEED, QUANTILES)
    aliases = {artist: sorted(others) for artist, others in reference.aliases.items()}
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
    """Measure every artist of a catalog, one after the other, so that no artist's numbers depend on another's.

    Args:
        bundle: the calibration to measure with.
        tracks: ``[track, dim]``.
        artist: ``[track]`` row of the track's artist in ``ids``.
        ids: ``[artist]``.
        aliases: artist id -> ids of the same person under other names.

    Raises:
        InvalidArgument: an artist has no track, or a track that cannot be projected; the message names the artist.
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
