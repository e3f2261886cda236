"""Measures of each layer and of the default mix of layers: the table that layers are chosen by.

A view is one layer or one mix. All views are measured over the same sample of artists with audio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.metrics import silhouette_score

from evaluation.measures.distribution import (
    Histogram,
    Separation,
    ShuffledSpread,
    Square,
    ValueRange,
    histogram,
    hub_share,
    pairs_of,
    separation,
    shuffled_spread,
    spread,
)
from evaluation.measures.hubness import Hubness, hubness, nearest_others, occurrences
from evaluation.measures.split_half_retrieval import SplitRetrieval, split_retrieval
from evaluation.measures.statistics import SEED, Estimate, compare, estimate
from recommender import layer_mix
from recommender.generation.open_generation import Generation
from recommender.types import LayerMix, Rows, Vectors
from recommender.vectors import VectorIndex

NO_GENRE = -1
"""Column of an artist without a genre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreAgreement:
    """Agreement of one view of the audio with the genres, over artists that have both."""

    artists: int
    genres: int
    accuracy: Estimate
    """Share of artists whose main genre wins the vote of the k nearest others; a tie goes to the nearest of them."""
    chance: float
    """Share of artists with the most frequent genre: the accuracy of always naming it. NaN without artists."""
    silhouette: float
    """Mean silhouette in [-1, 1] by cosine distance (Rousseeuw 1987); NaN with fewer than two genres, or where each
    genre has one artist."""


def main_genres(weights: csr_array) -> Rows:
    """``[artist]``: column of the heaviest genre in ``weights`` ``[artist, genre]``, ties by column; -1 without any.

    >>> main_genres(csr_array(np.array([[0.2, 0.9], [0.0, 0.0], [0.5, 0.5]]))).tolist()
    [1, -1, 0]
    """
    found = np.full(weights.shape[0], NO_GENRE, dtype=np.int64)
    for row in np.flatnonzero(np.diff(weights.indptr)).tolist():
        own = slice(weights.indptr[row], weights.indptr[row + 1])
        columns, heavy = weights.indices[own], weights.data[own]
        found[row] = columns[heavy == heavy.max()].min()
    return found


def genre_agreement(cosines: Square, genre: Rows, *, k: int) -> GenreAgreement:
    """Compare the cosines ``[artist, artist]`` with main genres ``[artist]``; artists without a genre are left out."""
    named = np.flatnonzero(genre != NO_GENRE)
    genres, labels = np.unique(genre[named], return_inverse=True)
    inside = cosines[np.ix_(named, named)].astype(np.float64)
    right = _voted(inside, labels, k=k) == labels
    return GenreAgreement(
        artists=len(named),
        genres=len(genres),
        accuracy=estimate(right.astype(np.float64) if len(named) > 1 else np.empty(0)),
        chance=float(np.bincount(labels).max() / len(named)) if len(named) else float("nan"),
        silhouette=_silhouette(inside, labels),
    )


def _voted(cosines: Square, labels: Rows, *, k: int) -> Rows:
    """``[artist]``: the label that most of the k nearest others have."""
    found = np.full(len(labels), NO_GENRE, dtype=np.int64)
    for row, near in enumerate(nearest_others(cosines, k=k)):
        votes = labels[near[near >= 0]]
        if votes.size:
            counts = np.bincount(votes)
            found[row] = next(label for label in votes if counts[label] == counts.max())
    return found


def _silhouette(cosines: Square, labels: Rows) -> float:
    if not 2 <= len(np.unique(labels)) < len(labels):
        return float("nan")
    distances = np.clip(1.0 - cosines, 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    return float(silhouette_score(distances, labels, metric="precomputed"))


DEFAULT_MIX = "default mix"
"""Name of the view that is the default mix of several layers."""
MAX_ARTISTS = 2000
"""Artists whose pairs are compared; of more, a seeded sample."""
HUB_EVERYWHERE = 0.8
"""An artist in the nearest k of this share of the others is named as a hub."""


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
    """Share of the variance of all pairs that one number per artist explains."""
    hubs: Hubness
    everywhere: tuple[str, ...]
    """Artists in the nearest k of at least 80 % of the others, where k is at most half of the others."""
    shuffled: ShuffledSpread
    """Whether artists differ more than groups of tracks that were drawn at random."""
    split: Estimate
    """Mean reciprocal rank of the two halves of an artist's tracks retrieving each other."""
    split_chance: float
    separation: Separation
    """Of the pairs that the truth lists and those it does not, for the queries of the truth."""
    histogram: Histogram
    genre: GenreAgreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The view that retrieves artists' own halves best, and the views that are not significantly worse."""

    best: str
    """Empty when no artist has two tracks, and when no view retrieves halves better than chance: none has an interval
    above it."""
    tied: tuple[str, ...]
    """Views whose difference from the best has an interval that contains 0; the best is not among them."""
    queries: int
    halves: dict[str, float]
    """Artist id -> reciprocal rank of its halves in the best view, so that two encoders can be compared."""
    separated_best: str
    """The view with the highest AUC of related against unrelated pairs, of those that :func:`separates` holds for;
    empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistSample:
    """The artists that all views are measured on, and the related and unrelated pairs among them."""

    rows: Rows
    """``[artist]`` artist rows, all with audio, rising."""
    names: tuple[str, ...]
    """``[artist]``."""
    genres: Rows
    """``[artist]`` main genre, -1 without any."""
    related: Rows
    """``[pair, 2]`` positions in ``rows``; no pair twice."""
    unrelated: Rows
    """``[pair, 2]`` positions of a query of the truth and an artist that its list does not name."""


def sample_artists(generation: Generation, lists: Mapping[int, frozenset[int]]) -> ArtistSample:
    """Choose artists with audio: those of the truth first, then a seeded draw of the others.

    Args:
        generation: the generation that is measured.
        lists: query row -> rows that the truth relates to it.
    """
    embedded = np.flatnonzero(generation.contents.artists.vector_row >= 0).astype(np.int64)
    wanted = {row for query, related in lists.items() for row in (query, *related)}
    first = embedded[np.isin(embedded, list(wanted))][:MAX_ARTISTS]
    rest = np.setdiff1d(embedded, first)
    drawn = np.random.default_rng(SEED).permutation(rest)[: MAX_ARTISTS - len(first)]
    rows = np.sort(np.concatenate([first, drawn]))
    related, unrelated = _pairs(rows, lists)
    names = tuple(generation.contents.artists.names[int(row)] for row in rows)
    genres = main_genres(generation.contents.relations.genre_weights)[rows]
    return ArtistSample(rows=rows, names=names, genres=genres, related=related, unrelated=unrelated)


def _pairs(rows: Rows, lists: Mapping[int, frozenset[int]]) -> tuple[Rows, Rows]:
    """Positions of related and unrelated pairs; a pair is related when either artist's list names the other."""
    position = {int(row): place for place, row in enumerate(rows)}
    known = np.zeros((len(rows), len(rows)), dtype=bool)
    asked = np.zeros(len(rows), dtype=bool)
    for query, related in lists.items():
        if query in position:
            asked[position[query]] = True
            known[position[query], [position[row] for row in related if row in position]] = True
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
    """Name of the view that artists are compared in by default."""
    mix = layer_mix.by_default(generation.manifest.space)
    return DEFAULT_MIX if len(mix) > 1 else next(iter(mix))


def measure_view(
    generation: Generation, sample: ArtistSample, mix: LayerMix, *, name: str, k: int
) -> tuple[View, SplitRetrieval]:
    """Measure one view. Also returns the reciprocal ranks of its halves, to compare views artist by artist."""
    artists = generation.contents.artists.vector_row[sample.rows]
    cosines = _cosines(side_by_side(generation.artists, mix, artists))
    owners, tracks = _tracks_of(generation, sample.rows)
    sounds = side_by_side(generation.tracks, mix, tracks)
    halves = split_retrieval(sounds, owners)
    nearest = occurrences(nearest_others(cosines, k=k), artists=len(cosines))
    related, unrelated = (cosines[tuple(pairs.T)] for pairs in (sample.related, sample.unrelated))
    lowest, highest = _extremes(cosines, sample.names)
    view = View(
        name=name,
        artists=len(cosines),
        spread=spread(pairs_of(cosines)),
        lowest=lowest,
        highest=highest,
        hub_share=hub_share(cosines),
        hubs=hubness(nearest, k=k),
        everywhere=_everywhere(nearest, sample.names, k),
        shuffled=shuffled_spread(sounds, owners),
        split=halves.mrr,
        split_chance=halves.chance,
        separation=separation(related, unrelated),
        histogram=histogram(related, unrelated),
        genre=genre_agreement(cosines, sample.genres, k=k),
    )
    return view, halves


def select(views: Sequence[View], halves: Mapping[str, SplitRetrieval], ids: Sequence[str]) -> Selection:
    """The best view by artist-split retrieval, with the views whose difference from it is not significant.

    Args:
        views: all views of one generation.
        halves: view -> its artist-split retrieval.
        ids: ``[artist]`` artist ids of the generation.
    """
    scored = [view for view in views if view.split.n]
    proven = [view for view in scored if view.split.low > view.split_chance]
    best = max(proven, key=lambda view: view.split.mean).name if proven else ""
    others = [view.name for view in scored if view.name != best] if best else []
    tied = [name for name in others if _is_tied(halves[name], halves[best])]
    separated = [view for view in views if separates(view)]
    return Selection(
        best=best,
        tied=tuple(tied),
        queries=max((view.split.n for view in scored), default=0),
        halves=_by_id(halves[best], ids) if best else {},
        separated_best=max(separated, key=lambda view: view.separation.auc).name if separated else "",
    )


def separates(view: View) -> bool:
    """Whether related pairs are more similar than unrelated ones, beyond the 95 % interval of chance by rank sums.

    Pairs share artists, so no more than one pair of either kind counts for each artist. False without truth.
    """
    found = view.separation
    related, unrelated = (min(pairs, view.artists) for pairs in (found.related, found.unrelated))
    if not related or not unrelated:
        return False
    chance = np.sqrt((related + unrelated + 1) / (12 * related * unrelated))
    return bool(found.auc > 0.5 + 1.96 * chance)


def _by_id(found: SplitRetrieval, ids: Sequence[str]) -> dict[str, float]:
    return {ids[row]: rank for row, rank in zip(found.artists.tolist(), found.reciprocal_ranks.tolist(), strict=True)}


def _is_tied(one: SplitRetrieval, best: SplitRetrieval) -> bool:
    """Whether the interval of the difference contains 0, over artists with two halves in both views."""
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
    """The pairs with the lowest and the highest cosine, ties by row; None where there is no pair."""
    values = pairs_of(cosines)
    if not values.size:
        return None, None
    first, second = np.triu_indices(len(cosines), k=1)
    extremes = (int(values.argmin()), int(values.argmax()))
    low, high = (
        NamedPair(a=names[int(first[at])], b=names[int(second[at])], cosine=float(values[at])) for at in extremes
    )
    return low, high


def _everywhere(nearest: Rows, names: Sequence[str], k: int) -> tuple[str, ...]:
    """Names of the hubs; none where k is over half of the others, because then every artist is near most others."""
    others = len(names) - 1
    if others < 2 * k:
        return ()
    return tuple(names[int(row)] for row in np.flatnonzero(nearest >= HUB_EVERYWHERE * others))
