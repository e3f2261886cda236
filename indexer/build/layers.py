"""The vectors of one layer, from shards and from the parent, and what is made of them: two indexes, a calibration."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import numpy as np

from indexer.build.averages import BLOCK, Grouping, average_by_row, average_in_place, give_back
from indexer.build.golden_answers import LayerVectors
from indexer.build.layer_calibration import EmbeddedArtists, write_calibration
from indexer.build.reuse import Reuse
from indexer.store.store import EmbeddingStore
from recommender.generation.manifest import CalibrationEntry, IndexEntry
from recommender.generation.open_generation import KINDS, index_file
from recommender.types import Rows, Vectors
from recommender.vectors import RECALL_FLOOR, FaissIndex, WrittenIndex, count_bad, write_index

Entries: TypeAlias = tuple[IndexEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSource:
    """Where the vectors of the embedded tracks come from, the same for every layer."""

    store: EmbeddingStore
    grouping: Grouping
    reuse: Reuse
    roster: EmbeddedArtists

    @property
    def fresh(self) -> Rows:
        """Embedded tracks that are read from the shards."""
        return np.flatnonzero(self.reuse.parent_row < 0).astype(np.int64)

    def fresh_clips(self) -> tuple[str, ...]:
        """Clips of the fresh tracks, track after track."""
        return tuple(chain.from_iterable(self.grouping.track_clips[row] for row in self.fresh.tolist()))

    def read(self, layer: int) -> Vectors:
        """Embeddings of the fresh clips, ``[clip, dim]``, as the encoder gave them. Raises EmbeddingsCorrupt."""
        return self.store.layer(layer, self.fresh_clips())

    def shelf(self, layer: int, clips: Vectors) -> LayerVectors:
        """What :meth:`read` gave and what the parent has, to be taken by id."""
        rows, name = self.reuse.parent_row, self.store.space.layer_names[layer]
        taken = np.flatnonzero(rows >= 0)
        return LayerVectors(
            layer=name,
            clips=clips,
            clip_row={clip: row for row, clip in enumerate(self.fresh_clips())},
            parent=self.reuse.tracks.get(name),
            parent_row={self.grouping.track_ids[place]: int(rows[place]) for place in taken},
        )

    def tracks(self, layer: int, clips: Vectors) -> Vectors:
        """Unit vector of every embedded track, ``[track, dim]``. The memory of ``clips`` is used for it.

        Raises InvalidArgument when the clips of a track cancel out.
        """
        fresh = self.fresh
        sizes = np.array([len(self.grouping.track_clips[row]) for row in fresh.tolist()], dtype=np.int64)
        means = average_in_place(clips, sizes)
        return means if len(fresh) == len(self.reuse.parent_row) else self._with_reused(layer, means)

    def _with_reused(self, layer: int, means: Vectors) -> Vectors:
        rows, index = self.reuse.parent_row, self.reuse.tracks[self.store.space.layer_names[layer]]
        found = np.empty((len(rows), self.store.space.dim), dtype=np.float32)
        found[rows < 0] = means
        taken = np.flatnonzero(rows >= 0)
        for start in range(0, len(taken), BLOCK):
            places = taken[start : start + BLOCK]
            found[places] = index.vectors(rows[places])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLayer:
    """What the manifest says of one layer."""

    indexes: Entries
    calibration: CalibrationEntry


def write_layer(
    folder: Path, layer: int, *, source: LayerSource, clips: Vectors, exact_up_to: int | None
) -> WrittenLayer:
    """Write the index of the tracks, that of the artists, and the calibration.

    ``clips`` is what ``source`` read; its memory is used. Raises InvalidArgument when the clips of a track cancel out.
    """
    tracks = source.tracks(layer, clips)
    indexes = _write_indexes(folder, layer, source=source, tracks=tracks, exact_up_to=exact_up_to)
    give_back()
    space = source.store.space
    calibration = write_calibration(folder, layer, space=space, tracks=tracks, roster=source.roster)
    return WrittenLayer(indexes=indexes, calibration=calibration)


def _write_indexes(
    folder: Path, layer: int, *, source: LayerSource, tracks: Vectors, exact_up_to: int | None
) -> Entries:
    """One index after the other; artists are averaged when that of the tracks is done and out of memory."""
    grouping, name = source.grouping, source.store.space.layer_names[layer]
    of_tracks, of_artists = (folder / index_file(layer, kind) for kind in KINDS)
    first = _entry(name, KINDS[0], len(tracks), write_index(of_tracks, tracks, exact_up_to=exact_up_to))
    give_back()
    artists = average_by_row(tracks, grouping.track_artist, grouping.artists)
    return first, _entry(name, KINDS[1], len(artists), write_index(of_artists, artists, exact_up_to=exact_up_to))


def _entry(layer: str, kind: str, size: int, written: WrittenIndex) -> IndexEntry:
    return IndexEntry(
        layer=layer,
        kind=kind,
        factory=written.factory,
        parameters=written.parameters,
        size=size,
        recall_at_10=written.recall_at_10,
        recall_floor=RECALL_FLOOR,
        note=written.note,
    )


def bad_vectors(folder: Path, layer: int) -> int:
    """Rows of both indexes of a layer, as they are in their files, that are not finite or not of unit length."""
    return sum(count_bad(FaissIndex.open(folder / index_file(layer, kind))) for kind in KINDS)
