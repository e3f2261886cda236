"""The systems that are compared: every profile, each signal alone, each signal left out, and popularity."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluation.measures.hubness import Occurrences
from evaluation.measures.statistics import SEED
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import popularity_of as percentile_of
from recommender.types import SIGNALS, LayerMix, Rows, Scale, Scores, SignalName, Similarities

ALL_FOUR = {SignalName.AUDIO: 0.3, SignalName.SCENE: 0.3, SignalName.GENRE: 0.2, SignalName.COLLABORATION: 0.2}
"""Weights of the default profile; when one signal is left out, the other three keep their proportions."""

POPULARITY = "popularity"
"""Name of the system that ranks by popularity alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A ranking in which artists with the same score stand in a random order, the same in every run."""

    rows: Rows
    """``[place]``, best first."""
    tied: npt.NDArray[np.bool_]
    """``[place]``: another artist has the same score, so that the place was drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One way to rank artists."""

    name: str
    kind: str
    """``profile``, ``alone``, ``without`` or ``popularity``."""
    rank: Callable[[int, int], Ranking]
    """(query row, depth) -> at most ``depth`` artists; the query itself is never among them."""


def rank_at_random(keys: Scores, query: int, depth: int) -> Ranking:
    """The first ``depth`` by falling ``keys`` ``[artist]``, NaN left out, ties in an order drawn for this query."""
    rows = np.flatnonzero(~np.isnan(keys))
    drawn = np.random.default_rng((SEED, query)).random(len(keys))
    best = rows[np.lexsort((drawn[rows], -keys[rows]))]
    falling = keys[best]
    same = falling[1:] == falling[:-1]
    tied = np.concatenate([[False], same]) | np.concatenate([same, [False]]) if len(best) else same
    return Ranking(rows=best[:depth].astype(np.int64), tied=tied[:depth])


def baseline_of(generation: Generation) -> str:
    """Name of the system that all others are compared with: the default profile of the generation."""
    return generation.calibration.choices.default.name


def systems(recommender: Recommender, mix: LayerMix, popularity: Similarities) -> list[System]:
    """Every system: all profiles, each signal that has data alone, and left out, popularity.

    Args:
        recommender: opened on the generation that is measured.
        mix: layers of the audio signal and their shares.
        popularity: ``[artist]``, from :func:`popularity_of`.
    """
    asked = ArtistQuery(seeds=(), mix=mix)
    calibration = recommender.generation.calibration
    found = [
        _blended(recommender, name, "profile", replace(asked, weights=profile))
        for name, profile in calibration.choices.named.items()
    ]
    able = [signal for signal in SIGNALS if signal not in without_data(recommender)]
    for signal in able:
        alone = calibration.choices.custom({signal: 1.0})
        found.append(_blended(recommender, f"{signal.value} alone", "alone", replace(asked, weights=alone)))
    for signal in able if len(able) > 1 else ():
        others = calibration.choices.custom({name: weight for name, weight in ALL_FOUR.items() if name is not signal})
        found.append(_blended(recommender, f"without {signal.value}", "without", replace(asked, weights=others)))
    return [*found, popularity_system(popularity)]


def without_data(recommender: Recommender) -> tuple[SignalName, ...]:
    """The signals that know fewer than two artists, and so say nothing of any pair."""
    return tuple(name for name, signal in recommender.signals().items() if np.count_nonzero(signal.known) < 2)


def _blended(recommender: Recommender, name: str, kind: str, asked: ArtistQuery) -> System:
    reranks = asked.weights is not None and asked.weights.scale is Scale.FEATURES

    def rank(query: int, depth: int) -> Ranking:
        if reranks:  # trees order the first artists of another profile; they leave hardly any ties
            rows = ranking(recommender, asked, query, depth=depth)
            return Ranking(rows=rows, tied=np.zeros(len(rows), dtype=bool))
        return rank_at_random(recommender.order_keys(replace(asked, seeds=(query,))), query, depth)

    return System(name=name, kind=kind, rank=rank)


def ranking(recommender: Recommender, asked: ArtistQuery, query: int, *, depth: int) -> Rows:
    """Rows of the first ``depth`` answers for the seed ``query``; all other choices are those of ``asked``."""
    return recommender.order_artists(replace(asked, seeds=(query,)), n=depth)


def popularity_system(popularity: Similarities) -> System:
    """The same ranking for every query, the most popular artist first. Any useful method must beat it."""

    def rank(query: int, depth: int) -> Ranking:
        keys = popularity.copy()
        keys[query] = np.nan
        return rank_at_random(keys, query, depth)

    return System(name=POPULARITY, kind="popularity", rank=rank)


def popularity_of(generation: Generation) -> Similarities:
    """``[artist]``: number of artists that an artist is listed with in the scene data, else recorded with.

    Where the generation has a popularity from imports, the percentile that rankings use
    (:func:`recommender.ranking.popularity.popularity_of`) times the number of artists, 0 where it is not known: that
    puts it on the scale of the counts, for novelty.
    """
    contents = generation.contents
    if contents.artists.popularity is not None:
        used = percentile_of(contents)
        return np.nan_to_num(used, nan=0.0) * len(used)
    relations = contents.relations
    scene, collaborations = (np.diff(matrix.indptr) for matrix in (relations.scene_strengths, relations.collaborations))
    return np.where(relations.scene_mentioned, scene, collaborations).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The first k of some queries."""

    rows: Occurrences
    """``[query, k]``; -1 where there are fewer."""
    tied: float
    """Share of the places that were drawn among artists with the same score; NaN without a place."""


def lists_of(system: System, queries: Iterable[int], *, k: int) -> Lists:
    """The first k of each query."""
    rankings = [system.rank(query, k) for query in queries]
    filled = np.full((len(rankings), k), -1, dtype=np.int64)
    for place, found in enumerate(rankings):
        filled[place, : len(found.rows)] = found.rows
    tied = np.concatenate([found.tied for found in rankings]) if rankings else np.empty(0)
    return Lists(rows=filled, tied=float(tied.mean()) if tied.size else float("nan"))
