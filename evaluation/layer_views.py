"""Each layer, and the default mix of layers, as artists see each other in it: the table that layers are chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.measures.distribution import (
    Histogram,
    Separation,
    Square,
    ValueRange,
    histogram,
    hub_share,
    pairs_of,
    separation,
    spread,
)
from evaluation.measures.genre_agreement import GenreAgreement, genre_agreement, main_genres
from evaluation.measures.hubness import Hubness, hubness, nearest_others, occurrences
from evaluation.measures.split_half_retrieval import SplitRetrieval, split_retrieval
from evaluation.measures.statistics import SEED, Estimate, compare
from recommender import layer_mix
from recommender.generation.open_generation import Generation
from recommender.types import LayerMix, Rows, Vectors
from recommender.vectors import VectorIndex

DEFAULT_MIX = "default mix"
MAX_ARTISTS = 2000
"""Artists whose pairs are gone through; of more, a seeded sample."""
HUB_EVERYWHERE = 0.8
"""In the nearest k of so large a share of the others, an artist is named as a hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPair:
    """Two artists and their cosine."""

    a: str
    b: str
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One layer or mix, measured over artists with audio."""

    name: str
    artists: int
    spread: ValueRange
    lowest: NamedPair | None
    highest: NamedPair | None
    hub_share: float
    """Share of the variance of pairs that one number an artist explains."""
    hubs: Hubness
    everywhere: tuple[str, ...]
    """Artists in the nearest k of at least 80 % of the others, where k is at most half of the others."""
    split: Estimate
    """Mean reciprocal rank of halves of artists looking for each other."""
    split_chance: float
    separation: Separation
    """Of pairs that the truth lists, and those it does not, for the artists asked about."""
    histogram: Histogram
    genre: GenreAgreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which view retrieves artists' own halves best, and which cannot be told from it."""

    best: str
    """Empty when no artist has two tracks."""
    tied: tuple[str, ...]
    """Views whose difference from the best has an interval that holds 0; the best is not among them."""
    queries: int
    halves: dict[str, float]
    """Artist id -> reciprocal rank of its halves in the best view, for another encoder's to be held against."""
    separated_best: str
    """The view that keeps related and unrelated pairs furthest apart (AUC); empty without truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerViews:
    """The artists that are looked at, and what the truth says of their pairs."""

    rows: Rows
    """``[looked]`` artist rows, all with audio."""
    names: tuple[str, ...]
    """``[looked]``."""
    genres: Rows
    """``[looked]`` main genre, -1 without any."""
    related: Rows
    """``[pair, 2]`` places in ``rows``; no pair twice."""
    unrelated: Rows
    """``[pair, 2]`` pairs of an artist asked about and one that its list does not hold."""


def look(generation: Generation, lists: Mapping[int, frozenset[int]]) -> LayerViews:
    """Choose artists with audio: those that the truth asks about first, then a seeded sample.

    Args:
        generation: what is measured.
        lists: query row -> rows the truth relates to it.
    """
    heard = np.flatnonzero(generation.contents.artists.vector_row >= 0).astype(np.int64)
    wanted = {row for query, related in lists.items() for row in (query, *related)}
    first = heard[np.isin(heard, list(wanted))][:MAX_ARTISTS]
    rest = np.setdiff1d(heard, first)
    drawn = np.random.default_rng(SEED).permutation(rest)[: MAX_ARTISTS - len(first)]
    rows = np.sort(np.concatenate([first, drawn]))
    related, unrelated = _pairs(rows, lists)
    names = tuple(generation.contents.artists.names[int(row)] for row in rows)
    genres = main_genres(generation.contents.relations.genre_weights)[rows]
    return LayerViews(rows=rows, names=names, genres=genres, related=related, unrelated=unrelated)


def _pairs(rows: Rows, lists: Mapping[int, frozenset[int]]) -> tuple[Rows, Rows]:
    """Related and unrelated places: a pair is related when either artist's list holds the other."""
    places = {int(row): place for place, row in enumerate(rows)}
    known = np.zeros((len(rows), len(rows)), dtype=bool)
    asked = np.zeros(len(rows), dtype=bool)
    for query, related in lists.items():
        if query in places:
            asked[places[query]] = True
            known[places[query], [places[row] for row in related if row in places]] = True
    known |= known.T
    judged = asked[:, np.newaxis] | asked[np.newaxis, :]
    upper = np.triu(np.ones_like(known), k=1)
    return np.argwhere(upper & known), np.argwhere(upper & judged & ~known)


def mixes_of(generation: Generation) -> dict[str, LayerMix]:
    """View -> its mix: each layer by itself, and the default mix where that is more than one. Empty without audio."""
    if not generation.artists:
        return {}
    space = generation.manifest.space
    mix = layer_mix.by_default(space)
    return {layer: {layer: 1.0} for layer in space.layer_names} | ({DEFAULT_MIX: mix} if len(mix) > 1 else {})


def default_view(generation: Generation) -> str:
    """Name of the view that artists are compared in unless asked otherwise."""
    mix = layer_mix.by_default(generation.manifest.space)
    return DEFAULT_MIX if len(mix) > 1 else next(iter(mix))


def measure_view(
    generation: Generation, looked: LayerViews, mix: LayerMix, *, name: str, k: int
) -> tuple[View, SplitRetrieval]:
    """Measure one view; what its halves retrieved comes with it, to compare views artist by artist."""
    artists = generation.contents.artists.vector_row[looked.rows]
    cosines = _cosines(side_by_side(generation.artists, mix, artists))
    owners, tracks = _tracks_of(generation, looked.rows)
    halves = split_retrieval(side_by_side(generation.tracks, mix, tracks), owners)
    nearest = occurrences(nearest_others(cosines, k=k), artists=len(cosines))
    related, unrelated = (cosines[tuple(pairs.T)] for pairs in (looked.related, looked.unrelated))
    lowest, highest = _extremes(cosines, looked.names)
    view = View(
        name=name,
        artists=len(cosines),
        spread=spread(pairs_of(cosines)),
        lowest=lowest,
        highest=highest,
        hub_share=hub_share(cosines),
        hubs=hubness(nearest, k=k),
        everywhere=_everywhere(nearest, looked.names, k),
        split=halves.mrr,
        split_chance=halves.chance,
        separation=separation(related, unrelated),
        histogram=histogram(related, unrelated),
        genre=genre_agreement(cosines, looked.genres, k=k),
    )
    return view, halves


def select(views: Sequence[View], halves: Mapping[str, SplitRetrieval], ids: Sequence[str]) -> Selection:
    """The best view by artist-split retrieval, with those that are as good as far as this many artists can tell.

    Args:
        views: all of them.
        halves: view -> what its halves retrieved.
        ids: ``[artist]`` of the generation.
    """
    scored = [view for view in views if view.split.n]
    best = max(scored, key=lambda view: view.split.mean).name if scored else ""
    others = [view.name for view in scored if view.name != best]
    tied = [name for name in others if _is_tied(halves[name], halves[best])]
    separated = [view for view in views if not np.isnan(view.separation.auc)]
    return Selection(
        best=best,
        tied=tuple(tied),
        queries=max((view.split.n for view in scored), default=0),
        halves=_by_id(halves[best], ids) if best else {},
        separated_best=max(separated, key=lambda view: view.separation.auc).name if separated else "",
    )


def _by_id(found: SplitRetrieval, ids: Sequence[str]) -> dict[str, float]:
    return {ids[row]: rank for row, rank in zip(found.artists.tolist(), found.reciprocal_ranks.tolist(), strict=True)}


def _is_tied(one: SplitRetrieval, best: SplitRetrieval) -> bool:
    """Whether 0 is inside the interval of the difference, over artists that both could split."""
    _, ours, theirs = np.intersect1d(one.artists, best.artists, return_indices=True)
    found = compare(one.reciprocal_ranks[ours], best.reciprocal_ranks[theirs]).difference
    return not (found.high < 0 or found.low > 0)


def side_by_side(indexes: Mapping[str, VectorIndex], mix: LayerMix, rows: Rows) -> Vectors:
    """Unit vectors ``[row, layers x dim]`` whose cosine is the mean of the layers' cosines, weighted by ``mix``."""
    parts = [np.float32(np.sqrt(share)) * indexes[layer].vectors(rows) for layer, share in mix.items()]
    return np.hstack(parts)


def _cosines(vectors: Vectors) -> Square:
    wide = vectors.astype(np.float64)
    return np.clip(wide @ wide.T, -1.0, 1.0)


def _tracks_of(generation: Generation, rows: Rows) -> tuple[Rows, Rows]:
    """Artist rows and index rows of the embedded tracks of ``rows``, in the order of track ids."""
    tracks = generation.contents.tracks
    ours = np.flatnonzero((tracks.vector_row >= 0) & np.isin(tracks.artist, rows))
    return tracks.artist[ours], tracks.vector_row[ours]


def _extremes(cosines: Square, names: Sequence[str]) -> tuple[NamedPair | None, NamedPair | None]:
    """The least and the most alike pair, ties by row; None where there is no pair."""
    values = pairs_of(cosines)
    if not values.size:
        return None, None
    first, second = np.triu_indices(len(cosines), k=1)
    places = (int(values.argmin()), int(values.argmax()))
    low, high = (
        NamedPair(a=names[int(first[at])], b=names[int(second[at])], cosine=float(values[at])) for at in places
    )
    return low, high


def _everywhere(nearest: Rows, names: Sequence[str], k: int) -> tuple[str, ...]:
    """Hubs by name; none where k is over half of the others, for then everyone is near everyone."""
    others = len(names) - 1
    if others < 2 * k:
        return ()
    return tuple(names[int(row)] for row in np.flatnonzero(nearest >= HUB_EVERYWHERE * others))
