"""Retrieve, score, blend, explain: composition over one generation, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender import explain, listening
from recommender.blend import Scores, WeightProfile
from recommender.breakdown import apart, with_itself
from recommender.directory import Directory
from recommender.diversify import limit_per_artist
from recommender.evidence import Evidence
from recommender.filters import GenreFilter, PopularityBand, having_genres
from recommender.generation import Generation
from recommender.nearest import by_nearness
from recommender.opinions import Panel, RelationSignals
from recommender.popularity import popularity_of
from recommender.several import mean_given, taken_away
from recommender.signals.audio import AudioSignal
from recommender.signals.base import Signal
from recommender.standing_out import standing_out
from recommender.types import (
    Explanation,
    LayerMix,
    Rows,
    ScoredArtist,
    ScoredTrack,
    SignalName,
    Vectors,
)
from recommender.vectors import top


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistQuery:
    """Which artists to rank, and how."""

    seeds: tuple[int, ...]
    mix: LayerMix
    negative_seeds: tuple[int, ...] = ()
    """Artists the person does not like (recommender/several.py)."""
    weights: WeightProfile | None = None
    """None: the default of the generation."""
    keep_seeds: bool = False
    """Rank the seeds too, for a line-up may have them; negative seeds are never answered."""
    candidates: frozenset[int] | None = None
    """Only these rows; None is everyone."""
    exclude: frozenset[int] = frozenset()
    genres: GenreFilter = field(default_factory=GenreFilter)
    min_tracks: int = 0
    popularity: PopularityBand = field(default_factory=PopularityBand)


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


class Recommender:
    """Answers from one generation. Stateless but for what it reads; safe to share between threads."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.directory = Directory(generation.contents)
        relations = generation.contents.relations
        self._relations = RelationSignals.of(relations)
        self._genre_columns = {name: column for column, name in enumerate(relations.genres)}
        self._popularity = popularity_of(relations)
        self._tracks_of = np.bincount(
            generation.contents.tracks.artist[generation.contents.tracks.vector_row >= 0],
            minlength=len(generation.contents.artists.ids),
        )

    def signals(self, mix: LayerMix | None = None) -> dict[SignalName, Signal]:
        """The four signals, the audio signal listening by ``mix`` (the default of the space when None)."""
        return self.panel(mix).signals

    def audio(self, mix: LayerMix | None = None) -> AudioSignal:
        """The audio signal, listening by ``mix`` (the default of the space when None)."""
        chosen = listening.by_default(self.generation.manifest.space) if mix is None else mix
        rows, layers = self.generation.contents.artists.vector_row, self.generation.calibration.layers
        return AudioSignal(self.generation.artists, rows, chosen, layers)

    def panel(self, mix: LayerMix | None = None) -> Panel:
        """The signals on every scale, the audio signal listening by ``mix`` (the default of the space when None)."""
        return Panel(self.audio(mix), self._relations, self.generation.calibration.percentiles)

    def rank_artists(self, query: ArtistQuery, *, offset: int, n: int) -> list[ScoredArtist]:
        """Artists ``offset`` … ``offset + n`` of the ranking by score, ties by id. Those without a score are left out.

        With several seeds the score is the mean of the scores with each seed that has one, less what negative seeds
        take away; the breakdown is the mean over the same seeds, so that it still adds up to the score.
        """
        profile, panel = self._profile(query.weights), self.panel(query.mix)
        rows = None if query.candidates is None else np.array(sorted(query.candidates), dtype=np.int64)
        liked, disliked = (_mean_scores(panel, profile, seeds, rows) for seeds in (query.seeds, query.negative_seeds))
        allowed = self._answerable(query) if rows is None else self._answerable(query)[rows]
        scores = np.where(allowed, liked * (1.0 - taken_away(disliked, profile.base)), np.nan)
        best = top(scores, offset + n)[offset:]
        ranked = best if rows is None else rows[best]
        for_, against = (
            [panel.say(seed, ranked, profile.scale) for seed in seeds] for seeds in (query.seeds, query.negative_seeds)
        )
        return apart(ranked, profile, for_=for_, against=against)

    def compare(self, a: int, b: int, *, mix: LayerMix, weights: WeightProfile | None = None) -> ScoredArtist:
        """``b`` as scored with the seed ``a``: the same number a ranking gives it; 1 for an artist with itself."""
        profile, row = self._profile(weights), np.array([b], dtype=np.int64)
        said = self.panel(mix).say(a, row, profile.scale)
        (scored,) = apart(row, profile, for_=[said], against=[])
        return scored

    def evidence(self, artist: int, mix: LayerMix | None = None) -> Evidence | None:
        """How much music stands behind ``artist``; None without an embedding, or in a generation that was not measured.

        With several layers, coherence and standard error are means over them by share.
        """
        chosen = listening.by_default(self.generation.manifest.space) if mix is None else mix
        layers = self.generation.calibration.layers
        row = int(self.generation.contents.artists.vector_row[artist])
        if row < 0 or not layers:
            return None
        found = [(share, layers[layer].artists.at(row).evidence) for layer, share in chosen.items()]
        total = sum(share for share, _ in found)
        return Evidence(
            tracks=found[0][1].tracks,
            coherence=sum(share * each.coherence for share, each in found) / total,
            standard_error=sum(share * each.standard_error for share, each in found) / total,
        )

    def explain(self, a: int, b: int, *, mix: LayerMix) -> Explanation:
        """What ``a`` and ``b`` share, from the evidence in the generation."""
        nearest = explain.nearest_tracks(self.generation, a, b, mix)
        return Explanation(
            genres=explain.shared_genres(self._relations.genre, self.generation.contents, a, b),
            scene_neighbours=explain.shared_neighbours(self._relations.scene, self.generation.contents, a, b),
            collaborations=explain.shared_recordings(self.generation.contents.relations.events, a, b),
            nearest_tracks=nearest,
            aspect="" if nearest is None else standing_out(self.generation, nearest[0], nearest[1]),
            listed_together=explain.listed_together(self._relations.scene, a, b),
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

    def _profile(self, asked: WeightProfile | None) -> WeightProfile:
        return self.generation.calibration.choices.default if asked is None else asked

    def _answerable(self, query: ArtistQuery) -> npt.NDArray[np.bool_]:
        """``[artist]``: it meets the conditions of ``query``, candidates apart."""
        allowed = self._genre_mask(query.genres) & (self._tracks_of >= query.min_tracks)
        allowed &= query.popularity.holds(self._popularity)
        allowed[list(query.exclude.union(query.negative_seeds, () if query.keep_seeds else query.seeds))] = False
        return allowed

    def _genre_mask(self, genres: GenreFilter) -> npt.NDArray[np.bool_]:
        artists = len(self.generation.contents.artists.ids)
        return having_genres(genres, self._relations.genre, self._genre_columns, artists)


def _mean_scores(panel: Panel, profile: WeightProfile, seeds: tuple[int, ...], rows: Rows | None) -> Scores:
    """Mean over ``seeds`` of the scores with each that has one; a single NaN without seeds."""

    def score(seed: int) -> Scores:
        scores = profile.score(panel.read(seed, profile.scale, rows))
        own = (np.arange(len(scores)) if rows is None else rows) == seed
        return with_itself(scores, own)

    return mean_given(map(score, seeds)) if seeds else np.array(np.nan)


def tracks_of(generation: Generation, artist: int) -> Rows:
    """Track rows of ``artist``, by title and then id."""
    tracks = generation.contents.tracks
    rows = np.flatnonzero(tracks.artist == artist).astype(np.int64)
    return np.array(sorted(rows.tolist(), key=lambda row: (tracks.titles[row], row)), dtype=np.int64)
