"""Which artists pass a genre condition: pure masks over one generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.names import fold_genre
from recommender.signals.genre import GenreSignal


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreFilter:
    """Conditions on an artist's genres, in any spelling; an empty tuple asks nothing."""

    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


def having_genres(
    wanted: GenreFilter, signal: GenreSignal, columns: Mapping[str, int], artists: int
) -> npt.NDArray[np.bool_]:
    """``[artist]`` mask of those that meet ``wanted``. A genre nobody has matches nobody."""

    def having(genre: str) -> npt.NDArray[np.bool_]:
        mask = np.zeros(artists, dtype=bool)
        column = columns.get(fold_genre(genre))
        if column is not None:
            mask[signal.having(column)] = True
        return mask

    allowed = np.ones(artists, dtype=bool)
    if wanted.any_of:
        allowed &= np.logical_or.reduce([having(genre) for genre in wanted.any_of])
    for genre in wanted.all_of:
        allowed &= having(genre)
    for genre in wanted.none_of:
        allowed &= ~having(genre)
    return allowed
