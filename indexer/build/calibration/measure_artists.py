"""Measures many artists at once; up to rounding, like ``recommender.calibration.cohort.measure`` for each of them.

Mean and standard deviation of an artist's cosines with the cohort, and the jackknife standard error, do not need a
cosine with each of a thousand cohort artists: they are quadratic forms of the cohort's Gram matrices ``[r, r]``, which
are small. Edge cases (a vector of length near 0, tracks that cancel out, a cohort without variance) are left to
``measure``, which handles one artist, so that one function decides what is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.calibration.cohort import (
    PLAIN,
    ArtistStats,
    Bundle,
    Measured,
    Method,
    cohort_stats,
    measure,
    unmeasured,
)
from recommender.calibration.jackknife import Matrix
from recommender.errors import InvalidArgument
from recommender.types import Rows, Vectors

BLOCK = 1 << 10
"""Tracks measured at once, to bound memory; an artist is never split."""
NO_ALIASES: Mapping[str, frozenset[str]] = {}
_EDGE = 1e-4
"""Artists with a length, coherence or standard deviation below it are left to :func:`measure`, whose limits are lower:
no artist is accepted here that it would refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Artists and their tracks."""

    ids: Sequence[str]
    """``[artist]``"""
    tracks: Sequence[Rows]
    """``[artist]`` rows of its tracks."""
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Artist id -> ids of the same person under other names."""

    def without(self, artist: int) -> frozenset[str]:
        """The ids that do not count in the cohort of the artist in row ``artist``: itself and its aliases."""
        return frozenset({self.ids[artist]}) | self.aliases.get(self.ids[artist], frozenset())

    def measured_alone(self, bundle: Bundle) -> npt.NDArray[np.bool_]:
        """``[artist]`` must be measured by itself: it has aliases, or the method is CSLS, which needs each cosine."""
        known = np.array([artist in self.aliases for artist in self.ids], dtype=bool)
        return known | (bundle.method is Method.CSLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CohortForms:
    """The cohort, summarised for all artists by its mean and two Gram matrices."""

    bundle: Bundle
    projected_mean: Matrix
    """``[r]`` mean of the reference tracks, projected."""
    mean: Matrix
    """``[r]`` mean of the cohort's vectors."""
    gram: Matrix
    """``[r, r]`` of the cohort's vectors."""
    deviations: Matrix
    """``[r, r]`` Gram matrix of the cohort's vectors less their mean."""
    row_of: Mapping[str, int]
    """Cohort artist -> row in the cohort."""

    @classmethod
    def of(cls, bundle: Bundle) -> _CohortForms:
        cohort = bundle.cohort
        mean = cohort.mean(axis=0) if len(cohort) else np.zeros(bundle.width)
        deviations = cohort - mean
        return cls(
            bundle=bundle,
            projected_mean=bundle.mean if bundle.projection is None else bundle.mean @ bundle.projection,
            mean=mean,
            gram=cohort.T @ cohort,
            deviations=deviations.T @ deviations,
            row_of={artist: row for row, artist in enumerate(bundle.cohort_ids)},
        )

    def rows(self, ids: Sequence[str]) -> Rows:
        """``[artist]`` row in the cohort; -1 for artists outside it."""
        return np.array([self.row_of.get(artist, -1) for artist in ids], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Some artists with all their tracks, centred, projected and scaled to length 1."""

    artists: Rows
    """``[artist]`` rows among the owners."""
    tracks: Matrix
    """``[track, r]``, artist after artist."""
    sizes: Rows
    """``[artist]`` number of tracks."""
    own: Rows
    """``[artist]`` row in the cohort; -1 for artists outside it."""
    odd: npt.NDArray[np.bool_]
    """``[artist]`` has a track of length 0 or nearly 0."""

    @property
    def starts(self) -> Rows:
        starts: Rows = np.cumsum(self.sizes) - self.sizes
        return starts

    def sums(self, rows: Matrix) -> Matrix:
        """Sums of ``rows`` ``[track, …]`` over the tracks of each artist, ``[artist, …]``.

        A sparse matrix of ones adds the tracks of each artist in their order, independent of the other artists.
        """
        bounds = np.concatenate([[0], np.cumsum(self.sizes)])
        adding = csr_array((np.ones(len(rows)), np.arange(len(rows)), bounds), shape=(len(self.sizes), len(rows)))
        sums: Matrix = adding @ rows
        return sums


def measure_all(bundle: Bundle, tracks: Vectors, owners: Owners) -> ArtistStats:
    """Measure every artist. Raises InvalidArgument, as ``measure``, for the first one that cannot be measured."""
    stats, single = _measure_in_blocks(bundle, tracks, owners)
    for row in single.tolist():
        _set_row(stats, row, measure(bundle, tracks[owners.tracks[row]], without=owners.without(row)))
    return stats


def measure_able(bundle: Bundle, tracks: Vectors, owners: Owners) -> tuple[ArtistStats, list[tuple[str, str]]]:
    """Measure every artist that can be measured; also returns (id, reason) of the others, whose numbers are NaN."""
    stats, single = _measure_in_blocks(bundle, tracks, owners)
    failed = []
    for row in single.tolist():
        own = tracks[owners.tracks[row]]
        try:
            measured = measure(bundle, own, without=owners.without(row))
        except InvalidArgument as error:
            measured = unmeasured(width=bundle.width, tracks=len(own))
            failed.append((owners.ids[row], str(error)))
        _set_row(stats, row, measured)
    return stats, failed


def measure_vectors(bundle: Bundle, vectors: Vectors, owners: Owners) -> ArtistStats:
    """Cohort statistics of artists whose ``vectors`` ``[artist, r]`` are known.

    Coherence and standard error are NaN, because they need tracks. Raises InvalidArgument as
    ``recommender.calibration.cohort.cohort_stats`` does.
    """
    count, forms = len(vectors), _CohortForms.of(bundle)
    mean, sd = np.zeros(count), np.ones(count)
    if bundle.method not in PLAIN:
        mean, sd = _cohort_stats(forms, vectors.astype(np.float64), forms.rows(owners.ids))
        for row in np.flatnonzero(~(sd > _EDGE) | owners.measured_alone(bundle)).tolist():
            mean[row], sd[row] = cohort_stats(bundle, vectors[row], without=owners.without(row))
    nan = np.full(count, np.nan)
    no_tracks = np.zeros(count, dtype=np.int64)
    return ArtistStats(vectors=vectors, mean=mean, sd=sd, coherence=nan, tracks=no_tracks, standard_error=nan)


def _set_row(stats: ArtistStats, row: int, measured: Measured) -> None:
    single = ArtistStats.of([measured], width=stats.vectors.shape[1])
    for column in fields(stats):
        getattr(stats, column.name)[row] = getattr(single, column.name)[0]


def _measure_in_blocks(bundle: Bundle, tracks: Vectors, owners: Owners) -> tuple[ArtistStats, Rows]:
    """The numbers of all artists, and the rows of those that must be measured one by one: their numbers are invalid."""
    count, forms = len(owners.ids), _CohortForms.of(bundle)
    stats = ArtistStats(
        vectors=np.zeros((count, bundle.width), dtype=np.float32),
        mean=np.zeros(count),
        sd=np.ones(count),
        coherence=np.zeros(count),
        tracks=np.array([len(rows) for rows in owners.tracks], dtype=np.int64),
        standard_error=np.full(count, np.nan),
    )
    single = np.array([not len(rows) for rows in owners.tracks], dtype=bool)
    single |= owners.measured_alone(bundle)
    able = np.flatnonzero(~single)
    for artists in _parts(able, stats.tracks[able]):
        block = _project(forms, tracks, owners, artists)
        edge_cases = block.odd | _measure_means(forms, block, stats) | _measure_errors(forms, block, stats)
        single[artists] = edge_cases
    return stats, np.flatnonzero(single)


def _parts(artists: Rows, sizes: Rows) -> Iterator[Rows]:
    """Split ``artists`` into parts of about :data:`BLOCK` tracks."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(artists):
        start = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, start + BLOCK, side="right")), first + 1)
        yield artists[first:last]
        first = last


def _project(forms: _CohortForms, tracks: Vectors, owners: Owners, artists: Rows) -> _Block:
    """Gather the tracks of ``artists``, scale them to length 1, centre, project, and scale again.

    ``(x / |x| - mean) P`` is computed as ``x P / |x| - mean P``: projected first, the arrays are narrow from then on.
    """
    chosen = [owners.tracks[row] for row in artists.tolist()]
    sizes = np.array([len(rows) for rows in chosen], dtype=np.int64)
    wide = tracks[np.concatenate(chosen)].astype(np.float64)
    lengths = _lengths(wide)
    projection = forms.bundle.projection
    with np.errstate(divide="ignore", invalid="ignore"):
        projected = (wide if projection is None else wide @ projection) / lengths - forms.projected_mean
        scale = _lengths(projected)
        projected /= scale
    sound = (lengths > _EDGE) & (scale > _EDGE) & np.isfinite(lengths) & np.isfinite(scale)
    starts = np.cumsum(sizes) - sizes
    return _Block(
        artists=artists,
        tracks=projected,
        sizes=sizes,
        own=forms.rows([owners.ids[row] for row in artists.tolist()]),
        odd=~np.logical_and.reduceat(sound[:, 0], starts),
    )


def _measure_means(forms: _CohortForms, block: _Block, stats: ArtistStats) -> npt.NDArray[np.bool_]:
    """Set vector, coherence and cohort statistics of the artists in a block; returns which of them are edge cases.

    Coherence is the length of the mean of an artist's unit tracks: 1 when they are equal, near 0 when they cancel out.
    """
    sums = block.sums(block.tracks) / block.sizes[:, np.newaxis]
    coherence = _lengths(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        vectors = (sums / coherence).astype(np.float32)
    stats.vectors[block.artists] = vectors
    stats.coherence[block.artists] = np.minimum(coherence[:, 0], 1.0)
    weak: npt.NDArray[np.bool_] = ~(coherence[:, 0] > _EDGE)
    if forms.bundle.method in PLAIN:
        return weak
    mean, sd = _cohort_stats(forms, vectors.astype(np.float64), block.own)
    stats.mean[block.artists], stats.sd[block.artists] = mean, sd
    return weak | ~(sd > _EDGE)


def _cohort_stats(forms: _CohortForms, vectors: Matrix, own: Rows) -> tuple[Matrix, Matrix]:
    """Mean and standard deviation of the cosines with the cohort, without the artist itself; NaN for an empty cohort.

    The mean cosine of a vector v is ``v · cohort mean``, and the sum of squared deviations is ``v D v``, with D the
    Gram matrix of the cohort's deviations. Removing one value x from n values of mean m lowers the mean by
    ``(x - m) / (n - 1)``, and the sum of squared deviations by ``(x - m)^2 n / (n - 1)``.
    """
    n = len(forms.bundle.cohort)
    inside = own >= 0
    mean = vectors @ forms.mean
    squares = _quadratic_forms(vectors, forms.deviations)
    away = np.where(inside, _own_cosines(forms, vectors, own) - mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = n - inside.astype(np.float64)
        squares = np.maximum(squares - away**2 * n / rest, 0.0)  # rounding can make it slightly negative
        return mean - away / rest, np.sqrt(squares / rest)


def _measure_errors(forms: _CohortForms, block: _Block, stats: ArtistStats) -> npt.NDArray[np.bool_]:
    """Set the jackknife standard errors of the artists in a block; returns which of them are edge cases.

    The formula of ``recommender.calibration.jackknife`` (docs/methods.md, "Jackknife"): an artist's vector is computed
    again without each of its k tracks. With d the deviations of these k vectors from their mean, and G the Gram matrix
    of the n cohort artists, the squared error of a cosine, averaged over the cohort, is (k - 1) / k · Σ d G d / n.
    """
    many = block.sizes >= 2
    if not len(forms.bundle.cohort) or not many.any():
        return np.zeros(len(block.sizes), dtype=bool)
    artist = np.repeat(np.arange(len(block.sizes)), block.sizes)
    rest = block.sums(block.tracks)[artist] - block.tracks
    lengths = _lengths(rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest /= lengths
        deviations = rest - (block.sums(rest) / block.sizes[:, np.newaxis])[artist]
        own = block.own[artist]
        # The artist itself, when it is in the cohort, does not count.
        own_cosines = np.where(own >= 0, _own_cosines(forms, deviations, own), 0.0)
        squares = _quadratic_forms(deviations, forms.gram) - own_cosines**2
        variance = block.sums(squares) / (len(forms.bundle.cohort) - (block.own >= 0))
        error = np.sqrt(np.maximum((block.sizes - 1) / block.sizes * variance, 0.0))
    stats.standard_error[block.artists] = np.where(many, error, np.nan)
    short = ~np.logical_and.reduceat(lengths[:, 0] > _EDGE, block.starts)
    return many & (short | ~np.isfinite(error))


def _own_cosines(forms: _CohortForms, rows: Matrix, own: Rows) -> Matrix:
    """Inner product of each row with the cohort artist at ``own``; meaningless where that is -1."""
    return np.einsum("ij,ij->i", rows, forms.bundle.cohort[own]) if len(forms.bundle.cohort) else np.zeros(len(rows))


def _quadratic_forms(rows: Matrix, gram: Matrix) -> Matrix:
    """``x G x`` of each row x of ``rows``."""
    return np.asarray(np.einsum("ij,ij->i", rows @ gram, rows), dtype=np.float64)


def _lengths(rows: Matrix) -> Matrix:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, np.newaxis], dtype=np.float64)
