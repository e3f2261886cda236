"""Genre filters: which artists of a generation meet conditions on their genres. Masks only, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.genres import fold_genre
from recommender.signals.genre import GenreSignal
from recommender.types import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreFilter:
    """Conditions on an artist's genres, in any spelling; an empty tuple is no condition."""

    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


def having_genres(
    wanted: GenreFilter, signal: GenreSignal, columns: Mapping[str, int], rows: Rows | None = None
) -> npt.NDArray[np.bool_]:
    """``[artist]`` mask of those that meet ``wanted``, of every artist or of ``rows``.

    Args:
        wanted: the conditions.
        signal: has the genres of every artist.
        columns: folded genre name -> its column; an unknown genre matches no artist.
        rows: artists to look at; None is all.
    """

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
