"""Which artists pass a condition on genres or popularity: pure masks over one generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.names import fold_genre
from recommender.signals.genre import GenreSignal
from recommender.types import Similarities


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreFilter:
    """Conditions on an artist's genres, in any spelling; an empty tuple asks nothing."""

    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PopularityBand:
    """Bounds on the popularity percentile, both included; None asks nothing."""

    least: float | None = None
    most: float | None = None

    def holds(self, popularity: Similarities) -> npt.NDArray[np.bool_]:
        """``[artist]``: within the band. An artist of unknown popularity (NaN) is in no band, unless nothing is asked.

        >>> PopularityBand(least=0.5).holds(np.array([0.4, 0.5, np.nan])).tolist()
        [False, True, False]
        """
        held = np.ones(len(popularity), dtype=bool)
        if self.least is not None:
            held &= popularity >= self.least
        if self.most is not None:
            held &= popularity <= self.most
        return held


def having_genres(
    wanted: GenreFilter, signal: GenreSignal, columns: Mapping[str, int], artists: int
) -> npt.NDArray[np.bool_]:
    """``[artist]`` mask of those that meet ``wanted``. A genre nobody has matches nobody."""

    def having(genre: str) -> npt.NDArray[np.int64]:
        column = columns.get(fold_genre(genre))
        return np.empty(0, np.int64) if column is None else signal.having(column)

    allowed = np.ones(artists, dtype=bool)
    if wanted.any_of:
        allowed[:] = False
        for genre in wanted.any_of:
            allowed[having(genre)] = True
    for genre in wanted.all_of:
        others = np.ones(artists, dtype=bool)
        others[having(genre)] = False
        allowed[others] = False
    for genre in wanted.none_of:
        allowed[having(genre)] = False
    return allowed
