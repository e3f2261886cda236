"""Retrieve, score, blend, explain: composition over one generation, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from recommender import layer_mix
from recommender.calibration.jackknife import VectorReliability
from recommender.explain import shared_facts
from recommender.explain.score_breakdown import break_down, with_itself
from recommender.explain.shared_facts import standout_aspect
from recommender.fusion.profiles import WeightProfile
from recommender.fusion.seeds import mean_given, negative_share
from recommender.generation.candidate_files import Candidates
from recommender.generation.open_generation import Generation
from recommender.lookup import Directory
from recommender.ranking.popularity import NEUTRAL, order_keys, popularity_of
from recommender.ranking.tracks import TrackRanking
from recommender.retrieval.candidates import CandidateRetriever
from recommender.retrieval.filters import GenreFilter, PopularityBand, having_genres
from recommender.signals.audio import AudioSignal
from recommender.signals.base import Signal, positions
from recommender.signals.panel import RelationSignals, SignalPanel
from recommender.types import (
    Explanation,
    LayerMix,
    Rows,
    ScoredArtist,
    Scores,
    SignalName,
)
from recommender.vectors import top


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistQuery:
    """Which artists to rank, and how."""

    seeds: tuple[int, ...]
    mix: LayerMix
    negative_seeds: tuple[int, ...] = ()
    """Artists the person does not like (recommender/fusion/seeds.py)."""
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
    depth: float = NEUTRAL
    """From 0, familiar, to 1, deep (recommender/ranking/popularity.py)."""


class Recommender:
    """Answers from one generation. Stateless but for what it reads; safe to share between threads."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.directory = Directory(generation.contents)
        relations = generation.contents.relations
        self._relations = RelationSignals.of(relations)
        columns = {name: column for column, name in enumerate(relations.genres)}
        # no method of this object: a circle of references would keep a generation open after its last reader
        self._having_genres = partial(having_genres, signal=self._relations.genre, columns=columns)
        self.tracks = TrackRanking(generation, self._having_genres)
        self.popularity = popularity_of(relations)
        tracks = generation.contents.tracks
        embedded = np.flatnonzero(tracks.vector_row >= 0)
        self._tracks_of = np.bincount(tracks.artist[embedded], minlength=len(generation.contents.artists.ids))
        self._by_artist = embedded[np.argsort(tracks.artist[embedded], kind="stable")]
        self._last_of = np.cumsum(self._tracks_of)
        self._choices = generation.calibration.choices
        self._default_mix = layer_mix.by_default(generation.manifest.space)
        held = generation.candidates
        self._neighbourhood = None if held is None else self._neighbours(held)

    def signals(self, mix: LayerMix | None = None) -> dict[SignalName, Signal]:
        """The four signals, the audio signal listening by ``mix`` (the default of the space when None)."""
        return self.panel(mix).signals

    def audio(self, mix: LayerMix | None = None) -> AudioSignal:
        """The audio signal, listening by ``mix`` (the default of the space when None)."""
        chosen = layer_mix.by_default(self.generation.manifest.space) if mix is None else mix
        rows, layers = self.generation.contents.artists.vector_row, self.generation.calibration.layers
        return AudioSignal(self.generation.artists, rows, chosen, layers)

    def panel(self, mix: LayerMix | None = None) -> SignalPanel:
        """The signals on every scale, the audio signal listening by ``mix`` (the default of the space when None)."""
        return SignalPanel(self.audio(mix), self._relations, self.generation.calibration.percentiles)

    def rank_artists(self, query: ArtistQuery, *, offset: int, n: int) -> list[ScoredArtist]:
        """Artists ``offset`` … ``offset + n`` of the ranking by score, ties by id. Those without a score are left out.

        Where the dial is turned, the order is by its key (recommender/ranking/popularity.py); the scores stay.

        With several seeds the score is the mean of the scores with each seed that has one, less what negative seeds
        take away; the breakdown is the mean over the same seeds, so that it still adds up to the score.
        """
        profile, panel = self._profile(query.weights), self.panel(query.mix)
        ranked = self._order(query, panel, offset + n)[offset:]
        for_, against = (
            [panel.say(seed, ranked, profile.scale) for seed in seeds] for seeds in (query.seeds, query.negative_seeds)
        )
        return break_down(ranked, profile, for_=for_, against=against)

    def order_artists(self, query: ArtistQuery, *, n: int) -> Rows:
        """The rows of the first ``n`` that :meth:`rank_artists` gives, without what each signal was worth."""
        return self._order(query, self.panel(query.mix), n)

    def _order(self, query: ArtistQuery, panel: SignalPanel, depth: int) -> Rows:
        """The first ``depth`` rows of the ranking.

        Where candidates can answer, as many as the generation promises come from them, and what follows is what stands
        behind those among everyone: so pages put together are one ranking, whatever their size. With fewer candidates
        left than that, everyone is compared from the start.
        """
        if query.candidates is not None:
            line_up = np.array(sorted(query.candidates), dtype=np.int64)
            return line_up[top(self._keys(query, panel, line_up), depth)]
        near = self._near(query)
        if near is None:
            return top(self._keys(query, panel), depth)
        rows, first = near
        keys = self._keys(query, panel, rows)
        best = top(keys, first)
        if len(best) < first:
            return top(self._keys(query, panel), depth)
        if depth <= first:
            return rows[best[:depth]]
        every = self._keys(query, panel)
        return np.concatenate([rows[best], _behind(every, keys[best[-1]], int(rows[best[-1]]), depth - first)])

    def heard_tracks(self, artist: int) -> Rows:
        """Rows of the embedded tracks of ``artist``, rising."""
        last = int(self._last_of[artist])
        return self._by_artist[last - int(self._tracks_of[artist]) : last]

    def _neighbours(self, held: Candidates) -> CandidateRetriever:
        layers, contents = self.generation.calibration.layers, self.generation.contents
        return CandidateRetriever(held, relations=self._relations, layers=layers, contents=contents)

    def _near(self, query: ArtistQuery) -> tuple[Rows, int] | None:
        """Rows of candidates and how many of the first places they fill; None where that was never measured."""
        if self._neighbourhood is None or query.depth != NEUTRAL or len(query.seeds) != 1 or query.negative_seeds:
            return None
        entry, named = self._neighbourhood.entry, self._choices.named
        if self._profile(query.weights) is not named.get(entry.profile) or query.mix != self._default_mix:
            return None
        return self._neighbourhood.of(query.seeds[0]), entry.first

    def _keys(self, query: ArtistQuery, panel: SignalPanel, rows: Rows | None = None) -> Scores:
        """What everyone, or the artists at ``rows``, are ordered by; NaN for whom is not answered."""
        profile = self._profile(query.weights)
        liked, disliked = (_mean_scores(panel, profile, seeds, rows) for seeds in (query.seeds, query.negative_seeds))
        scores = np.where(self.answerable(query, rows), liked * (1.0 - negative_share(disliked, profile.base)), np.nan)
        return order_keys(scores, self.popularity if rows is None else self.popularity[rows], query.depth)

    def compare(self, a: int, b: int, *, mix: LayerMix, weights: WeightProfile | None = None) -> ScoredArtist:
        """``b`` as scored with the seed ``a``: the same number a ranking gives it; 1 for an artist with itself."""
        profile, row = self._profile(weights), np.array([b], dtype=np.int64)
        said = self.panel(mix).say(a, row, profile.scale)
        (scored,) = break_down(row, profile, for_=[said], against=[])
        return scored

    def evidence(self, artist: int, mix: LayerMix | None = None) -> VectorReliability | None:
        """How much music stands behind ``artist``; None without an embedding, or in a generation that was not measured.

        With several layers, coherence and standard error are means over them by share.
        """
        chosen = layer_mix.by_default(self.generation.manifest.space) if mix is None else mix
        layers = self.generation.calibration.layers
        row = int(self.generation.contents.artists.vector_row[artist])
        if row < 0 or not layers:
            return None
        found = [(share, layers[layer].artists.at(row).evidence) for layer, share in chosen.items()]
        total = sum(share for share, _ in found)
        return VectorReliability(
            tracks=found[0][1].tracks,
            coherence=sum(share * each.coherence for share, each in found) / total,
            standard_error=sum(share * each.standard_error for share, each in found) / total,
        )

    def explain(self, a: int, b: int, *, mix: LayerMix) -> Explanation:
        """What ``a`` and ``b`` share, from the evidence in the generation."""
        ours, theirs = self.heard_tracks(a), self.heard_tracks(b)
        nearest = None if a == b else shared_facts.nearest_tracks(self.generation, ours, theirs, mix)
        return Explanation(
            genres=shared_facts.shared_genres(self._relations.genre, self.generation.contents, a, b),
            scene_neighbours=shared_facts.shared_neighbours(self._relations.scene, self.generation.contents, a, b),
            collaborations=shared_facts.shared_recordings(self.generation.contents.relations.events, a, b),
            nearest_tracks=nearest,
            aspect="" if nearest is None else standout_aspect(self.generation, nearest[0], nearest[1]),
            listed_together=shared_facts.listed_together(self._relations.scene, a, b),
        )

    def _profile(self, asked: WeightProfile | None) -> WeightProfile:
        return self._choices.default if asked is None else asked

    def answerable(self, query: ArtistQuery, rows: Rows | None = None) -> npt.NDArray[np.bool_]:
        """Of every artist, or those at ``rows``: it meets the conditions of ``query``, candidates apart."""
        chosen = slice(None) if rows is None else rows
        allowed = self._having_genres(query.genres, rows=rows) & (self._tracks_of[chosen] >= query.min_tracks)
        allowed &= query.popularity.holds(self.popularity[chosen])
        never = np.array([*query.exclude, *query.negative_seeds, *(() if query.keep_seeds else query.seeds)], np.int64)
        allowed[never if rows is None else positions(rows, never)[0]] = False
        return allowed


def _behind(keys: Scores, key: float, row: int, n: int) -> Rows:
    """The first ``n`` rows that come after ``row`` with ``key`` in the order of all ``keys``."""
    later = (keys < key) | ((keys == key) & (np.arange(len(keys)) > row))
    return top(np.where(later, keys, np.nan), n)


def _mean_scores(panel: SignalPanel, profile: WeightProfile, seeds: tuple[int, ...], rows: Rows | None) -> Scores:
    """Mean over ``seeds`` of the scores with each that has one; a single NaN without seeds."""

    def score(seed: int) -> Scores:
        scores = profile.score(panel.read(seed, profile.scale, rows))
        own = (np.arange(len(scores)) if rows is None else rows) == seed
        return with_itself(scores, own)

    return mean_given(map(score, seeds)) if seeds else np.array(np.nan)
