"""The systems that are compared: every profile, each signal alone, each signal left out, and popularity."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from evaluation.measures.hubness import Occurrences
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import popularity_of as percentile_of
from recommender.types import SIGNALS, LayerMix, Rows, SignalName, Similarities
from recommender.vectors import order

ALL_FOUR = {SignalName.AUDIO: 0.3, SignalName.SCENE: 0.3, SignalName.GENRE: 0.2, SignalName.COLLABORATION: 0.2}
"""Weights of the default profile; when one signal is left out, the other three keep their proportions."""

POPULARITY = "popularity"
"""Name of the system that ranks by popularity alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One way to rank artists."""

    name: str
    kind: str
    """``profile``, ``alone``, ``without`` or ``popularity``."""
    rank: Callable[[int, int], Rows]
    """(query row, depth) -> rows, best first, at most depth; the query itself is never among them."""


def baseline_of(generation: Generation) -> str:
    """Name of the system that all others are compared with: the default profile of the generation."""
    return generation.calibration.choices.default.name


def systems(recommender: Recommender, mix: LayerMix, popularity: Similarities) -> list[System]:
    """Every system: all profiles, each signal alone, each left out, popularity.

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
    for signal in SIGNALS:
        alone = calibration.choices.custom({signal: 1.0})
        found.append(_blended(recommender, f"{signal.value} alone", "alone", replace(asked, weights=alone)))
    for signal in SIGNALS:
        others = calibration.choices.custom({name: weight for name, weight in ALL_FOUR.items() if name is not signal})
        found.append(_blended(recommender, f"without {signal.value}", "without", replace(asked, weights=others)))
    return [*found, popularity_system(popularity)]


def _blended(recommender: Recommender, name: str, kind: str, asked: ArtistQuery) -> System:
    def rank(query: int, depth: int) -> Rows:
        return ranking(recommender, asked, query, depth=depth)

    return System(name=name, kind=kind, rank=rank)


def ranking(recommender: Recommender, asked: ArtistQuery, query: int, *, depth: int) -> Rows:
    """Rows of the first ``depth`` answers for the seed ``query``; all other choices are those of ``asked``."""
    return recommender.order_artists(replace(asked, seeds=(query,)), n=depth)


def popularity_system(popularity: Similarities) -> System:
    """The same ranking for every query, the most popular artist first. Any useful method must beat it."""
    ranked = order(popularity)

    def rank(query: int, depth: int) -> Rows:
        others: Rows = ranked[ranked != query]
        return others[:depth]

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


def lists_of(system: System, queries: Iterable[int], *, k: int) -> Occurrences:
    """The first k of each query, ``[query, k]``; -1 where there are fewer."""
    lists = [system.rank(query, k) for query in queries]
    filled = np.full((len(lists), k), -1, dtype=np.int64)
    for place, ranked in enumerate(lists):
        filled[place, : len(ranked)] = ranked
    return filled
