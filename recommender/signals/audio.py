"""The audio signal: how alike the music sounds, by a mix of layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from recommender.types import LayerMix, Rows, SignalName, Similarities
from recommender.vectors import VectorIndex, to_similarity


class AudioSignal:
    """Cosine of artist vectors, averaged over layers with the weights of a mix.

    With one layer this is its cosine; with several it equals the cosine of the concatenation of the unit layers, each
    scaled by the square root of its share of the mix.
    """

    name = SignalName.AUDIO

    def __init__(self, indexes: Mapping[str, VectorIndex], vector_row: Rows, mix: LayerMix) -> None:
        """
        Args:
            indexes: artist index of every layer of ``mix``; not looked at when no artist has an embedding.
            vector_row: ``[artist]`` row of the artist in the indexes, -1 when it has no embedding.
            mix: positive layer weights, used relative to their sum.
        """
        total = sum(mix.values())
        self._vector_row = vector_row
        heard = mix.items() if self.known.any() else ()
        self._parts = [(indexes[layer], weight / total) for layer, weight in heard if weight > 0]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._vector_row >= 0

    def raw(self, row: int) -> Similarities:
        opinions = np.full(len(self._vector_row), np.nan)
        if self._vector_row[row] < 0:
            return opinions
        own = np.array([self._vector_row[row]])
        cosines = sum(share * index.cosines(index.vectors(own)[0]) for index, share in self._parts)
        opinions[self.known] = np.clip(cosines, -1.0, 1.0)[self._vector_row[self.known]]
        opinions[row] = 1.0
        return opinions

    def value(self, raw: Similarities) -> Similarities:
        return to_similarity(raw)
