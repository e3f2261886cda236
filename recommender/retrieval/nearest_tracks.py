"""Tracks in order of nearness, as many as the reader takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from recommender.types import LayerMix, Rows, Similarities, Vectors
from recommender.vectors import VectorIndex, order

FIRST_FETCH = 64
"""What one search brings; as many as an index that may miss a neighbour gives from one short list."""


def by_nearness(
    indexes: Mapping[str, VectorIndex], mix: LayerMix, seed: Mapping[str, Vectors]
) -> Iterator[tuple[int, float]]:
    """(index row, cosine) of items by falling cosine under ``mix``, ties by row; every item, where indexes are exact.

    One layer is searched in its index; whoever reads further gets what comes behind by comparing with every vector.
    So cosines are exact and only ever fall, and the order of a reader who stops early is the beginning of the order of
    one who reads on. An item among the first that the index missed is left out. Several layers are scanned, for the
    order under a mix is in no single index.

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
