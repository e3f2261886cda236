"""Retrieve, score, blend, explain: composition over one generation, and nothing else."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender import explain, listening
from recommender.blend import DEFAULT_PROFILE, PROFILES, SIGNALS, Blended, WeightProfile, blend
from recommender.directory import Directory
from recommender.diversify import limit_per_artist
from recommender.filters import GenreFilter, having_genres
from recommender.generation import Generation
from recommender.nearest import by_nearness
from recommender.signals.audio import AudioSignal
from recommender.signals.base import Signal
from recommender.signals.collaboration import CollaborationSignal
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import (
    Explanation,
    LayerMix,
    Rows,
    ScoredArtist,
    ScoredTrack,
    SignalName,
    SignalScore,
    Vectors,
)
from recommender.vectors import order


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistQuery:
    """Which artists to rank, and how. Seeds are never among the answers."""

    seeds: tuple[int, ...]
    mix: LayerMix
    weights: WeightProfile = PROFILES[DEFAULT_PROFILE]
    candidates: frozenset[int] | None = None
    """Only these rows; None is everyone."""
    exclude: frozenset[int] = frozenset()
    genres: GenreFilter = field(default_factory=GenreFilter)
    min_tracks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackQuery:
    """Which tracks to rank, and how."""

    vectors: Mapping[str, Vectors]
    """Layer -> unit vector ``[dim]`` of the seed."""
    mix: LayerMix
    exclude_track: int = -1
    exclude_artist: int = -1
    max_per_artist: int = 0
    genres: GenreFilter = field(default_factory=GenreFilter)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SeedScores:
    """What every signal said about one seed and some artists."""

    raw: npt.NDArray[np.float64]
    """``[signal, artist]``"""
    values: npt.NDArray[np.float64]
    """``[signal, artist]``"""
    blended: Blended


class Recommender:
    """Answers from one generation. Stateless but for what it reads; safe to share between threads."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.directory = Directory(generation.contents)
        relations = generation.contents.relations
        self._genre = GenreSignal(relations.genre_weights)
        self._scene = SceneSignal(relations.scene_strengths, relations.scene_mentioned, relations.scene_listed)
        self._collaboration = CollaborationSignal(relations.collaborations, relations.collaboration_known)
        self._genre_columns = {name: column for column, name in enumerate(relations.genres)}
        self._tracks_of = np.bincount(
            generation.contents.tracks.artist[generation.contents.tracks.vector_row >= 0],
            minlength=len(generation.contents.artists.ids),
        )

    def signals(self, mix: LayerMix | None = None) -> dict[SignalName, Signal]:
        """The four signals, the audio signal listening by ``mix`` (the default of the space when None)."""
        chosen = listening.by_default(self.generation.manifest.space) if mix is None else mix
        audio = AudioSignal(self.generation.artists, self.generation.contents.artists.vector_row, chosen)
        signals: tuple[Signal, ...] = (audio, self._scene, self._genre, self._collaboration)
        return {signal.name: signal for signal in signals}

    def rank_artists(self, query: ArtistQuery, *, offset: int, n: int) -> list[ScoredArtist]:
        """Artists ``offset`` … ``offset + n`` of the ranking by score, ties by id. Those without a score are left out.

        With several seeds the score is the mean of the scores with each seed that has one; the breakdown is the mean
        over the same seeds, so that contributions still sum to the score.
        """
        signals = self._ordered_signals(query.mix)
        raws = [np.stack([signal.raw(seed) for signal in signals]) for seed in query.seeds]
        scores = _mean_scores(_score(signals, raw, query.weights).blended.scores for raw in raws)
        scores[~self._answerable(query)] = np.nan
        ranked = order(scores)[: int(np.count_nonzero(~np.isnan(scores)))][offset : offset + n]
        return _scored(ranked, scores[ranked], [_score(signals, raw[:, ranked], query.weights) for raw in raws])

    def compare(self, a: int, b: int, *, mix: LayerMix, weights: WeightProfile) -> ScoredArtist:
        """``b`` as scored with the seed ``a``: the same number a ranking gives it."""
        signals = self._ordered_signals(mix)
        seed = _score(signals, np.stack([signal.raw(a)[[b]] for signal in signals]), weights)
        return _scored(np.array([b]), seed.blended.scores, [seed])[0]

    def explain(self, a: int, b: int, *, mix: LayerMix) -> Explanation:
        """What ``a`` and ``b`` share, from the evidence in the generation."""
        return Explanation(
            genres=explain.shared_genres(self._genre, self.generation.contents, a, b),
            scene_neighbours=explain.shared_neighbours(self._scene, self.generation.contents, a, b),
            collaborations=explain.shared_recordings(self.generation.contents.relations.events, a, b),
            nearest_tracks=explain.nearest_tracks(self.generation, a, b, mix),
        )

    def track_vectors(self, track: int, mix: LayerMix) -> dict[str, Vectors] | None:
        """Layer -> unit vector of ``track`` for every layer of ``mix``; None when it has no embedding."""
        row = int(self.generation.contents.tracks.vector_row[track])
        if row < 0:
            return None
        return {layer: self.generation.tracks[layer].vectors(np.array([row]))[0] for layer in mix}

    def rank_tracks(self, query: TrackQuery, *, offset: int, n: int) -> list[ScoredTrack]:
        """Tracks ``offset`` … ``offset + n`` by cosine under the mix, ties by id."""
        tracks = self.generation.contents.tracks
        indexed = np.flatnonzero(tracks.vector_row >= 0)
        allowed = self._genre_mask(query.genres)[tracks.artist] & (tracks.artist != query.exclude_artist)
        nearest = by_nearness(self.generation.tracks, query.mix, query.vectors) if indexed.size else iter(())
        named = ((int(indexed[row]), cosine) for row, cosine in nearest)
        kept = ((row, cosine) for row, cosine in named if allowed[row] and row != query.exclude_track)
        limited = limit_per_artist(kept, lambda item: int(tracks.artist[item[0]]), query.max_per_artist)
        page = itertools.islice(limited, offset, offset + n)
        return [ScoredTrack(row=row, score=max(cosine, 0.0), cosine=cosine) for row, cosine in page]

    def _ordered_signals(self, mix: LayerMix) -> list[Signal]:
        signals = self.signals(mix)
        return [signals[name] for name in SIGNALS]

    def _answerable(self, query: ArtistQuery) -> npt.NDArray[np.bool_]:
        count = len(self.generation.contents.artists.ids)
        allowed = np.ones(count, dtype=bool)
        if query.candidates is not None:
            allowed[:] = False
            allowed[list(query.candidates)] = True
        allowed[list(query.exclude | set(query.seeds))] = False
        return allowed & self._genre_mask(query.genres) & (self._tracks_of >= query.min_tracks)

    def _genre_mask(self, genres: GenreFilter) -> npt.NDArray[np.bool_]:
        return having_genres(genres, self._genre, self._genre_columns, len(self.generation.contents.artists.ids))


def _score(signals: Sequence[Signal], raw: npt.NDArray[np.float64], weights: WeightProfile) -> _SeedScores:
    """Calibrate and blend raw opinions ``[signal, artist]``."""
    values = np.stack([signal.value(opinions) for signal, opinions in zip(signals, raw, strict=True)])
    return _SeedScores(raw=raw, values=values, blended=blend(values, weights))


def _mean_scores(per_seed: Iterable[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Mean over the seeds of ``[artist]`` scores that are not NaN; NaN where none is. One seed in memory at a time."""
    sums, counts = np.zeros(()), np.zeros((), dtype=np.int64)
    for scores in per_seed:
        given = ~np.isnan(scores)
        sums, counts = sums + np.where(given, scores, 0.0), counts + given
    means: npt.NDArray[np.float64] = np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)
    return means


def _mean_opinion(stacked: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over axis 0 of what is not NaN; NaN where nothing is."""
    return _mean_scores(iter(stacked))


def _scored(rows: Rows, scores: npt.NDArray[np.float64], per_seed: Sequence[_SeedScores]) -> list[ScoredArtist]:
    """``rows``, their scores ``[row]``, and breakdowns: means over the seeds that scored the row, so that they add up.

    ``per_seed`` speaks of these rows only.
    """
    silent = np.stack([np.isnan(seed.blended.scores) for seed in per_seed])[:, np.newaxis]
    silent &= ~silent.all(axis=0)  # where no seed scored the row, all of them say what they know

    def mean(parts: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """``[seed][signal, artist]`` -> ``[row, signal]``"""
        return _mean_opinion(np.where(silent, np.nan, np.stack(parts))).T

    columns = (
        mean([seed.raw for seed in per_seed]).tolist(),
        mean([seed.values for seed in per_seed]).tolist(),
        mean([seed.blended.weights for seed in per_seed]).tolist(),
        mean([seed.blended.contributions for seed in per_seed]).tolist(),
    )
    return [
        ScoredArtist(row=row, score=score, breakdown=_breakdown(*parts))
        for row, score, *parts in zip(rows.tolist(), scores.tolist(), *columns, strict=True)
    ]


def _breakdown(
    raws: list[float], values: list[float], weights: list[float], contributions: list[float]
) -> tuple[SignalScore, ...]:
    return tuple(
        SignalScore(
            signal=name, available=not math.isnan(value), raw=raw, value=value, weight=weight, contribution=contribution
        )
        for name, raw, value, weight, contribution in zip(SIGNALS, raws, values, weights, contributions, strict=True)
    )


def tracks_of(generation: Generation, artist: int) -> Rows:
    """Track rows of ``artist``, by title and then id."""
    tracks = generation.contents.tracks
    rows = np.flatnonzero(tracks.artist == artist).astype(np.int64)
    return np.array(sorted(rows.tolist(), key=lambda row: (tracks.titles[row], row)), dtype=np.int64)
