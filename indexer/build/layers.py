"""Reads the vectors of one layer, from shards or the parent generation, and writes its indexes and calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import numpy as np

from indexer.build.calibration.averages import BLOCK, Grouping, average_by_row, average_in_place, release_memory
from indexer.build.calibration.layer_calibration import EmbeddedArtists, write_calibration
from indexer.build.golden_answers import LayerVectors
from indexer.build.reuse import Reuse
from indexer.store.store import EmbeddingStore
from recommender.generation.manifest import CalibrationEntry, IndexEntry
from recommender.generation.open_generation import KINDS, index_file
from recommender.types import Rows, Vectors
from recommender.vectors import RECALL_FLOOR, FaissIndex, WrittenIndex, count_bad, write_index

Entries: TypeAlias = tuple[IndexEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSource:
    """The sources of the vectors of the embedded tracks, the same for every layer."""

    store: EmbeddingStore
    grouping: Grouping
    reuse: Reuse
    artists: EmbeddedArtists

    @property
    def fresh(self) -> Rows:
        """Rows of the embedded tracks whose clips are read from the shards."""
        return np.flatnonzero(self.reuse.parent_row < 0).astype(np.int64)

    def fresh_clips(self) -> tuple[str, ...]:
        """Clip ids of the fresh tracks, track after track."""
        return tuple(chain.from_iterable(self.grouping.track_clips[row] for row in self.fresh.tolist()))

    def read(self, layer: int) -> Vectors:
        """Embeddings of the fresh clips, ``[clip, dim]``, as stored. Raises EmbeddingsCorrupt."""
        return self.store.layer(layer, self.fresh_clips())

    def artists_in(self, layer: int) -> EmbeddedArtists:
        """The artists, with the clips that stand in for tracks in that layer. Raises EmbeddingsCorrupt.

        These are always read from the shards, for a generation does not keep the vectors of clips.
        """
        clips = tuple(chain.from_iterable(self.artists.window_clips))
        return replace(self.artists, windows=self.store.layer(layer, clips)) if clips else self.artists

    def layer_vectors(self, layer: int, clips: Vectors) -> LayerVectors:
        """The result of :meth:`read` and the parent's vectors, looked up by id."""
        rows, name = self.reuse.parent_row, self.store.space.layer_names[layer]
        reused = np.flatnonzero(rows >= 0)
        return LayerVectors(
            layer=name,
            clips=clips,
            clip_row={clip: row for row, clip in enumerate(self.fresh_clips())},
            parent=self.reuse.tracks.get(name),
            parent_row={self.grouping.track_ids[track]: int(rows[track]) for track in reused},
        )

    def tracks(self, layer: int, clips: Vectors) -> Vectors:
        """Unit vector of every embedded track, ``[track, dim]``. Overwrites ``clips``.

        Raises InvalidArgument when the clips of a track cancel out.
        """
        fresh = self.fresh
        sizes = np.array([len(self.grouping.track_clips[row]) for row in fresh.tolist()], dtype=np.int64)
        means = average_in_place(clips, sizes)
        return means if len(fresh) == len(self.reuse.parent_row) else self._with_reused(layer, means)

    def _with_reused(self, layer: int, means: Vectors) -> Vectors:
        rows, index = self.reuse.parent_row, self.reuse.tracks[self.store.space.layer_names[layer]]
        vectors = np.empty((len(rows), self.store.space.dim), dtype=np.float32)
        vectors[rows < 0] = means
        reused = np.flatnonzero(rows >= 0)
        for start in range(0, len(reused), BLOCK):
            some = reused[start : start + BLOCK]
            vectors[some] = index.vectors(rows[some])
        return vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLayer:
    """The manifest entries of one layer."""

    indexes: Entries
    calibration: CalibrationEntry


def write_layer(
    folder: Path, layer: int, *, source: LayerSource, clips: Vectors, exact_up_to: int | None
) -> WrittenLayer:
    """Write the index of the tracks, that of the artists, and the calibration.

    ``clips`` is the result of ``source.read``, and is overwritten. Raises InvalidArgument when the clips of a track
    cancel out.
    """
    tracks = source.tracks(layer, clips)
    indexes = _write_indexes(folder, layer, source=source, tracks=tracks, exact_up_to=exact_up_to)
    release_memory()
    space = source.store.space
    calibration = write_calibration(folder, layer, space=space, tracks=tracks, owners=source.artists_in(layer))
    return WrittenLayer(indexes=indexes, calibration=calibration)


def _write_indexes(
    folder: Path, layer: int, *, source: LayerSource, tracks: Vectors, exact_up_to: int | None
) -> Entries:
    """Write the track index, then the artist index, so that only one of them is in memory."""
    grouping, name = source.grouping, source.store.space.layer_names[layer]
    of_tracks, of_artists = (folder / index_file(layer, kind) for kind in KINDS)
    first = _entry(name, KINDS[0], len(tracks), write_index(of_tracks, tracks, exact_up_to=exact_up_to))
    release_memory()
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
    """Number of rows in the index files of a layer that are not finite or not of unit length."""
    return sum(count_bad(FaissIndex.open(folder / index_file(layer, kind))) for kind in KINDS)
