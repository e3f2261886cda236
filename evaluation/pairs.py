"""Pairs of artists: measures chosen pairs with their targets, and writes all pairs of up to 100 artists as CSV.

A pairs file is CSV with the columns ``a, b, expected, least, most, before``. ``expected`` is any word (``low``,
``high``, ``subgenre``); ``least`` and ``most`` are the target; ``before`` is an earlier system's number, to show the
change. All but the two names may be empty.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluation.layer_views import ArtistSample, mixes_of, side_by_side
from evaluation.measures.distribution import Separation, ValueRange, pairs_of, separation, spread
from evaluation.measures.kinship_probability import Reliability, reliability
from evaluation.measures.statistics import SEED, Estimate
from evaluation.truth import find_artist
from indexer.files.atomic import make_folder, write_file
from indexer.tabular import fields
from indexer.tabular.records import Record, Rejected, read_records
from recommender.calibration.jackknife import standard_error_of_pair
from recommender.calibration.scores import INTERVAL_WIDTH
from recommender.errors import BadInput
from recommender.generation.open_generation import Generation
from recommender.lookup import Directory
from recommender.ranking.artists import Recommender
from recommender.signals.audio import AudioSignal
from recommender.types import LayerMix, Rows

MAX_SHOWN_ARTISTS = 500
"""Artists whose pairs are scored; those of the truth come first. 500 artists are 124,750 pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSimilarities:
    """Statistics of the similarities that users see; calibrated where the generation is calibrated."""

    spread: ValueRange
    separation: Separation
    reliability: Reliability


def measure_shown(signal: AudioSignal, sample: ArtistSample) -> ShownSimilarities:
    """Measure ``signal`` over the pairs of the artists in ``sample``."""
    chosen = _chosen(sample)
    rows = sample.rows[chosen]
    values = np.stack([signal.shown(int(row), rows) for row in rows]) if rows.size else np.empty((0, 0))
    position = np.full(len(sample.rows), -1)
    position[chosen] = np.arange(len(chosen))
    scored = []
    for pairs in (sample.related, sample.unrelated):
        inside = position[pairs]
        scored.append(inside[(inside >= 0).all(axis=1)])
    related, unrelated = (values[inside[:, 0], inside[:, 1]] for inside in scored)
    return ShownSimilarities(
        spread=spread(pairs_of(values)),
        separation=separation(related, unrelated),
        reliability=reliability(
            np.concatenate([related, unrelated]),
            np.repeat([True, False], [len(related), len(unrelated)]),
            np.concatenate([inside[:, 0] for inside in scored]),
        ),
    )


def _chosen(sample: ArtistSample) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Positions in ``sample.rows``, rising: artists of related pairs before others, at most ``MAX_SHOWN_ARTISTS``."""
    related = np.unique(sample.related)
    rest = np.setdiff1d(np.arange(len(sample.rows)), related)
    return np.sort(np.concatenate([related, rest])[:MAX_SHOWN_ARTISTS]).astype(np.int64)


FILE = "similarities.csv"
"""Name of the file in the folder of ``soundkin evaluate --out``."""
MAX_ARTISTS = 100
"""Artists in that file: 4,950 pairs. Of more artists with audio, a seeded sample."""
COLUMNS = ("a_id", "a", "b_id", "b", "layer", "cosine", "tracks_min", "tracks_mean", "tracks_max", "tracks_nearest")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPair:
    """Two artist rows and the similarity that was expected of them before the run."""

    a: int
    b: int
    expected: str
    least: float
    """NaN where no target was given; likewise ``most``."""
    most: float
    before: float
    """Similarity by an earlier system; NaN where none was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackCosines:
    """Cosines over all pairs of a track of one artist and a track of the other; NaN without audio of both."""

    least: float
    mean: float
    """Equals the cosine of the artists' means times the lengths of both means (docs/methods.md, "Artist means")."""
    most: float
    nearest: float
    """Mean over the tracks of the cosine with the nearest track of the other artist, over both directions (Chamfer)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairInLayer:
    """One pair measured in one view (layer or mix)."""

    view: str
    cosine: float
    """Cosine of the artists' vectors; NaN without audio of both."""
    tracks: TrackCosines


@dataclass(frozen=True, slots=True, kw_only=True)
class PairResult:
    """One pair measured, in the default mix and in every layer."""

    a: str
    b: str
    expected: str
    least: float
    most: float
    before: float
    value: float
    """Similarity of the audio signal, in [0, 1]: the scale of the targets."""
    score: float
    """Score of all signals by the default profile."""
    cosine: Estimate
    """With its 90 % jackknife interval over tracks; n is the number of tracks of both."""
    layers: tuple[PairInLayer, ...]

    @property
    def change(self) -> float:
        """``value`` minus ``before``; NaN where either is missing."""
        return self.value - self.before

    @property
    def status(self) -> str:
        """``in range``, ``too low``, ``too high``, ``no target`` or ``no audio``."""
        if np.isnan(self.value):
            return "no audio"
        if np.isnan(self.least) and np.isnan(self.most):
            return "no target"
        if self.value < self.least:
            return "too low"
        return "too high" if self.value > self.most else "in range"


def read_pairs(path: Path, directory: Directory) -> tuple[list[ExpectedPair], list[Rejected]]:
    """Read a pairs file: usable pairs, then the rows that are not. Raises BadInput when the whole file is unusable."""
    wanted: list[ExpectedPair] = []
    rejected: list[Rejected] = []
    for row in read_records(path, required=("a|a_mbid|a_spotify", "b|b_mbid|b_spotify")):
        if isinstance(row, Rejected):
            rejected.append(row)
            continue
        try:
            wanted.append(_pair(row, directory))
        except BadInput as error:
            rejected.append(row.reject(error.reason, error.detail))
    return wanted, rejected


def _pair(record: Record, directory: Directory) -> ExpectedPair:
    a, b = (find_artist(directory, fields.artist(record, side, prefixes=(f"{side}_",))) for side in ("a", "b"))
    if a == b:
        raise BadInput("same_artist", "a and b are the same artist; a pair needs two")
    least, most, before = (_number(record, column) for column in ("least", "most", "before"))
    expected = fields.text(record, "expected") or ""
    return ExpectedPair(a=a, b=b, expected=expected, least=least, most=most, before=before)


def _number(record: Record, column: str) -> float:
    value = fields.number(record, column)
    return float("nan") if value is None else value


def measure_pair(recommender: Recommender, wanted: ExpectedPair, mix: LayerMix) -> PairResult:
    """Measure one pair by the default profile; ``mix`` is that of the audio signal."""
    generation = recommender.generation
    names = generation.contents.artists.names
    scored = recommender.compare(wanted.a, wanted.b, mix=mix)
    audio = scored.breakdown[0]
    return PairResult(
        a=names[wanted.a],
        b=names[wanted.b],
        expected=wanted.expected,
        least=wanted.least,
        most=wanted.most,
        before=wanted.before,
        value=audio.value,
        score=scored.score,
        cosine=_with_error(generation, wanted, mix, audio.raw),
        layers=tuple(
            _in_view(generation, (wanted.a, wanted.b), name, view) for name, view in mixes_of(generation).items()
        ),
    )


def _tracks(generation: Generation, artist: int) -> Rows:
    tracks = generation.contents.tracks
    rows: Rows = tracks.vector_row[(tracks.artist == artist) & (tracks.vector_row >= 0)]
    return rows


def _with_error(generation: Generation, wanted: ExpectedPair, mix: LayerMix, cosine: float) -> Estimate:
    ours, theirs = _tracks(generation, wanted.a), _tracks(generation, wanted.b)
    nothing = float("nan")
    if not (ours.size and theirs.size):
        return Estimate(mean=nothing, low=nothing, high=nothing, n=0)
    one, other = (side_by_side(generation.tracks, mix, rows).astype(np.float64) for rows in (ours, theirs))
    reach = INTERVAL_WIDTH * standard_error_of_pair(one, other)
    low, high = max(cosine - reach, -1.0), min(cosine + reach, 1.0)
    if np.isnan(reach):
        low, high = nothing, nothing
    return Estimate(mean=cosine, low=low, high=high, n=int(ours.size + theirs.size))


def _in_view(generation: Generation, pair: tuple[int, int], name: str, mix: LayerMix) -> PairInLayer:
    """Measure two artist rows in the view ``name``, whose layers are ``mix``."""
    rows = generation.contents.artists.vector_row[list(pair)]
    if (rows < 0).any():
        nothing = float("nan")
        silent = TrackCosines(least=nothing, mean=nothing, most=nothing, nearest=nothing)
        return PairInLayer(view=name, cosine=nothing, tracks=silent)
    one, other = side_by_side(generation.artists, mix, rows).astype(np.float64)
    ours, theirs = (
        side_by_side(generation.tracks, mix, _tracks(generation, artist)).astype(np.float64) for artist in pair
    )
    return PairInLayer(view=name, cosine=float(one @ other), tracks=track_cosines(ours, theirs))


def track_cosines(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> TrackCosines:
    """Cosines between the unit track vectors ``[track, dim]`` of two artists, at least one of each.

    >>> track_cosines(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    TrackCosines(least=0.0, mean=0.5, most=1.0, nearest=0.75)
    """
    cosines = ours @ theirs.T
    return TrackCosines(
        least=float(cosines.min()),
        mean=float(cosines.mean()),
        most=float(cosines.max()),
        nearest=float(cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2,
    )


def write_similarities(generation: Generation, folder: Path) -> Path:
    """Write ``similarities.csv`` into ``folder``, which is created; return its path.

    One row per view and pair, pairs by artist id; numbers with six digits.
    """
    make_folder(folder)
    write_file(folder / FILE, _lines(generation))
    return folder / FILE


def written_artists(generation: Generation) -> Rows:
    """Rows ``[artist]`` of the artists in the file: those with audio, at most :data:`MAX_ARTISTS`."""
    embedded = np.flatnonzero(generation.contents.artists.vector_row >= 0)
    return np.sort(np.random.default_rng(SEED).permutation(embedded)[:MAX_ARTISTS]).astype(np.int64)


def _lines(generation: Generation) -> Iterator[bytes]:
    yield _line(COLUMNS)
    rows, tracks, artists = written_artists(generation), generation.contents.tracks, generation.contents.artists
    named = [(artists.ids[row], artists.names[row]) for row in rows.tolist()]
    owned = [tracks.vector_row[(tracks.artist == row) & (tracks.vector_row >= 0)] for row in rows.tolist()]
    for layer, mix in mixes_of(generation).items():
        whole = side_by_side(generation.artists, mix, artists.vector_row[rows]).astype(np.float64)
        vectors = [side_by_side(generation.tracks, mix, own).astype(np.float64) for own in owned]
        for a, b in combinations(range(len(rows)), 2):
            tracks_of = track_cosines(vectors[a], vectors[b])
            numbers = (float(whole[a] @ whole[b]), tracks_of.least, tracks_of.mean, tracks_of.most, tracks_of.nearest)
            yield _line((*named[a], *named[b], layer, *(f"{number:.6f}" for number in numbers)))


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def _line(cells: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    names = (f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell for cell in cells)
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue().encode()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
