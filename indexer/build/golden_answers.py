"""Records golden answers: nearest neighbours computed from the embedding store, to check the written indexes against.

The computation is independent of the row numbers of indexes and columns: it goes by id from artist to tracks to clips
to vectors, so a generation whose rows are shuffled fails the check. When an incremental build does not read the clips
of a track, its vector comes by id from the parent, whose golden answers were made in the same way (docs/methods.md,
"Golden answers").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from indexer.build.calibration.averages import ClipsByTrack, scale, unit_means
from indexer.build.catalog_rows import CatalogRows
from recommender.generation.manifest import Golden
from recommender.types import LayerMix, Vectors
from recommender.vectors import VectorIndex

TRACK_QUERIES = 8
ARTIST_QUERIES = 4
ANSWERS = 10
"""Queries per layer, and nearest neighbours recorded for each."""
_BLOCK = 1 << 9
_DIGITS = 6
"""Decimals kept of a cosine: equal vectors then have equal cosines, in whatever order their products were summed."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedIds:
    """The ids of embedded clips by track, and of embedded tracks by artist."""

    clips_of: ClipsByTrack
    tracks_of: Mapping[str, Sequence[str]]
    """Artist id -> ids of its embedded tracks; artists in the order of their ids."""

    @classmethod
    def of(cls, data: CatalogRows, clips: ClipsByTrack) -> EmbeddedIds:
        """The embedded ids of the catalog rows ``data``."""
        tracks: defaultdict[str, list[str]] = defaultdict(list)
        for track in data.tracks:
            if track.id in clips:
                tracks[track.artist_id].append(track.id)
        return cls(clips_of=clips, tracks_of={artist: sorted(tracks[artist]) for artist in sorted(tracks)})


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerVectors:
    """The vectors of one layer, looked up by id."""

    layer: str
    clips: Vectors
    """``[clip, dim]`` as stored."""
    clip_row: Mapping[str, int]
    """Clip id -> row of ``clips``."""
    parent: VectorIndex | None
    """Track index of the parent generation, for the tracks whose clips are not in ``clips``."""
    parent_row: Mapping[str, int]
    """Track id -> row of ``parent``."""

    def tracks(self, ids: Sequence[str], embedded: EmbeddedIds) -> Vectors:
        """Unit vectors of tracks, ``[track, dim]``."""
        if not self.parent_row:
            return self._averaged([embedded.clips_of[track] for track in ids])
        vectors = np.empty((len(ids), self.clips.shape[1]), dtype=np.float32)
        reused = [index for index, track in enumerate(ids) if track in self.parent_row]
        read = [index for index, track in enumerate(ids) if track not in self.parent_row]
        if reused and self.parent is not None:
            vectors[reused] = self.parent.vectors(np.array([self.parent_row[ids[index]] for index in reused]))
        if read:
            vectors[read] = self._averaged([embedded.clips_of[ids[index]] for index in read])
        return vectors

    def _averaged(self, clips: Sequence[Sequence[str]]) -> Vectors:
        rows = [self.clip_row[clip] for clip in chain.from_iterable(clips)]
        members = self.clips[rows]
        scale(members)
        return unit_means(members, np.array([len(part) for part in clips]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """Cosines of some queries with all items of a kind."""

    ids: list[str]
    cosines: npt.NDArray[np.float64]
    """``[query, item]``, rounded."""


def golden_layers(layers: Sequence[str], default: LayerMix) -> tuple[str, ...]:
    """The layers with golden answers: the one with the largest default weight, the first and the last other one.

    >>> golden_layers(("0", "1", "2", "3"), {"3": 1.0})
    ('3', '0', '2')
    """
    main = max(layers, key=lambda layer: default.get(layer, 0.0))
    others = [layer for layer in layers if layer != main]
    return (main, *others[:1], *others[1:][-1:])


def record(layer: LayerVectors, embedded: EmbeddedIds) -> tuple[Golden, ...]:
    """The nearest ten of up to eight tracks and four artists, at even distances in the order of their ids."""
    artists = _spread(list(embedded.tracks_of), ARTIST_QUERIES)
    tracks = _spread(sorted(embedded.clips_of), TRACK_QUERIES)
    queried = {
        "tracks": layer.tracks(tracks, embedded),
        "artists": np.concatenate([_artists([embedded.tracks_of[one]], layer, embedded)[0] for one in artists]),
    }
    scored = _score(queried, layer, embedded)
    return tuple(
        _golden(scored[kind], index, kind=kind, layer=layer.layer, query=query)
        for kind, queries in (("tracks", tracks), ("artists", artists))
        for index, query in enumerate(queries)
    )


def _artists(owned: Sequence[Sequence[str]], layer: LayerVectors, embedded: EmbeddedIds) -> tuple[Vectors, Vectors]:
    """Unit vectors of artists ``[artist, dim]`` and those of their tracks, artist after artist."""
    tracks = layer.tracks(list(chain.from_iterable(owned)), embedded)
    return unit_means(tracks, np.array([len(part) for part in owned])), tracks


def _score(queried: Mapping[str, Vectors], layer: LayerVectors, embedded: EmbeddedIds) -> dict[str, _Scored]:
    """Compare the queries with all artists and tracks, some artists and their tracks at a time, to bound memory."""
    parts: dict[str, list[npt.NDArray[np.float64]]] = {"tracks": [], "artists": []}
    queries = {kind: np.ascontiguousarray(vectors.T) for kind, vectors in queried.items()}
    for owned in _blocks(list(embedded.tracks_of.values())):
        artists, tracks = _artists(owned, layer, embedded)
        for kind, vectors in (("artists", artists), ("tracks", tracks)):
            cosines: npt.NDArray[np.float64] = (vectors @ queries[kind]).T.astype(np.float64)
            parts[kind].append(np.round(cosines, _DIGITS))
    ids = {"tracks": list(chain.from_iterable(embedded.tracks_of.values())), "artists": list(embedded.tracks_of)}
    return {kind: _Scored(ids=ids[kind], cosines=np.concatenate(parts[kind], axis=1)) for kind in parts}


def _blocks(owned: Sequence[Sequence[str]]) -> Iterator[Sequence[Sequence[str]]]:
    """Artists in parts of about :data:`_BLOCK` tracks."""
    first, size = 0, 0
    for row, tracks in enumerate(owned):
        size += len(tracks)
        if size >= _BLOCK:
            yield owned[first : row + 1]
            first, size = row + 1, 0
    if size:
        yield owned[first:]


def _golden(scored: _Scored, index: int, *, kind: str, layer: str, query: str) -> Golden:
    cosines = scored.cosines[index]
    count = min(ANSWERS, len(cosines))
    # All items that tie with the last one take part, and equal cosines are ordered by id.
    smallest = np.partition(cosines, -count)[-count]
    near = [(-float(cosines[item]), scored.ids[item]) for item in np.flatnonzero(cosines >= smallest)]
    best = sorted(near)[:count]
    return Golden(
        kind=kind,
        layer=layer,
        query=query,
        answers=tuple(name for _, name in best),
        scores=tuple(-negative for negative, _ in best),
    )


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` of ``items``, at even distances, including the first and the last.

    >>> _spread("abcdefg", 3), _spread("ab", 3)
    (['a', 'd', 'g'], ['a', 'b'])
    """
    indexes = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[index] for index in indexes.tolist()]
