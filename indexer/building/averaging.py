"""Means of unit vectors: clips make a track, tracks make an artist. No second array of the size of the first.

A mean depends on nothing but its own members and their order, to the bit: so a track that is averaged among a million
others and one that is averaged alone are the same (an incremental build relies on it).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from recommender.types import Rows, Vectors
from recommender.vectors import unit

BLOCK = 1 << 11
"""Members looked at together; a group is never cut."""


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
        start = int(ends[first] - sizes[first])
        members = unit(vectors[start : ends[last - 1]])
        # Groups are not longer than their members, so what is written over has been read.
        vectors[first:last] = _unit_means(members, sizes[first:last])
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
        means[first:last] = _unit_means(vectors[rows], sizes[first:last])
    return means


def _unit_means(members: Vectors, sizes: npt.NDArray[np.integer]) -> Vectors:
    starts = np.cumsum(sizes) - sizes
    return unit(np.add.reduceat(members.astype(np.float64), starts, axis=0) / sizes[:, np.newaxis])


def _blocks(ends: npt.NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Ranges of groups with about :data:`BLOCK` members; at least one group each."""
    first = 0
    while first < len(ends):
        begun = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, begun + BLOCK, side="right")), first + 1)
        yield first, last
        first = last
