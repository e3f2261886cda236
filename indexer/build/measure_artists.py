"""Many artists measured at once: to rounding, what ``recommender.calibration.cohort.measure`` gives for each of them.

The standing of an artist against the cohort, and the spread of its cosines with it, need no cosine with each of a
thousand cohort artists: they are quadratic forms of the cohort's Gram matrices, which are small. Whatever stands on an
edge (a vector without direction, tracks that cancel, a cohort in which nobody stands out) is left to the function that
measures one artist, so that what is refused, and why, is decided in one place.
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
"""Tracks looked at together; an artist is never cut."""
NO_ALIASES: Mapping[str, frozenset[str]] = {}
_EDGE = 1e-4
"""Below it a length, a coherence or a standard deviation is looked at by :func:`measure`, whose own limits are
lower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Artists, and which tracks are theirs."""

    ids: Sequence[str]
    """``[artist]``"""
    tracks: Sequence[Rows]
    """``[artist]`` rows of its tracks."""
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Artist id -> ids of the same person under other names."""

    def without(self, artist: int) -> frozenset[str]:
        """The ids that stay out of the cohort of the artist in this row."""
        return frozenset({self.ids[artist]}) | self.aliases.get(self.ids[artist], frozenset())

    def aside(self, bundle: Bundle) -> npt.NDArray[np.bool_]:
        """``[artist]`` leaves others out of the cohort too; with CSLS, which asks for single cosines, everybody."""
        known = np.array([artist in self.aliases for artist in self.ids], dtype=bool)
        return known | (bundle.method is Method.CSLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What every artist is held against."""

    bundle: Bundle
    projected_mean: Matrix
    """``[r]``"""
    middle: Matrix
    """``[r]`` mean of the cohort's vectors."""
    gram: Matrix
    """``[r, r]`` of the cohort's vectors."""
    deviations: Matrix
    """``[r, r]`` Gram matrix of the cohort's vectors less their mean."""
    places: Mapping[str, int]
    """Cohort artist -> row."""

    @classmethod
    def of(cls, bundle: Bundle) -> _Frame:
        cohort = bundle.cohort
        middle = cohort.mean(axis=0) if len(cohort) else np.zeros(bundle.width)
        apart = cohort - middle
        return cls(
            bundle=bundle,
            projected_mean=bundle.mean if bundle.projection is None else bundle.mean @ bundle.projection,
            middle=middle,
            gram=cohort.T @ cohort,
            deviations=apart.T @ apart,
            places={artist: row for row, artist in enumerate(bundle.cohort_ids)},
        )

    def own(self, ids: Sequence[str]) -> Rows:
        """``[artist]`` row in the cohort; -1 outside it."""
        return np.array([self.places.get(artist, -1) for artist in ids], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Some artists with all their tracks, moved."""

    artists: Rows
    """Their rows."""
    moved: Matrix
    """``[track, r]`` artist after artist."""
    sizes: Rows
    own: Rows
    """``[artist]`` row in the cohort; -1 outside it."""
    odd: npt.NDArray[np.bool_]
    """``[artist]`` has a track that has no direction, or nearly none."""

    @property
    def starts(self) -> Rows:
        found: Rows = np.cumsum(self.sizes) - self.sizes
        return found

    def sums(self, rows: Matrix) -> Matrix:
        """Of what there is for each track, over the tracks of each artist."""
        bounds = np.concatenate([[0], np.cumsum(self.sizes)])
        adding = csr_array((np.ones(len(rows)), np.arange(len(rows)), bounds), shape=(len(self.sizes), len(rows)))
        found: Matrix = adding @ rows
        return found


def measure_all(bundle: Bundle, tracks: Vectors, owners: Owners) -> ArtistStats:
    """Measure every artist. Raises InvalidArgument as ``measure`` does, for the first that cannot be."""
    stats, left = _in_blocks(bundle, tracks, owners)
    for row in left.tolist():
        _put(stats, row, measure(bundle, tracks[owners.tracks[row]], without=owners.without(row)))
    return stats


def measure_able(bundle: Bundle, tracks: Vectors, owners: Owners) -> tuple[ArtistStats, list[tuple[str, str]]]:
    """Measure every artist that can be; and (id, why) of the others, which have no vector and NaN for all else."""
    stats, left = _in_blocks(bundle, tracks, owners)
    failed = []
    for row in left.tolist():
        own = tracks[owners.tracks[row]]
        try:
            found = measure(bundle, own, without=owners.without(row))
        except InvalidArgument as error:
            found = unmeasured(width=bundle.width, tracks=len(own))
            failed.append((owners.ids[row], str(error)))
        _put(stats, row, found)
    return stats, failed


def stand(bundle: Bundle, vectors: Vectors, owners: Owners) -> ArtistStats:
    """How alike artists whose ``vectors`` ``[artist, r]`` are known are to the cohort; no tracks, hence no evidence.

    Raises InvalidArgument as ``recommender.calibration.cohort.cohort_stats`` does.
    """
    count, frame = len(vectors), _Frame.of(bundle)
    mean, sd = np.zeros(count), np.ones(count)
    if bundle.method not in PLAIN:
        mean, sd = _standing(frame, vectors.astype(np.float64), frame.own(owners.ids))
        for row in np.flatnonzero(~(sd > _EDGE) | owners.aside(bundle)).tolist():
            mean[row], sd[row] = cohort_stats(bundle, vectors[row], without=owners.without(row))
    nothing = np.full(count, np.nan)
    none = np.zeros(count, dtype=np.int64)
    return ArtistStats(vectors=vectors, mean=mean, sd=sd, coherence=nothing, tracks=none, standard_error=nothing)


def _put(stats: ArtistStats, row: int, one: Measured) -> None:
    single = ArtistStats.of([one], width=stats.vectors.shape[1])
    for each in fields(stats):
        getattr(stats, each.name)[row] = getattr(single, each.name)[0]


def _in_blocks(bundle: Bundle, tracks: Vectors, owners: Owners) -> tuple[ArtistStats, Rows]:
    """Everybody's numbers, and the rows of those that have to be measured one by one: theirs mean nothing."""
    count, frame = len(owners.ids), _Frame.of(bundle)
    stats = ArtistStats(
        vectors=np.zeros((count, bundle.width), dtype=np.float32),
        mean=np.zeros(count),
        sd=np.ones(count),
        coherence=np.zeros(count),
        tracks=np.array([len(rows) for rows in owners.tracks], dtype=np.int64),
        standard_error=np.full(count, np.nan),
    )
    left = np.array([not len(rows) for rows in owners.tracks], dtype=bool)
    left |= owners.aside(bundle)
    able = np.flatnonzero(~left)
    for artists in _parts(able, stats.tracks[able]):
        block = _moved(frame, tracks, owners, artists)
        left[artists] = block.odd | _middle(frame, block, stats) | _spread(frame, block, stats)
    return stats, np.flatnonzero(left)


def _parts(artists: Rows, sizes: Rows) -> Iterator[Rows]:
    """``artists`` in parts of about :data:`BLOCK` tracks."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(artists):
        begun = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, begun + BLOCK, side="right")), first + 1)
        yield artists[first:last]
        first = last


def _moved(frame: _Frame, tracks: Vectors, owners: Owners, artists: Rows) -> _Block:
    """Gather, centre, project and scale."""
    chosen = [owners.tracks[row] for row in artists.tolist()]
    sizes = np.array([len(rows) for rows in chosen], dtype=np.int64)
    wide = tracks[np.concatenate(chosen)].astype(np.float64)
    lengths = _lengths(wide)
    projection = frame.bundle.projection
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = (wide if projection is None else wide @ projection) / lengths - frame.projected_mean
        scale = _lengths(moved)
        moved /= scale
    sound = (lengths > _EDGE) & (scale > _EDGE) & np.isfinite(lengths) & np.isfinite(scale)
    starts = np.cumsum(sizes) - sizes
    return _Block(
        artists=artists,
        moved=moved,
        sizes=sizes,
        own=frame.own([owners.ids[row] for row in artists.tolist()]),
        odd=~np.logical_and.reduceat(sound[:, 0], starts),
    )


def _middle(frame: _Frame, block: _Block, stats: ArtistStats) -> npt.NDArray[np.bool_]:
    """Enter vector, coherence and standing; who stands on an edge."""
    sums = block.sums(block.moved) / block.sizes[:, np.newaxis]
    coherence = _lengths(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        vectors = (sums / coherence).astype(np.float32)
    stats.vectors[block.artists] = vectors
    stats.coherence[block.artists] = np.minimum(coherence[:, 0], 1.0)
    weak: npt.NDArray[np.bool_] = ~(coherence[:, 0] > _EDGE)
    if frame.bundle.method in PLAIN:
        return weak
    mean, sd = _standing(frame, vectors.astype(np.float64), block.own)
    stats.mean[block.artists], stats.sd[block.artists] = mean, sd
    return weak | ~(sd > _EDGE)


def _standing(frame: _Frame, vectors: Matrix, own: Rows) -> tuple[Matrix, Matrix]:
    """Mean and standard deviation of the cosines with the cohort, oneself left out; NaN where nobody is left.

    To take one value x off n of mean m: the mean loses ``(x - m) / (n - 1)``, the sum of squared deviations
    ``(x - m)^2 n / (n - 1)``.
    """
    n = len(frame.bundle.cohort)
    inside = own >= 0
    mean = vectors @ frame.middle
    squares = _forms(vectors, frame.deviations)
    away = np.where(inside, _with_own(frame, vectors, own) - mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = n - inside.astype(np.float64)
        squares = np.maximum(squares - away**2 * n / left, 0.0)
        return mean - away / left, np.sqrt(squares / left)


def _spread(frame: _Frame, block: _Block, stats: ArtistStats) -> npt.NDArray[np.bool_]:
    """Enter the jackknife standard error, as ``recommender.calibration.jackknife`` has it; who stands on an edge."""
    many = block.sizes >= 2
    if not len(frame.bundle.cohort) or not many.any():
        return np.zeros(len(block.sizes), dtype=bool)
    each = np.repeat(np.arange(len(block.sizes)), block.sizes)
    rest = block.sums(block.moved)[each] - block.moved
    lengths = _lengths(rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest /= lengths
        apart = rest - (block.sums(rest) / block.sizes[:, np.newaxis])[each]
        own = block.own[each]
        squares = _forms(apart, frame.gram) - np.where(own >= 0, _with_own(frame, apart, own), 0.0) ** 2
        variance = block.sums(squares) / (len(frame.bundle.cohort) - (block.own >= 0))
        error = np.sqrt(np.maximum((block.sizes - 1) / block.sizes * variance, 0.0))
    stats.standard_error[block.artists] = np.where(many, error, np.nan)
    short = ~np.logical_and.reduceat(lengths[:, 0] > _EDGE, block.starts)
    return many & (short | ~np.isfinite(error))


def _with_own(frame: _Frame, rows: Matrix, own: Rows) -> Matrix:
    """Inner product of each row with the cohort artist at ``own``; of no meaning where that is -1."""
    return np.einsum("ij,ij->i", rows, frame.bundle.cohort[own]) if len(frame.bundle.cohort) else np.zeros(len(rows))


def _forms(rows: Matrix, gram: Matrix) -> Matrix:
    """``x G x`` of each row."""
    return np.asarray(np.einsum("ij,ij->i", rows @ gram, rows), dtype=np.float64)


def _lengths(rows: Matrix) -> Matrix:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, np.newaxis], dtype=np.float64)
