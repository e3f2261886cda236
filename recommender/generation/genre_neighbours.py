"""Artists of a genre in an order in which neighbours have alike genres, so that the nearest need no search.

Two artists that share much stand near one another in at least one of their genres' orders: in that of genre g, artists
are sorted by the genre that comes after g among their own, then by the one after that, from rare to common and around.
So an artist's neighbours in the order of its rarest genre share the rarest and the next, and so on.
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
"""Genres after its own by which an order is sorted."""
_LEVELS = 100
"""Steps of weight that are told apart."""

Places = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreNeighbours:
    """One order a genre, one after another."""

    starts: Rows
    """``[genre + 1]`` where the order of each genre starts."""
    artists: Places
    """``[entry]`` artist rows."""
    places: Places
    """``[entry]`` for each entry of the genre matrix, row by row: where it stands in ``artists``."""

    def around(self, entries: slice, genres: npt.NDArray[np.integer], *, width: int) -> Rows:
        """Artists within ``width`` places of the given entries of one artist, each once.

        Where an order ends on one side, the window reaches as much further on the other.

        Args:
            entries: of the artist in the genre matrix.
            genres: their columns.
            width: places on each side.
        """
        windows = [self._window(genre, place, width) for genre, place in zip(genres, self.places[entries], strict=True)]
        return once(np.concatenate(windows).astype(np.int64)) if windows else np.empty(0, np.int64)

    def _window(self, genre: int, place: int, width: int) -> Places:
        first, last = int(self.starts[genre]), int(self.starts[genre + 1])
        start = max(min(int(place) - width, last - 2 * width - 1), first)
        return self.artists[start : min(start + 2 * width + 1, last)]

    def fits(self, *, artists: int, genres: int, entries: int) -> bool:
        """Whether these can be orders of a matrix of so many artists, genres and entries: none leads out of it."""
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
        """Map what :meth:`save` wrote. Raises OSError or ValueError when it is not there or damaged."""
        return cls(
            starts=load_array(folder, f"{prefix}.starts", np.int64),
            artists=load_array(folder, f"{prefix}.artists", np.int32),
            places=load_array(folder, f"{prefix}.places", np.int32),
        )


def _within(numbers: Places, limit: int) -> bool:
    return not numbers.size or bool(numbers.min() >= 0 and numbers.max() < limit)


def once(rows: Rows) -> Rows:
    """``rows`` rising, each once. A few thousand are sorted in less time than ``np.unique`` takes to hash them.

    >>> once(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    rising = np.sort(rows)
    fresh = np.ones(len(rising), dtype=bool)
    fresh[1:] = rising[1:] != rising[:-1]
    return rising[fresh]


def genre_orders(weights: csr_array) -> GenreNeighbours:
    """Sort the artists of every genre. ``weights``: ``[artist, genre]`` with sorted columns; ties go by row."""
    artist = np.repeat(np.arange(weights.shape[0], dtype=np.int32), np.diff(weights.indptr))
    held = np.bincount(weights.indices, minlength=weights.shape[1])
    rarity = np.empty(weights.shape[1], dtype=np.int32)
    rarity[np.argsort(held, kind="stable")] = np.arange(weights.shape[1], dtype=np.int32)
    keys = _following(rarity[weights.indices], artist, np.asarray(weights.indptr))
    level = np.round(weights.data * _LEVELS).astype(np.int32)
    order = np.lexsort((artist, level, *keys[::-1], weights.indices))
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return GenreNeighbours(starts=np.concatenate([[0], np.cumsum(held)]), artists=artist[order], places=places)


def _following(rarity: Places, artist: Places, indptr: npt.NDArray[np.integer]) -> list[Places]:
    """For each entry, the rarities of its artist's genres that come after it, from rare to common and around.

    Itself again where the artist has no more.
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
