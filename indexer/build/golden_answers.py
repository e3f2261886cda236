"""Goldens: questions about a layer, answered from the embedding store by ids, apart from everything that is written.

Nothing here goes by the rows that the indexes and columns were made by: ids lead from artist to tracks to clips to
vectors. Where an incremental build does not read the clips of a track, its vector is looked up by id in the parent,
whose own goldens were made like this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from indexer.build.averages import ClipsByTrack, scale, unit_means
from indexer.build.catalog_rows import CatalogRows
from recommender.generation.manifest import Golden
from recommender.types import LayerMix, Vectors
from recommender.vectors import VectorIndex

TRACK_QUERIES = 8
ARTIST_QUERIES = 4
ANSWERS = 10
_BLOCK = 1 << 9
_DIGITS = 6
"""Of a cosine that are kept: equal vectors are equally near, however their sums were made."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Who is embedded, by ids alone."""

    clips_of: ClipsByTrack
    tracks_of: Mapping[str, Sequence[str]]
    """Artist id -> ids of its embedded tracks; artists in the order of their ids."""

    @classmethod
    def of(cls, data: CatalogRows, clips: ClipsByTrack) -> Heard:
        """Read from the rows of the catalog."""
        tracks: defaultdict[str, list[str]] = defaultdict(list)
        for track in data.tracks:
            if track.id in clips:
                tracks[track.artist_id].append(track.id)
        return cls(clips_of=clips, tracks_of={artist: sorted(tracks[artist]) for artist in sorted(tracks)})


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerVectors:
    """The vectors of one layer, to be taken by id."""

    layer: str
    clips: Vectors
    """``[clip, dim]`` as the store gave them."""
    clip_row: Mapping[str, int]
    """Clip id -> row of ``clips``."""
    parent: VectorIndex | None
    """Where those tracks are whose clips are not in ``clips``."""
    parent_row: Mapping[str, int]
    """Track id -> row of ``parent``."""

    def tracks(self, ids: Sequence[str], heard: Heard) -> Vectors:
        """Unit vectors of tracks, ``[track, dim]``."""
        if not self.parent_row:
            return self._averaged([heard.clips_of[track] for track in ids])
        found = np.empty((len(ids), self.clips.shape[1]), dtype=np.float32)
        kept = [place for place, track in enumerate(ids) if track in self.parent_row]
        read = [place for place, track in enumerate(ids) if track not in self.parent_row]
        if kept and self.parent is not None:
            found[kept] = self.parent.vectors(np.array([self.parent_row[ids[place]] for place in kept]))
        if read:
            found[read] = self._averaged([heard.clips_of[ids[place]] for place in read])
        return found

    def _averaged(self, clips: Sequence[Sequence[str]]) -> Vectors:
        rows = [self.clip_row[clip] for clip in chain.from_iterable(clips)]
        members = self.clips[rows]
        scale(members)
        return unit_means(members, np.array([len(part) for part in clips]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """Cosine of some queries with everything of a kind."""

    ids: list[str]
    cosines: npt.NDArray[np.float64]
    """``[query, item]``, rounded."""


def golden_layers(layers: Sequence[str], default: LayerMix) -> tuple[str, ...]:
    """The layer that weighs most by default, then the first and the last of the others.

    >>> golden_layers(("0", "1", "2", "3"), {"3": 1.0})
    ('3', '0', '2')
    """
    main = max(layers, key=lambda layer: default.get(layer, 0.0))
    others = [layer for layer in layers if layer != main]
    return (main, *others[:1], *others[1:][-1:])


def record(shelf: LayerVectors, heard: Heard) -> tuple[Golden, ...]:
    """Up to eight questions about tracks and four about artists, spread over their ids: the nearest ten of each."""
    artists = _spread(list(heard.tracks_of), ARTIST_QUERIES)
    tracks = _spread(sorted(heard.clips_of), TRACK_QUERIES)
    asked = {
        "tracks": shelf.tracks(tracks, heard),
        "artists": np.concatenate([_artists([heard.tracks_of[one]], shelf, heard)[0] for one in artists]),
    }
    scored = _score(asked, shelf, heard)
    return tuple(
        _golden(scored[kind], place, kind=kind, layer=shelf.layer, query=query)
        for kind, queries in (("tracks", tracks), ("artists", artists))
        for place, query in enumerate(queries)
    )


def _artists(owned: Sequence[Sequence[str]], shelf: LayerVectors, heard: Heard) -> tuple[Vectors, Vectors]:
    """Unit vectors of artists ``[artist, dim]`` and those of their tracks, artist after artist."""
    tracks = shelf.tracks(list(chain.from_iterable(owned)), heard)
    return unit_means(tracks, np.array([len(part) for part in owned])), tracks


def _score(asked: Mapping[str, Vectors], shelf: LayerVectors, heard: Heard) -> dict[str, _Scored]:
    """Compare with everything, some artists and their tracks at a time."""
    parts: dict[str, list[npt.NDArray[np.float64]]] = {"tracks": [], "artists": []}
    queries = {kind: np.ascontiguousarray(vectors.T) for kind, vectors in asked.items()}
    for owned in _blocks(list(heard.tracks_of.values())):
        artists, tracks = _artists(owned, shelf, heard)
        for kind, found in (("artists", artists), ("tracks", tracks)):
            cosines: npt.NDArray[np.float64] = (found @ queries[kind]).T.astype(np.float64)
            parts[kind].append(np.round(cosines, _DIGITS))
    ids = {"tracks": list(chain.from_iterable(heard.tracks_of.values())), "artists": list(heard.tracks_of)}
    return {kind: _Scored(ids=ids[kind], cosines=np.concatenate(parts[kind], axis=1)) for kind in parts}


def _blocks(owned: Sequence[Sequence[str]]) -> Iterator[Sequence[Sequence[str]]]:
    """Artists in parts of about :data:`_BLOCK` tracks."""
    first, held = 0, 0
    for place, tracks in enumerate(owned):
        held += len(tracks)
        if held >= _BLOCK:
            yield owned[first : place + 1]
            first, held = place + 1, 0
    if held:
        yield owned[first:]


def _golden(scored: _Scored, place: int, *, kind: str, layer: str, query: str) -> Golden:
    cosines = scored.cosines[place]
    count = min(ANSWERS, len(cosines))
    least = np.partition(cosines, -count)[-count]
    near = [(-float(cosines[item]), scored.ids[item]) for item in np.flatnonzero(cosines >= least)]
    best = sorted(near)[:count]
    return Golden(
        kind=kind,
        layer=layer,
        query=query,
        answers=tuple(name for _, name in best),
        scores=tuple(-negative for negative, _ in best),
    )


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` of ``items``, at even distances, the first and the last among them.

    >>> _spread("abcdefg", 3), _spread("ab", 3)
    (['a', 'd', 'g'], ['a', 'b'])
    """
    places = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[place] for place in places.tolist()]
