"""Ranks tracks by sound: retrieves the nearest, filters, leaves out near-duplicates, limits tracks per artist."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from recommender.generation.open_generation import Generation
from recommender.ranking.duplicates import SameRecording
from recommender.retrieval.filters import GenreFilter
from recommender.retrieval.nearest_tracks import by_nearness
from recommender.types import LayerMix, Rows, ScoredTrack, Vectors

Item = TypeVar("Item")


def limit_per_artist(items: Iterable[Item], artist_of: Callable[[Item], int], most: int) -> Iterator[Item]:
    """Keep at most ``most`` items of one artist, the first ones; 0 keeps all. Order is unchanged.

    >>> list(limit_per_artist(["a1", "a2", "b1", "a3"], lambda item: ord(item[0]), 1))
    ['a1', 'b1']
    """
    taken: Counter[int] = Counter()
    for item in items:
        artist = artist_of(item)
        if most and taken[artist] >= most:
            continue
        taken[artist] += 1
        yield item


def each_once(
    items: Iterable[Item],
    artist_of: Callable[[Item], int],
    same: Callable[[Item, Sequence[Item]], bool],
    *,
    taken: Iterable[Item] = (),
) -> Iterator[Item]:
    """Leave out what is the same as something of its artist before it that was kept. Order is unchanged.

    Of several that are the same the first is kept, however many are taken: a shorter list is the beginning of a longer
    one.

    Args:
        items: best first.
        artist_of: only items of one artist are compared.
        same: whether an item is the same as one of some others.
        taken: counts as kept already, and is not yielded.

    >>> list(each_once(["a1", "a1b", "b1", "a2"], lambda item: ord(item[0]), lambda a, kept: a[:2] in kept))
    ['a1', 'b1', 'a2']
    """
    kept: defaultdict[int, list[Item]] = defaultdict(list)
    for item in taken:
        kept[artist_of(item)].append(item)
    for item in items:
        before = kept[artist_of(item)]
        if before and same(item, before):
            continue
        before.append(item)
        yield item


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackQuery:
    """Which tracks to rank, and how."""

    vectors: Mapping[str, Vectors]
    """Layer -> unit vector ``[dim]`` of the seed."""
    mix: LayerMix
    exclude_track: int = -1
    """The seed, where it is a track: neither it nor another release of its recording is answered."""
    exclude_artist: int = -1
    max_per_artist: int = 0
    keep_duplicates: bool = False
    """Answer every release of a recording, not only the nearest (recommender/ranking/duplicates.py)."""
    genres: GenreFilter = field(default_factory=GenreFilter)


class TrackRanking:
    """Ranks the tracks of one generation. It has no state but what it reads; safe to share between threads."""

    def __init__(self, generation: Generation, having_genres: Callable[[GenreFilter], npt.NDArray[np.bool_]]) -> None:
        """``having_genres`` gives ``[artist]``: it meets a genre filter."""
        self._generation = generation
        self._having_genres = having_genres
        self._same = SameRecording(generation)

    def vectors(self, track: int, mix: LayerMix) -> dict[str, Vectors] | None:
        """Layer -> unit vector of ``track`` for every layer of ``mix``; None when it has no embedding."""
        row = int(self._generation.contents.tracks.vector_row[track])
        if row < 0:
            return None
        return {layer: self._generation.tracks[layer].vectors(np.array([row]))[0] for layer in mix}

    def rank(self, query: TrackQuery, *, offset: int, n: int) -> list[ScoredTrack]:
        """Tracks ``offset`` … ``offset + n`` by cosine under the mix, ties by id; of one recording the nearest."""
        found = self._nearest(query)
        if not query.keep_duplicates:
            taken = [_scored(query.exclude_track, 1.0)] if query.exclude_track >= 0 else []
            found = each_once(found, self._owner, self._repeats, taken=taken)
        limited = limit_per_artist(found, self._owner, query.max_per_artist)
        return list(itertools.islice(limited, offset, offset + n))

    def _nearest(self, query: TrackQuery) -> Iterator[ScoredTrack]:
        """Every track that meets the conditions, nearest first."""
        tracks = self._generation.contents.tracks
        indexed = np.flatnonzero(tracks.vector_row >= 0)
        allowed = self._having_genres(query.genres)[tracks.artist] & (tracks.artist != query.exclude_artist)
        nearest = by_nearness(self._generation.tracks, query.mix, query.vectors) if indexed.size else iter(())
        named = ((int(indexed[row]), cosine) for row, cosine in nearest)
        return (_scored(row, cosine) for row, cosine in named if allowed[row] and row != query.exclude_track)

    def _owner(self, track: ScoredTrack) -> int:
        return int(self._generation.contents.tracks.artist[track.row])

    def _repeats(self, track: ScoredTrack, kept: Sequence[ScoredTrack]) -> bool:
        return self._same(track.row, [each.row for each in kept])


def _scored(row: int, cosine: float) -> ScoredTrack:
    return ScoredTrack(row=row, score=max(cosine, 0.0), cosine=cosine)


def tracks_of(generation: Generation, artist: int) -> Rows:
    """Track rows of ``artist``, by title and then id."""
    tracks = generation.contents.tracks
    rows = np.flatnonzero(tracks.artist == artist).astype(np.int64)
    return np.array(sorted(rows.tolist(), key=lambda row: (tracks.titles[row], row)), dtype=np.int64)
