"""Averages unit vectors, clips to tracks and tracks to artists, for a build; and groups the clips of a catalog.

A mean depends only on its own members and their order, to the last bit: a track averaged among a million others equals
the same track averaged alone. An incremental build relies on this (docs/methods.md, "Artist means").
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from indexer.build.catalog_rows import CatalogRows
from recommender.types import Rows, Vectors
from recommender.vectors import unit

ClipsByTrack: TypeAlias = Mapping[str, tuple[str, ...]]
"""Track id -> ids of its embedded clips, sorted; only tracks that have embedded clips."""

BLOCK = 1 << 9
"""Members averaged at once, to bound memory; a group is never split."""
_MIN_SQUARE, _MAX_SQUARE = 1e-15, 1e15
"""Squared lengths between which float32 neither overflows nor loses precision; others are scaled in float64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The embedded tracks and artists, in row order of their indexes."""

    track_ids: tuple[str, ...]
    """``[embedded track]``"""
    track_clips: tuple[tuple[str, ...], ...]
    """``[embedded track]`` ids of its clips, sorted."""
    track_artist: Rows
    """``[embedded track]`` row among the embedded artists."""
    artist_ids: tuple[str, ...]
    """``[embedded artist]``"""

    @property
    def artists(self) -> int:
        """Number of embedded artists."""
        return len(self.artist_ids)

    @property
    def clips(self) -> int:
        """Number of embedded clips."""
        return sum(map(len, self.track_clips))


def group(data: CatalogRows, artists: Mapping[str, int], *, clips: ClipsByTrack) -> Grouping:
    """Group the embedded clips of ``data`` by track and artist. ``artists``: id -> row of every artist."""
    tracks = [track for track in data.tracks if track.id in clips]
    embedded, of_track = np.unique(int64(artists[track.artist_id] for track in tracks), return_inverse=True)
    return Grouping(
        track_ids=tuple(track.id for track in tracks),
        track_clips=tuple(clips[track.id] for track in tracks),
        track_artist=of_track.astype(np.int64),
        artist_ids=tuple(data.artists[row].id for row in embedded.tolist()),
    )


def clips_by_track(data: CatalogRows) -> ClipsByTrack:
    """The embedded tracks of ``data``, and their embedded clips."""
    clips: dict[str, tuple[str, ...]] = {}
    for clip in data.clips:  # in the order of their ids
        clips[clip.track_id] = (*clips.get(clip.track_id, ()), clip.clip_id)
    return clips


def int64(values: Iterator[int]) -> Rows:
    """An array of rows from an iterator of integers."""
    return np.fromiter(values, dtype=np.int64)


def average_in_place(vectors: Vectors, sizes: Rows) -> Vectors:
    """Unit mean of the unit vectors of each group, ``[group, dim]``, written into the memory of ``vectors``.

    Args:
        vectors: ``[item, dim]`` of any length but 0, group after group. Its contents are lost.
        sizes: ``[group]`` items, each at least 1.

    Raises:
        InvalidArgument: a vector has length 0 or is not finite, or the vectors of a group cancel out.

    >>> average_in_place(np.array([[2.0, 0], [0, 1], [0, 3]], dtype=np.float32), np.array([1, 2])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    ends = np.cumsum(sizes)
    for first, last in _blocks(ends):
        start, end = int(ends[first] - sizes[first]), int(ends[last - 1])
        members = vectors[start:end]
        scale(members)
        if start != first or end != last:
            # There are never more groups than members, so the rows overwritten here have been read already.
            vectors[first:last] = unit_means(members, sizes[first:last])
    return vectors[: len(sizes)]


def average_by_row(vectors: Vectors, group: Rows, count: int) -> Vectors:
    """Unit mean of the rows of ``[item, dim]`` with the same group, ``[count, dim]``; every group has an item.

    >>> average_by_row(np.array([[1.0, 0], [0, 1], [1, 0]], dtype=np.float32), np.array([1, 0, 1]), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    members = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=count)
    ends = np.cumsum(sizes)
    means = np.empty((count, vectors.shape[1]), dtype=np.float32)
    for first, last in _blocks(ends):
        rows = members[ends[first] - sizes[first] : ends[last - 1]]
        means[first:last] = unit_means(vectors[rows], sizes[first:last])
    return means


def scale(members: Vectors) -> None:
    """Scale each row of ``[item, dim]`` to length 1, in place.

    Raises InvalidArgument for a row that is not finite or has length 0.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", members, members)
    odd = np.flatnonzero(~((squares > _MIN_SQUARE) & (squares < _MAX_SQUARE)))
    careful = unit(members[odd])
    squares[odd] = 1.0
    members *= (1.0 / np.sqrt(squares))[:, np.newaxis]
    members[odd] = careful


def unit_means(members: Vectors, sizes: npt.NDArray[np.integer]) -> Vectors:
    """Unit mean of each group of unit vectors ``[item, dim]``, ``[group, dim]``, summed in float64.

    Raises InvalidArgument when the vectors of a group cancel out.
    """
    alone = np.flatnonzero(sizes == 1)
    if len(alone) == len(sizes):
        return members  # the mean of one vector is the vector itself, to the bit
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    # A sparse matrix of ones adds each group in the order of its members, independent of the other groups.
    adding = csr_array((np.ones(len(members)), np.arange(len(members)), bounds), shape=(len(sizes), len(members)))
    means = unit(adding @ members.astype(np.float64))
    means[alone] = members[bounds[alone]]
    return means


def _blocks(ends: npt.NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Ranges of groups with about :data:`BLOCK` members; at least one group each."""
    first = 0
    while first < len(ends):
        begun = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, begun + BLOCK, side="right")), first + 1)
        yield first, last
        first = last


def release_memory() -> None:
    """Return freed memory to the system, with glibc's ``malloc_trim``; without glibc it does nothing.

    The allocator would otherwise keep it, and a build would need about twice the memory.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Turn the cyclic garbage collector off during the block.

    Reading many catalog rows makes it run again and again; rows have no cycles, and the time is halved without it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
