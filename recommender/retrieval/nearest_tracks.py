"""Gives tracks in order of cosine, as many as the caller takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from recommender.types import LayerMix, Rows, Similarities, Vectors
from recommender.vectors import VectorIndex, order

FIRST_FETCH = 64
"""Tracks of one search: as many as an approximate index gives from one short list."""


def by_nearness(
    indexes: Mapping[str, VectorIndex], mix: LayerMix, seed: Mapping[str, Vectors]
) -> Iterator[tuple[int, float]]:
    """(index row, cosine) of items by falling cosine under ``mix``, ties by row; every item, where indexes are exact.

    With one layer the index is searched; what follows its results comes from comparing with every vector. So cosines
    are exact and never rise, and a caller who stops early has the beginning of the same order. An item that the index
    missed among the first is left out. With several layers every vector is compared, as no single index has the order
    under a mix.

    Args:
        indexes: layer -> index; all hold the same items in the same rows.
        mix: layer -> share, shares sum to 1.
        seed: layer -> unit vector ``[dim]``.
    """
    if len(mix) == 1:
        (layer,) = mix
        return _searched(indexes[layer], seed[layer])
    return _scanned(indexes, mix, seed)


def _searched(index: VectorIndex, vector: Vectors) -> Iterator[tuple[int, float]]:
    rows, cosines = index.search(vector, FIRST_FETCH)
    yield from _pairs(rows, cosines)
    if len(rows) < index.size:
        yield from _behind(index.cosines(vector), int(rows[-1]), float(cosines[-1]))


def _behind(cosines: Similarities, row: int, cosine: float) -> Iterator[tuple[int, float]]:
    """What comes after ``row`` with ``cosine`` in the order of all."""
    later = (cosines < cosine) | ((cosines == cosine) & (np.arange(len(cosines)) > row))
    rows = np.flatnonzero(later)
    rows = rows[order(cosines[rows])]
    return _pairs(rows, cosines[rows])


def _scanned(
    indexes: Mapping[str, VectorIndex], mix: LayerMix, seed: Mapping[str, Vectors]
) -> Iterator[tuple[int, float]]:
    parts = [share * indexes[layer].cosines(seed[layer]) for layer, share in mix.items()]
    cosines = np.sum(parts, axis=0)
    rows = order(cosines)
    yield from _pairs(rows, cosines[rows])


def _pairs(rows: Rows, cosines: Similarities) -> Iterator[tuple[int, float]]:
    bounded = np.clip(cosines, -1.0, 1.0)
    return zip(rows.tolist(), bounded.tolist(), strict=True)
