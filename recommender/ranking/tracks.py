"""Ranks tracks by sound: retrieves the nearest, filters, leaves out near-duplicates, limits tracks per artist."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from recommender.generation.open_generation import Generation
from recommender.ranking.duplicates import Recordings, SameRecording, each_once
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackQuery:
    """Which tracks to rank, and how."""

    vectors: Mapping[str, Vectors]
    """Layer -> unit vector ``[dim]`` of the seed."""
    mix: LayerMix
    exclude_track: int = -1
    """The seed, where it is a track: its recording is not answered, whoever is credited."""
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
        self.same = SameRecording(generation)

    def vectors(self, track: int, mix: LayerMix) -> dict[str, Vectors] | None:
        """Layer -> unit vector of ``track`` for every layer of ``mix``; None when it has no embedding."""
        row = int(self._generation.contents.tracks.vector_row[track])
        if row < 0:
            return None
        return {layer: self._generation.tracks[layer].vectors(np.array([row]))[0] for layer in mix}

    def rank(self, query: TrackQuery, *, offset: int, n: int) -> list[ScoredTrack]:
        """Tracks ``offset`` … ``offset + n`` by cosine under the mix, ties by id; of one recording the nearest."""
        found = self.nearest(query)
        if not query.keep_duplicates:
            taken = [query.exclude_track] if query.exclude_track >= 0 else []
            found = each_once(found, lambda track: track.row, Recordings(self.same), taken=taken)
        limited = limit_per_artist(found, self._owner, query.max_per_artist)
        return list(itertools.islice(limited, offset, offset + n))

    def nearest(self, query: TrackQuery) -> Iterator[ScoredTrack]:
        """Every track that meets the conditions but those of duplicates and of artists, nearest first, ties by id."""
        tracks = self._generation.contents.tracks
        indexed = np.flatnonzero(tracks.vector_row >= 0)
        allowed = self.allowed(query)
        nearest = by_nearness(self._generation.tracks, query.mix, query.vectors) if indexed.size else iter(())
        named = ((int(indexed[row]), cosine) for row, cosine in nearest)
        return (_scored(row, cosine) for row, cosine in named if allowed[row] and row != query.exclude_track)

    def allowed(self, query: TrackQuery) -> npt.NDArray[np.bool_]:
        """``[track]``: its artist meets the conditions of ``query``."""
        artist = self._generation.contents.tracks.artist
        return np.asarray(self._having_genres(query.genres)[artist] & (artist != query.exclude_artist))

    def _owner(self, track: ScoredTrack) -> int:
        return int(self._generation.contents.tracks.artist[track.row])


def _scored(row: int, cosine: float) -> ScoredTrack:
    return ScoredTrack(row=row, score=max(cosine, 0.0), cosine=cosine)


def tracks_of(generation: Generation, artist: int) -> Rows:
    """Track rows of ``artist``, by title and then id."""
    tracks = generation.contents.tracks
    rows = np.flatnonzero(tracks.artist == artist).astype(np.int64)
    return np.array(sorted(rows.tolist(), key=lambda row: (tracks.titles[row], row)), dtype=np.int64)
