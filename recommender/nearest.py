"""Tracks in order of nearness, as many as the reader takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from recommender.types import LayerMix, Rows, Similarities, Vectors
from recommender.vectors import VectorIndex, order

FIRST_FETCH = 64
GROWTH = 8


def by_nearness(
    indexes: Mapping[str, VectorIndex], mix: LayerMix, seed: Mapping[str, Vectors]
) -> Iterator[tuple[int, float]]:
    """(index row, cosine) of every item by falling cosine under ``mix``, ties by row.

    One layer is searched in its index, in growing helpings; several are scanned, for the order under a mix is in no
    single index.

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
    taken, helping = 0, FIRST_FETCH
    while taken < index.size:
        rows, cosines = index.search(vector, helping)
        yield from _pairs(rows[taken:], cosines[taken:])
        taken, helping = len(rows), helping * GROWTH


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
