"""Makes lists of tracks to play: from tracks, from artists, or a chain from one track to another.

No list has a track or a recording twice. Cost is bounded: each seed and each point of a chain is compared with every
track once, and a chain is chosen among a fixed number of candidates.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from recommender.calibration.jackknife import Matrix
from recommender.errors import InvalidArgument
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.duplicates import Recordings
from recommender.ranking.tracks import TrackQuery
from recommender.retrieval.filters import GenreFilter
from recommender.types import LayerMix, Rows, ScoredTrack, Similarities, Vectors
from recommender.vectors import order, unit

MAX_SEED_TRACKS = 32
"""Tracks that stand for the artists asked from, evenly drawn from all of theirs."""
MAX_TRACKS_OF_ARTIST = 100
"""Tracks of one artist that are compared with these: "Various Artists" may have ten thousand."""
WAYPOINTS = 5
"""Points on the way of a chain around which candidates are retrieved, both ends among them."""
AROUND = 200
"""Nearest tracks of each of them that are candidates of the chain."""

_SHORTEST = 1e-6
"""Half way between two opposite vectors of a layer there is no direction."""
_SMALLEST = 1e-3
"""Angle in radians between two directions, below which they count as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistQuery:
    """What to play."""

    mix: LayerMix
    artists: tuple[int, ...] = ()
    """Rows of artists the person likes."""
    tracks: tuple[int, ...] = ()
    """Rows of tracks the person likes; those without an embedding are left out."""
    n: int
    """Tracks in all."""
    max_per_artist: int = 0
    """0: no bound."""
    genres: GenreFilter = field(default_factory=GenreFilter)


class _Choice:
    """The tracks chosen so far: each recording once, and of one artist as many as are allowed."""

    def __init__(self, recommender: Recommender, max_per_artist: int) -> None:
        self._artist = recommender.generation.contents.tracks.artist
        self._recordings = Recordings(recommender.tracks.same)
        self._max_per_artist = max_per_artist
        self._of_artist: Counter[int] = Counter()
        self._rows: set[int] = set()

    def take(self, row: int) -> bool:
        """Choose the track at ``row``; False when it may not be chosen."""
        artist = int(self._artist[row])
        full = self._max_per_artist and self._of_artist[artist] >= self._max_per_artist
        if row in self._rows or full or self._recordings.has(row):
            return False
        self.add(row)
        return True

    def add(self, row: int) -> None:
        """Choose the track at ``row``, which the person asked for, whatever was chosen before."""
        self._recordings.add(row)
        self._of_artist[int(self._artist[row])] += 1
        self._rows.add(row)


def playlist(recommender: Recommender, query: PlaylistQuery) -> list[ScoredTrack]:
    """The tracks to play, at most ``query.n``.

    From tracks: first these, then by falling cosine with the nearest of them. From artists: one track of each of them
    and of each artist like them, by rank, then a second one of each, and so on; of each artist those first that sound
    most like a track of the artists asked from. From both: in turn one of each list.
    """
    sources = []
    if query.tracks:
        sources.append(_like_tracks(recommender, query))
    if query.artists:
        sources.append(_like_artists(recommender, query))
    choice = _Choice(recommender, query.max_per_artist)
    chosen: list[ScoredTrack] = []
    while sources and len(chosen) < query.n:
        source = sources.pop(0)
        following = next((track for track in source if choice.take(track.row)), None)
        if following is not None:
            chosen.append(following)
            sources.append(source)
    return chosen


def _like_tracks(recommender: Recommender, query: PlaylistQuery) -> Iterator[ScoredTrack]:
    """The seeds, then all other tracks by falling cosine with the nearest seed, ties by id."""
    vector_row = recommender.generation.contents.tracks.vector_row
    seeds = [row for row in query.tracks if vector_row[row] >= 0]
    yield from (_scored(row, 1.0) for row in seeds)
    if seeds:
        indexed = np.flatnonzero(vector_row >= 0)
        best = np.clip(np.max([_cosines(recommender, row, query.mix) for row in seeds], axis=0), -1.0, 1.0)
        allowed = recommender.tracks.allowed(TrackQuery(vectors={}, mix=query.mix, genres=query.genres))
        near = (int(place) for place in order(best))
        yield from (_scored(int(indexed[place]), float(best[place])) for place in near if allowed[indexed[place]])


def _cosines(recommender: Recommender, track: int, mix: LayerMix) -> Similarities:
    """``[embedded track]`` cosines of ``track`` under ``mix``."""
    vectors, indexes = recommender.tracks.vectors(track, mix) or {}, recommender.generation.tracks
    parts = [share * indexes[layer].cosines(vectors[layer]) for layer, share in mix.items()]
    total: Similarities = np.sum(parts, axis=0)
    return total


def _like_artists(recommender: Recommender, query: PlaylistQuery) -> Iterator[ScoredTrack]:
    """Tracks of the artists asked from and of those like them, in rounds of one track an artist."""
    seeds = _seed_tracks(recommender, query.artists)
    ranking = ArtistQuery(seeds=query.artists, mix=query.mix, genres=query.genres, min_tracks=1)
    like = recommender.order_artists(ranking, n=query.n).tolist()
    artists = [*dict.fromkeys(query.artists), *like]
    # So few artists that each has its share; more follow when these have too few tracks.
    breadth = -(-query.n // (query.max_per_artist or 3))
    for start in range(0, len(artists), breadth):
        lists = [_by_nearness(recommender, artist, seeds, query.mix) for artist in artists[start : start + breadth]]
        for round_ in itertools.zip_longest(*lists):
            yield from (track for track in round_ if track is not None)


def _seed_tracks(recommender: Recommender, artists: Sequence[int]) -> Rows:
    """Embedded tracks of ``artists``, at most :data:`MAX_SEED_TRACKS`, evenly drawn."""
    rows = np.concatenate([recommender.embedded_tracks(artist) for artist in dict.fromkeys(artists)])
    return rows[:: max(1, -(-len(rows) // MAX_SEED_TRACKS))]


def _by_nearness(recommender: Recommender, artist: int, seeds: Rows, mix: LayerMix) -> list[ScoredTrack]:
    """Embedded tracks of ``artist`` by falling cosine with the nearest of ``seeds``; by id without seeds."""
    rows = recommender.embedded_tracks(artist)[:MAX_TRACKS_OF_ARTIST]
    if not len(rows) or not len(seeds):
        return [_scored(int(row), 0.0) for row in rows]
    own = _joined(recommender, rows, mix)
    # One seed after the other, so that a cosine does not depend on how many seeds there are.
    best = np.max([np.einsum("ij,j->i", own, seed) for seed in _joined(recommender, seeds, mix)], axis=0)
    best = np.clip(best, -1.0, 1.0)
    return [_scored(int(rows[place]), float(best[place])) for place in order(best)]


def chain(recommender: Recommender, query: PlaylistQuery, *, first: int, last: int) -> list[ScoredTrack]:
    """A chain of at most ``query.n`` tracks from ``first`` to ``last``; the cosine of each is with the one before.

    At each step that track is taken which has the largest sum of cosines with two points, ties by id: the point of the
    step on the way from ``first`` to ``last``, cut into equal steps, which keeps the chain on its way; and the next
    point on the way from the track before to ``last``, cut into as many steps as are left, which keeps the tracks near
    one another. Candidates are the :data:`AROUND` nearest tracks of :data:`WAYPOINTS` points on the way.

    Raises InvalidArgument when an end has no embedding, or both are one track.
    """
    _require_ends(recommender, first, last, query.n)
    ends = _joined(recommender, np.array([first, last]), query.mix)
    candidates = _candidates(recommender, query, ends)
    vectors = _joined(recommender, candidates, query.mix)
    choice = _Choice(recommender, query.max_per_artist)
    choice.add(first)
    choice.add(last)
    rows, before = [first], ends[0]
    for step in range(1, query.n - 1):
        wanted = _between(ends[0], ends[1], step / (query.n - 1)) + _between(before, ends[1], 1 / (query.n - step))
        sums = np.einsum("ij,j->i", vectors, wanted)
        place = next((place for place in np.lexsort((candidates, -sums)) if choice.take(int(candidates[place]))), None)
        if place is None:
            break
        rows.append(int(candidates[place]))
        before = vectors[place]
    return _with_cosines(recommender, [*rows, last], query.mix)


def _require_ends(recommender: Recommender, first: int, last: int, n: int) -> None:
    for name, row in (("first", first), ("last", last)):
        if recommender.generation.contents.tracks.vector_row[row] < 0:
            raise InvalidArgument(name, "has no embedding yet; run soundkin embed, build and publish")
    if first == last:
        raise InvalidArgument("last", "is the same track as the first; name another one")
    if n < 2:
        raise InvalidArgument("limit", f"is {n}; a chain has at least its two ends")


def _candidates(recommender: Recommender, query: PlaylistQuery, ends: Matrix) -> Rows:
    """Rows of tracks near the way between the ends, rising; the ends may be among them."""
    near: set[int] = set()
    for point in range(WAYPOINTS):
        wanted = _between(ends[0], ends[1], point / (WAYPOINTS - 1))
        vectors = _split(wanted, query.mix, otherwise=ends[0])
        found = recommender.tracks.nearest(TrackQuery(vectors=vectors, mix=query.mix, genres=query.genres))
        near.update(track.row for track in itertools.islice(found, AROUND))
    return np.array(sorted(near), dtype=np.int64)


def _between(first: Matrix, last: Matrix, share: float) -> Matrix:
    """``[layer * dim]`` unit vector at ``share`` of the way between two, which divides the angle (slerp).

    Between vectors that are the same, or opposite, there is no such way: then it is ``first``.
    """
    angle = float(np.arccos(np.clip(first @ last, -1.0, 1.0)))
    if not _SMALLEST < angle < np.pi - _SMALLEST:
        return first
    between: Matrix = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * last) / np.sin(angle)
    return between


def _joined(recommender: Recommender, rows: Rows, mix: LayerMix) -> Matrix:
    """``[row, layer * dim]`` unit vectors whose inner product is the cosine of two tracks under ``mix``."""
    places = recommender.generation.contents.tracks.vector_row[rows]
    parts = [
        np.sqrt(share) * recommender.generation.tracks[layer].vectors(places).astype(np.float64)
        for layer, share in mix.items()
    ]
    return np.concatenate(parts, axis=1)


def _split(joined: Matrix, mix: LayerMix, *, otherwise: Matrix) -> dict[str, Vectors]:
    """Layer -> unit vector ``[dim]`` of a joined vector; that of ``otherwise`` in a layer where it has no direction."""
    parts = zip(mix, np.split(joined, len(mix)), np.split(otherwise, len(mix)), strict=True)
    return {layer: unit(a if np.linalg.norm(a) > _SHORTEST else b) for layer, a, b in parts}


def _with_cosines(recommender: Recommender, rows: Sequence[int], mix: LayerMix) -> list[ScoredTrack]:
    vectors = _joined(recommender, np.array(rows), mix)
    steps: Iterable[float] = np.einsum("ij,ij->i", vectors[1:], vectors[:-1]).tolist()
    cosines = [1.0, *(min(max(step, -1.0), 1.0) for step in steps)]
    return [_scored(row, cosine) for row, cosine in zip(rows, cosines, strict=True)]


def _scored(row: int, cosine: float) -> ScoredTrack:
    return ScoredTrack(row=row, score=max(cosine, 0.0), cosine=cosine)
