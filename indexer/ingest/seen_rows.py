"""Remembers the rows of a running import in few bytes each: which keys there were, with what content, at what line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_RECENT = 1 << 16
"""Rows kept in a dict; when there are so many they go to the sorted arrays, of 24 bytes a row."""

Column = npt.NDArray[np.int64]


class FirstRow(NamedTuple):
    """The first row with a key."""

    content: int
    """Hash of the row's content."""
    line: int


class SeenRows:
    """Rows by the hash of their key, an int64.

    Hashes stand for keys and contents: an import of 10 million rows mistakes one row for the repetition of another with
    a probability of 3e-6 (n^2 / 2^65), and a catalog of that size in memory would need gigabytes.

    >>> rows = SeenRows()
    >>> rows.add(7, 1, line=2), rows.add(7, 1, line=3)
    (None, FirstRow(content=1, line=2))
    """

    def __init__(self) -> None:
        self._recent: dict[int, FirstRow] = {}
        empty = np.empty(0, dtype=np.int64)
        self._keys, self._contents, self._lines = empty, empty, empty
        """Sorted by key."""

    def add(self, key: int, content: int, *, line: int) -> FirstRow | None:
        """The earlier row with this key, which stays; None when there is none, and this row is remembered."""
        first = self._recent.get(key) or self._older(key)
        if first is None:
            self._recent[key] = FirstRow(content, line)
            if len(self._recent) >= _RECENT:
                self._merge()
        return first

    def _older(self, key: int) -> FirstRow | None:
        if not len(self._keys):
            return None
        place = int(np.searchsorted(self._keys, key))
        if place == len(self._keys) or self._keys[place] != key:
            return None
        return FirstRow(int(self._contents[place]), int(self._lines[place]))

    def _merge(self) -> None:
        """Move the recent rows into the sorted arrays: one copy of these in 65,536 rows."""
        recent = sorted(self._recent.items())
        keys = np.array([key for key, _ in recent], dtype=np.int64)
        places = np.searchsorted(self._keys, keys)
        self._contents = _inserted(self._contents, places, [row.content for _, row in recent])
        self._lines = _inserted(self._lines, places, [row.line for _, row in recent])
        self._keys = np.insert(self._keys, places, keys)
        self._recent.clear()


def _inserted(column: Column, places: npt.NDArray[np.intp], values: list[int]) -> Column:
    merged: Column = np.insert(column, places, np.array(values, dtype=np.int64))
    return merged
