"""Split-half retrieval, which needs no labels: the two halves of an artist's tracks must retrieve each other. Pure.

Layers and encoders are chosen by it: a space in which two halves of one artist are not near each other cannot tell
which artists are similar. See docs/methods.md, "Evaluation measures".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from evaluation.measures.statistics import Estimate, estimate
from recommender.types import Rows, Similarities, Vectors

Matrix: TypeAlias = npt.NDArray[np.float64]
_BLOCK = 512
"""Queries compared at once."""
_NO_LENGTH = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRetrieval:
    """How well the halves of artists retrieve each other in one view of the audio."""

    artists: Rows
    """``[artist]``: artists with two tracks or more whose halves both have a direction; also the candidates."""
    reciprocal_ranks: Similarities
    """``[artist]`` in (0, 1]: mean over both directions; 1 when each half retrieves the other first."""

    @property
    def mrr(self) -> Estimate:
        """Mean reciprocal rank over artists with its interval."""
        return estimate(self.reciprocal_ranks)

    @property
    def chance(self) -> float:
        """MRR of a random order of n candidates: ``(1 + 1/2 + … + 1/n) / n``; NaN without candidates."""
        n = len(self.artists)
        return float((1.0 / np.arange(1, n + 1)).sum() / n) if n else float("nan")


def split_retrieval(tracks: Vectors, artist: Rows) -> SplitRetrieval:
    """Split each artist's tracks, first, third … against second, fourth …, and rank all second halves for each first.

    Args:
        tracks: unit vectors ``[track, dim]``, in a fixed order, such as by id.
        artist: ``[track]`` row of the artist.

    A tie counts half a place, so equal cosines share the middle of their places.
    """
    rows, first, second = _halves(tracks.astype(np.float64), artist)
    there, back = _reciprocal_ranks(first, second), _reciprocal_ranks(second, first)
    return SplitRetrieval(artists=rows, reciprocal_ranks=(there + back) / 2)


def _halves(tracks: Matrix, artist: Rows) -> tuple[Rows, Matrix, Matrix]:
    rows, place = np.unique(artist, return_inverse=True)
    turn = _turn(place)
    sums = np.zeros((2, len(rows), tracks.shape[1]))
    np.add.at(sums, (turn % 2, place), tracks)
    lengths = np.linalg.norm(sums, axis=2)
    whole = (lengths > _NO_LENGTH).all(axis=0)
    unit = sums[:, whole] / lengths[:, whole, np.newaxis]
    return rows[whole].astype(np.int64), unit[0], unit[1]


def _turn(place: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """``[track]``: number of earlier tracks of the same artist."""
    order = np.argsort(place, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(place))])[:-1] if place.size else np.zeros(0, dtype=np.int64)
    turn = np.empty(len(place), dtype=np.int64)
    turn[order] = np.arange(len(place)) - starts[place[order]]
    return turn


def _reciprocal_ranks(queries: Matrix, candidates: Matrix) -> Similarities:
    """``[artist]``: 1 over the rank of row i of ``candidates`` for row i of ``queries``."""
    found = np.empty(len(queries))
    for start in range(0, len(queries), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(queries)))
        cosines = queries[block] @ candidates.T
        own = cosines[np.arange(len(block)), block][:, np.newaxis]
        better = (cosines > own).sum(axis=1)
        level = (cosines == own).sum(axis=1) - 1
        found[block] = 1.0 / (1.0 + better + level / 2.0)
    return found
