"""Which artists pass a condition on genres or popularity: pure masks over one generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.names import fold_genre
from recommender.signals.genre import GenreSignal
from recommender.types import Rows, Similarities


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
    wanted: GenreFilter, signal: GenreSignal, columns: Mapping[str, int], rows: Rows | None = None
) -> npt.NDArray[np.bool_]:
    """Mask of those that meet ``wanted``, of every artist or of ``rows``. A genre nobody has matches nobody."""

    def having(genre: str) -> npt.NDArray[np.bool_]:
        return signal.having(columns.get(fold_genre(genre)), rows)

    allowed = np.ones(len(signal.known) if rows is None else len(rows), dtype=bool)
    if wanted.any_of:
        allowed = np.any([having(genre) for genre in wanted.any_of], axis=0)
    for genre in wanted.all_of:
        allowed &= having(genre)
    for genre in wanted.none_of:
        allowed &= ~having(genre)
    return allowed
