"""Means of unit vectors: clips make a track, tracks make an artist. No second array of the size of the first.

A mean depends on nothing but its own members and their order, to the bit: so a track that is averaged among a million
others and one that is averaged alone are the same (an incremental build relies on it).
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
"""Track id -> ids of its embedded clips, sorted; only tracks that have any."""


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
    """Group the embedded clips of ``data``. ``artists`` is id -> row of every artist."""
    tracks = [track for track in data.tracks if track.id in clips]
    heard, of_track = np.unique(int64(artists[track.artist_id] for track in tracks), return_inverse=True)
    return Grouping(
        track_ids=tuple(track.id for track in tracks),
        track_clips=tuple(clips[track.id] for track in tracks),
        track_artist=of_track.astype(np.int64),
        artist_ids=tuple(data.artists[row].id for row in heard.tolist()),
    )


def clips_by_track(data: CatalogRows) -> ClipsByTrack:
    """Which tracks are embedded, and their clips."""
    found: dict[str, tuple[str, ...]] = {}
    for clip in data.clips:  # in the order of their ids
        found[clip.track_id] = (*found.get(clip.track_id, ()), clip.clip_id)
    return found


def int64(values: Iterator[int]) -> Rows:
    """Rows from numbers."""
    return np.fromiter(values, dtype=np.int64)


def give_back() -> None:
    """Hand freed memory back, where the C library can (glibc's ``malloc_trim``); elsewhere nothing happens.

    It would be kept for later, and a build seem to need twice as much as it does.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def without_collecting() -> Iterator[None]:
    """Read many rows without looking for cycles among them again and again: there are none, and it halves the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


BLOCK = 1 << 9
"""Members looked at together; a group is never cut."""
_LEAST, _MOST = 1e-15, 1e15
"""Squared lengths between which float32 is good enough to scale by."""


def average_in_place(vectors: Vectors, sizes: Rows) -> Vectors:
    """Unit mean of the unit vectors of each group, ``[group, dim]``; the memory of ``vectors`` is used for it.

    Args:
        vectors: ``[item, dim]`` of any length but 0, group after group. Not to be used afterwards.
        sizes: ``[group]`` items, each at least 1.

    Raises:
        InvalidArgument: a vector has no direction, or those of a group cancel out.

    >>> average_in_place(np.array([[2.0, 0], [0, 1], [0, 3]], dtype=np.float32), np.array([1, 2])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    ends = np.cumsum(sizes)
    for first, last in _blocks(ends):
        start, end = int(ends[first] - sizes[first]), int(ends[last - 1])
        members = vectors[start:end]
        scale(members)
        if start != first or end != last:
            # Groups are not longer than their members, so what is written over has been read.
            vectors[first:last] = unit_means(members, sizes[first:last])
    return vectors[: len(sizes)]


def average_by_row(vectors: Vectors, group: Rows, count: int) -> Vectors:
    """Unit mean of the rows of ``[item, dim]`` that share a group, ``[count, dim]``; every group has an item.

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
    """Bring each row of ``[item, dim]`` to length 1, where it lies.

    Raises InvalidArgument for one that is not finite or has no direction.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", members, members)
    odd = np.flatnonzero(~((squares > _LEAST) & (squares < _MOST)))
    careful = unit(members[odd])
    squares[odd] = 1.0
    members *= (1.0 / np.sqrt(squares))[:, np.newaxis]
    members[odd] = careful


def unit_means(members: Vectors, sizes: npt.NDArray[np.integer]) -> Vectors:
    """Unit mean of each group of unit vectors ``[item, dim]``, ``[group, dim]``; what is alone is its own.

    Raises InvalidArgument when those of a group cancel out.
    """
    alone = np.flatnonzero(sizes == 1)
    if len(alone) == len(sizes):
        return members
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    adding = csr_array((np.ones(len(members)), np.arange(len(members)), bounds), shape=(len(sizes), len(members)))
    found = unit(adding @ members.astype(np.float64))
    found[alone] = members[bounds[alone]]
    return found


def _blocks(ends: npt.NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Ranges of groups with about :data:`BLOCK` members; at least one group each."""
    first = 0
    while first < len(ends):
        begun = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, begun + BLOCK, side="right")), first + 1)
        yield first, last
        first = last
