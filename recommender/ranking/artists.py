"""Ranks artists: retrieves candidates, scores them by four signals, orders, breaks scores down and explains them.

:class:`Recommender` answers from one generation; the server and the evaluation use it. It only puts the stages
together: retrieval, signals, fusion, popularity, explanation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from recommender import layer_mix
from recommender.calibration.cohort import mean_reliability
from recommender.calibration.jackknife import VectorReliability
from recommender.calibration.mix_scale import measured_layers
from recommender.errors import InvalidArgument
from recommender.explain import shared_facts
from recommender.explain.score_breakdown import break_down, with_itself
from recommender.fusion.profiles import WeightProfile
from recommender.fusion.seeds import mean_given, negative_share
from recommender.generation.open_generation import Generation
from recommender.lookup import Directory
from recommender.ranking.popularity import NEUTRAL, PopularityBand, order_keys, popularity_of
from recommender.ranking.tracks import TrackRanking
from recommender.retrieval.candidates import CandidateRetriever
from recommender.retrieval.filters import GenreFilter, having_genres
from recommender.retrieval.question_kinds import kinds_of
from recommender.signals.audio import AudioQuery, AudioSignal, Seed
from recommender.signals.base import Signal, positions
from recommender.signals.features import PairFeatures
from recommender.signals.panel import RelationSignals, SignalPanel
from recommender.types import Explanation, LayerMix, Opinions, Rows, Scale, ScoredArtist, Scores, SignalName
from recommender.vectors import top


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistQuery:
    """Which artists to rank, and how."""

    seeds: tuple[Seed, ...]
    """Rows of the catalog, or artists that are not in it (recommender/ranking/audio_query.py)."""
    mix: LayerMix
    negative_seeds: tuple[Seed, ...] = ()
    """Artists the person does not like; they lower scores (recommender/fusion/seeds.py)."""
    weights: WeightProfile | None = None
    """None: the default of the generation."""
    keep_seeds: bool = False
    """Rank the seeds too, which may be in a line-up; negative seeds are never answered."""
    candidates: frozenset[int] | None = None
    """Rank only these rows; None is every artist."""
    exclude: frozenset[int] = frozenset()
    """Rows that are never answered."""
    genres: GenreFilter | None = None
    min_tracks: int = 0
    """Least number of embedded tracks."""
    popularity: PopularityBand | None = None
    depth: float = NEUTRAL
    """From 0, familiar, to 1, deep (recommender/ranking/popularity.py)."""


RERANKED = 200
"""A learned ranking orders the first so many of the default profile; the others follow in the default's order."""


class Recommender:
    """Answers from one generation. It has no state but what it reads from there; safe to share between threads."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.directory = Directory(generation.contents)
        self.space_key = generation.manifest.space.key
        self.default_mix = layer_mix.by_default(generation.manifest.space)
        self.choices = generation.calibration.choices
        relations = generation.contents.relations
        self._relations = RelationSignals.of(relations)
        self._features = PairFeatures(
            relations,
            scene=self._relations.scene,
            genre=self._relations.genre,
            collaboration=self._relations.collaboration,
        )
        columns = {name: column for column, name in enumerate(relations.genres)}
        # Not a method of this object: a reference cycle would keep a generation open after its last reader.
        self._having_genres = partial(having_genres, signal=self._relations.genre, columns=columns)
        self.tracks = TrackRanking(generation, self._having_genres)
        self.popularity = popularity_of(generation.contents)
        tracks = generation.contents.tracks
        embedded = np.flatnonzero(tracks.vector_row >= 0)
        self._track_counts = np.bincount(tracks.artist[embedded], minlength=len(generation.contents.artists.ids))
        self._tracks_by_artist = embedded[np.argsort(tracks.artist[embedded], kind="stable")]
        self._track_ends = np.cumsum(self._track_counts)
        self._retriever = (
            None
            if generation.candidates is None
            else CandidateRetriever(
                generation.candidates,
                relations=self._relations,
                layers=measured_layers(self.default_mix, generation.calibration.layers),
                contents=generation.contents,
                popularity=self.popularity,
            )
        )
        self._default_panel = self._make_panel(self.default_mix)

    def rank_artists(self, query: ArtistQuery, *, offset: int, n: int) -> list[ScoredArtist]:
        """Artists ``offset`` … ``offset + n`` of the ranking by score, ties by id; those without a score are left out.

        Where the dial is turned, the order is by its key (recommender/ranking/popularity.py); the scores stay.

        With several seeds the score is the mean of the scores with each seed that has one, less what negative seeds
        take away; the breakdown is the mean over the same seeds, so that it still adds up to the score.

        A learned ranking orders the first :data:`RERANKED` of the default profile, or all of a line-up; artists further
        down follow in the default's order, with their own scores by the learned one. Of a seed that is not in the
        catalog it knows the audio alone.

        Raises InvalidArgument for an :class:`AudioQuery` that was made for another mix.
        """
        profile, panel = self._profile(query.weights), self._panel_for(query)
        rows = self._order(query, panel, offset + n)[offset:]
        scale = profile.scale
        scores = panel.scores((*query.seeds, *query.negative_seeds), rows, scale)
        liked, disliked = scores[: len(query.seeds)], scores[len(query.seeds) :]
        return break_down(rows, profile, liked=liked, disliked=disliked)

    def order_keys(self, query: ArtistQuery) -> Scores:
        """``[artist]`` what all artists are ordered by; NaN for those that are not answered. Reads every artist."""
        return self._keys(query, self._panel_for(query))

    def order_artists(self, query: ArtistQuery, *, n: int) -> Rows:
        """The rows of the first ``n`` that :meth:`rank_artists` gives, without their breakdown."""
        return self._order(query, self._panel_for(query), n)

    def compare(self, a: int, b: int, *, mix: LayerMix, weights: WeightProfile | None = None) -> ScoredArtist:
        """``b`` as scored with the seed ``a``: the same number a ranking gives it; 1 for an artist with itself."""
        profile, row = self._profile(weights), np.array([b], dtype=np.int64)
        (scored,) = break_down(row, profile, liked=self.panel(mix).scores((a,), row, profile.scale), disliked=[])
        return scored

    def explain(self, a: int, b: int, *, mix: LayerMix) -> Explanation:
        """What ``a`` and ``b`` share, from the facts in the generation."""
        ours, theirs = self.embedded_tracks(a), self.embedded_tracks(b)
        nearest = None if a == b else shared_facts.nearest_tracks(self.generation, ours, theirs, mix)
        return Explanation(
            genres=shared_facts.shared_genres(self._relations.genre, self.generation.contents, a, b),
            scene_neighbours=shared_facts.shared_neighbours(self._relations.scene, self.generation.contents, a, b),
            collaborations=shared_facts.shared_recordings(self.generation.contents.relations.events, a, b),
            nearest_tracks=nearest,
            aspect="" if nearest is None else shared_facts.standout_aspect(self.generation, nearest[0], nearest[1]),
            listed_together=shared_facts.listed_together(self._relations.scene, a, b),
            scene_paths=shared_facts.scene_paths(self._relations.scene, self.generation.contents, a, b),
        )

    def reliability(self, artists: Sequence[int], mix: LayerMix | None = None) -> list[VectorReliability | None]:
        """How reliable the vector of each of ``artists`` is, as a mean over the layers of ``mix`` by share.

        None without an embedding, or in a generation that was not measured.
        """
        layers = self.generation.calibration.layers
        rows = self.generation.contents.artists.vector_row[list(artists)]
        if not layers or not len(rows):
            return [None] * len(artists)
        measured = [(share, layers[layer].artists) for layer, share in (mix or self.default_mix).items()]
        # The entry of an artist without an embedding is that of row 0, and is not used.
        found = mean_reliability(measured, np.maximum(rows, 0)) if (rows >= 0).any() else [None] * len(rows)
        return [one if row >= 0 else None for one, row in zip(found, rows.tolist(), strict=True)]

    def embedded_tracks(self, artist: int) -> Rows:
        """Rows of the embedded tracks of ``artist``, rising."""
        end = int(self._track_ends[artist])
        return self._tracks_by_artist[end - int(self._track_counts[artist]) : end]

    def scene_neighbours(self, artist: int) -> Rows:
        """Rows of the artists that the scene lists with ``artist``, rising."""
        return np.sort(self._relations.scene.neighbours(artist)[0])

    def signals(self, mix: LayerMix | None = None) -> dict[SignalName, Signal]:
        """The four signals, audio by ``mix`` (the default of the space when None)."""
        return self.panel(mix).signals

    def audio(self, mix: LayerMix | None = None) -> AudioSignal:
        """The audio signal by ``mix`` (the default of the space when None)."""
        rows, layers = self.generation.contents.artists.vector_row, self.generation.calibration.layers
        return AudioSignal(self.generation.artists, rows, self.default_mix if mix is None else mix, layers)

    def panel(self, mix: LayerMix | None = None) -> SignalPanel:
        """The four signals on every scale, audio by ``mix`` (the default of the space when None)."""
        return self._default_panel if mix is None or mix == self.default_mix else self._make_panel(mix)

    def _make_panel(self, mix: LayerMix) -> SignalPanel:
        percentiles = self.generation.calibration.percentiles
        return SignalPanel(self.audio(mix), self._relations, percentiles, self._features)

    def _panel_for(self, query: ArtistQuery) -> SignalPanel:
        for seed in (*query.seeds, *query.negative_seeds):
            if isinstance(seed, AudioQuery) and seed.mix != query.mix:
                raise InvalidArgument("seeds", "has clips for another mix of layers; make them again with this mix")
        return self.panel(query.mix)

    def _profile(self, weights: WeightProfile | None) -> WeightProfile:
        return self.choices.default if weights is None else weights

    def _order(self, query: ArtistQuery, panel: SignalPanel, depth: int) -> Rows:
        """The first ``depth`` rows of the ranking."""
        if query.candidates is not None:
            line_up = np.array(sorted(query.candidates), dtype=np.int64)
            return line_up[top(self._keys(query, panel, line_up), depth)]
        if self._profile(query.weights).scale is Scale.FEATURES:
            # Reading the features of everybody would take seconds: trees order the best of the default.
            default = self._order(replace(query, weights=self.choices.default), panel, max(depth, RERANKED))
            best = np.sort(default[:RERANKED])
            ordered = best[top(self._keys(query, panel, best), len(best))]
            return np.concatenate([ordered, default[RERANKED:]])[:depth]
        retrieved = self._retrieve(query, panel)
        if retrieved is None:
            return top(self._keys(query, panel), depth)
        rows, first = retrieved
        keys = self._keys(query, panel, rows)
        best = top(keys, first)
        if len(best) < first:
            # Filters left too few candidates: all artists are scored.
            return top(self._keys(query, panel), depth)
        if depth <= first:
            return rows[best[:depth]]
        # Beyond the places that candidates were measured for, the ranking goes on with what follows the last of them
        # among all artists. So pages put together are one ranking, whatever their size.
        every = self._keys(query, panel)
        return np.concatenate([rows[best], _behind(every, keys[best[-1]], int(rows[best[-1]]), depth - first)])

    def _retrieve(self, query: ArtistQuery, panel: SignalPanel) -> tuple[Rows, int] | None:
        """Rows of candidates, and how many of the first places they fill; None where all artists must be scored."""
        seeds = [seed for seed in query.seeds if not isinstance(seed, AudioQuery)]
        if self._retriever is None or len(seeds) < len(query.seeds) or query.mix != self.default_mix:
            return None
        profile = self._profile(query.weights)
        kinds = kinds_of(
            seeds=len(seeds),
            negative_seeds=len(query.negative_seeds),
            weights=profile,
            default=self.choices.default,
            dial=query.depth != NEUTRAL,
        )
        if kinds is None or not self._retriever.promises(kinds):
            return None
        return self._retriever.of(seeds, profile, kinds), self._retriever.first(seeds)

    def _keys(self, query: ArtistQuery, panel: SignalPanel, rows: Rows | None = None) -> Scores:
        """What all artists, or those at ``rows``, are ordered by; NaN for those that are not answered."""
        profile = self._profile(query.weights)
        scores = _mean_scores(panel, profile, query.seeds, rows)
        if query.negative_seeds:
            disliked = _mean_scores(panel, profile, query.negative_seeds, rows)
            scores = scores * (1.0 - negative_share(disliked, profile.base))
        scores = np.where(self.answerable(query, rows), scores, np.nan)
        if query.depth == NEUTRAL:
            return scores
        return order_keys(scores, self.popularity if rows is None else self.popularity[rows], query.depth)

    def answerable(self, query: ArtistQuery, rows: Rows | None = None) -> npt.NDArray[np.bool_]:
        """``[artist]`` mask, of all artists or of ``rows``: it meets the conditions of ``query``, except candidates."""
        chosen = slice(None) if rows is None else rows
        allowed: npt.NDArray[np.bool_] = self._track_counts[chosen] >= query.min_tracks
        if query.genres is not None:
            allowed &= self._having_genres(query.genres, rows=rows)
        if query.popularity is not None:
            allowed &= query.popularity.contains(self.popularity[chosen])
        seeds = [*query.negative_seeds, *(() if query.keep_seeds else query.seeds)]
        never = np.array([*query.exclude, *(seed for seed in seeds if not isinstance(seed, AudioQuery))], np.int64)
        allowed[never if rows is None else positions(rows, never)[0]] = False
        return allowed


def _behind(keys: Scores, key: float, row: int, n: int) -> Rows:
    """The first ``n`` rows that come after ``row``, which has ``key``, in the order of all ``keys``."""
    later = (keys < key) | ((keys == key) & (np.arange(len(keys)) > row))
    return top(np.where(later, keys, np.nan), n)


def _mean_scores(panel: SignalPanel, profile: WeightProfile, seeds: tuple[Seed, ...], rows: Rows | None) -> Scores:
    """Mean over ``seeds`` of the scores with each that has one."""

    if rows is None:  # one seed after the other: the opinions of all artists take much memory
        return mean_given(_scores(seed, panel.read(seed, profile.scale), profile, None) for seed in seeds)
    read = panel.read_all(seeds, profile.scale, rows)
    return mean_given(_scores(seed, opinions, profile, rows) for seed, opinions in zip(seeds, read, strict=True))


def _scores(seed: Seed, opinions: Opinions, profile: WeightProfile, rows: Rows | None) -> Scores:
    """Scores with one seed; 1 with itself."""
    scores = profile.score(opinions)
    if isinstance(seed, AudioQuery):
        return scores
    return with_itself(scores, (np.arange(len(scores)) if rows is None else rows) == seed)
