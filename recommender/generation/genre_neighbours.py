"""For each genre, its artists in an order in which neighbours have similar genres, for candidates by genre.

In the order of genre g, artists are sorted by the genre that follows g among their own genres, then by the one after
that, and so on; the genres of an artist are taken from rare to common, and after the most common the rarest again. So
two artists with many genres in common are close to each other in the order of at least one of them: neighbours in the
order of an artist's rarest genre share the rarest and the second rarest, then the third. See "Candidates" in
docs/methods.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.array_files import load_array
from recommender.types import Rows

_FOLLOWING = 4
"""Number of following genres by which an order is sorted."""
_LEVELS = 100
"""Weights are rounded to this many steps before artists with the same genres are sorted by them."""

Positions = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreNeighbours:
    """The orders of all genres, concatenated."""

    starts: Rows
    """``[genre + 1]`` where the order of each genre starts."""
    artists: Positions
    """``[entry]`` artist rows."""
    places: Positions
    """``[entry]`` for each entry of the genre matrix, row by row: its position in ``artists``."""

    def around(self, entries: slice, genres: npt.NDArray[np.integer], *, width: int) -> Rows:
        """Artists within ``width`` positions of the given entries of one artist, without repetition.

        Where an order ends on one side, the window reaches as much further on the other.

        Args:
            entries: the entries of the artist in the genre matrix.
            genres: their columns.
            width: positions on each side.
        """
        windows = [self._window(genre, at, width) for genre, at in zip(genres, self.places[entries], strict=True)]
        return sorted_unique(np.concatenate(windows).astype(np.int64)) if windows else np.empty(0, np.int64)

    def _window(self, genre: int, position: int, width: int) -> Positions:
        first, last = int(self.starts[genre]), int(self.starts[genre + 1])
        start = max(min(int(position) - width, last - 2 * width - 1), first)
        return self.artists[start : min(start + 2 * width + 1, last)]

    def fits(self, *, artists: int, genres: int, entries: int) -> bool:
        """Whether these are orders of a genre matrix with these sizes: every row number and position is in range."""
        if (len(self.starts), len(self.artists), len(self.places)) != (genres + 1, entries, entries):
            return False
        rising = self.starts[0] == 0 and self.starts[-1] == entries and bool(np.all(np.diff(self.starts) >= 0))
        return rising and _within(self.artists, artists) and _within(self.places, entries)

    def save(self, folder: Path, prefix: str) -> None:
        """Write ``prefix.starts.npy``, ``.artists`` and ``.places`` into ``folder``."""
        for name in ("starts", "artists", "places"):
            np.save(folder / f"{prefix}.{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, prefix: str) -> GenreNeighbours:
        """Memory-map what :meth:`save` wrote. Raises OSError or ValueError when a file is missing or damaged."""
        return cls(
            starts=load_array(folder, f"{prefix}.starts", np.int64),
            artists=load_array(folder, f"{prefix}.artists", np.int32),
            places=load_array(folder, f"{prefix}.places", np.int32),
        )


def _within(numbers: Positions, limit: int) -> bool:
    return not numbers.size or bool(numbers.min() >= 0 and numbers.max() < limit)


def sorted_unique(rows: Rows) -> Rows:
    """``rows`` in rising order, without repetition. For a few thousand rows, sorting is faster than ``np.unique``.

    >>> sorted_unique(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    rising = np.sort(rows)
    is_first = np.ones(len(rising), dtype=bool)
    is_first[1:] = rising[1:] != rising[:-1]
    return rising[is_first]


def genre_orders(weights: csr_array) -> GenreNeighbours:
    """Sort the artists of every genre. ``weights``: ``[artist, genre]`` with sorted columns; ties are broken by row."""
    artist = np.repeat(np.arange(weights.shape[0], dtype=np.int32), np.diff(weights.indptr))
    artists_of = np.bincount(weights.indices, minlength=weights.shape[1])  # [genre] number of artists
    rarity = np.empty(weights.shape[1], dtype=np.int32)  # [genre] rank, 0 for the rarest
    rarity[np.argsort(artists_of, kind="stable")] = np.arange(weights.shape[1], dtype=np.int32)
    keys = _following(rarity[weights.indices], artist, np.asarray(weights.indptr))
    level = np.round(weights.data * _LEVELS).astype(np.int32)
    # lexsort sorts by its last key first: by genre, then by the genres that follow, then by weight, then by row.
    order = np.lexsort((artist, level, *keys[::-1], weights.indices))
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return GenreNeighbours(starts=np.concatenate([[0], np.cumsum(artists_of)]), artists=artist[order], places=places)


def _following(rarity: Positions, artist: Positions, indptr: npt.NDArray[np.integer]) -> list[Positions]:
    """One array a step, ``[entry]``: the rarity of the genre that many steps after it among its artist's genres.

    Genres go from rare to common and then start again. Where the artist has no more genres, it is the entry's own.
    """
    by_rarity = np.lexsort((rarity, artist))
    sizes = np.diff(indptr)[artist]
    first = np.asarray(indptr[:-1])[artist]
    nth = np.arange(len(rarity)) - first
    keys = []
    for step in range(1, _FOLLOWING + 1):
        after = first + (nth + np.minimum(step, sizes)) % sizes
        key = np.empty_like(rarity)
        key[by_rarity] = rarity[by_rarity[after]]
        keys.append(key)
    return keys
