"""The audio signal: how alike the music sounds, by a mix of layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.calibration import CalibratedLayer, Status
from recommender.comparing import display, percentile, scores
from recommender.types import LayerMix, Rows, SignalName, Similarities
from recommender.vectors import VectorIndex, to_similarity

NOT_CALIBRATED: Mapping[str, CalibratedLayer] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One layer of the mix. Rows are those of its index."""

    share: float
    index: VectorIndex
    calibrated: CalibratedLayer | None

    @property
    def trusted(self) -> bool:
        """The layer is calibrated, be it provisionally."""
        return self.calibrated is not None and self.calibrated.bundle.status is not Status.UNCALIBRATED

    def cosines(self, own: int, rows: Rows | None) -> Similarities:
        query = self.index.vectors(np.array([own]))[0]
        return np.clip(self.index.cosines(query, rows), -1.0, 1.0)

    def shown(self, own: int, rows: Rows | None) -> Similarities:
        plain = to_similarity(self.cosines(own, rows))
        if self.calibrated is None or not self.trusted:
            return plain
        shown = display(self.calibrated.bundle, _scores(self.calibrated, own, rows))
        return np.where(np.isnan(shown), plain, shown)

    def percentiles(self, own: int, rows: Rows | None) -> Similarities:
        if self.calibrated is None:
            return np.full(self.index.size if rows is None else len(rows), np.nan)
        return percentile(self.calibrated.bundle, _scores(self.calibrated, own, rows))


def _scores(layer: CalibratedLayer, own: int, rows: Rows | None) -> Similarities:
    artists = layer.artists if rows is None else layer.artists.take(rows)
    return scores(layer.bundle, layer.artists.at(own), artists)


class AudioSignal:
    """Cosine of artist vectors, averaged over layers with the weights of a mix.

    With one layer this is its cosine; with several it equals the cosine of the concatenation of the unit layers, each
    scaled by the square root of its share of the mix. Calibrated similarities and percentiles are worked out a layer
    and averaged by the same shares: a mix has no reference pairs of its own, so its percentile is a mean of
    percentiles, and lies nearer to the middle than that of one layer.
    """

    name = SignalName.AUDIO

    def __init__(
        self,
        indexes: Mapping[str, VectorIndex],
        vector_row: Rows,
        mix: LayerMix,
        calibrated: Mapping[str, CalibratedLayer] = NOT_CALIBRATED,
    ) -> None:
        """
        Args:
            indexes: artist index of every layer of ``mix``; not looked at when no artist has an embedding.
            vector_row: ``[artist]`` row of the artist in the indexes, -1 when it has no embedding.
            mix: positive layer weights, used relative to their sum.
            calibrated: layer -> what it is calibrated with; layers that are not there are not calibrated.
        """
        total = sum(mix.values())
        self._vector_row = vector_row
        heard = mix.items() if self.known.any() else ()
        self._parts = [
            _Part(share=weight / total, index=indexes[layer], calibrated=calibrated.get(layer))
            for layer, weight in heard
            if weight > 0
        ]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._vector_row >= 0

    def raw(self, row: int, rows: Rows | None = None) -> Similarities:
        """Cosines of artist ``row`` with every artist, or with those at ``rows``."""
        return self._mean(_Part.cosines, row, rows)

    def value(self, raw: Similarities) -> Similarities:
        """The positive part of a cosine: what the ``seed`` profile reads, calibrated or not."""
        return to_similarity(raw)

    def shown(self, row: int, rows: Rows | None = None) -> Similarities:
        """Similarities in [0, 1] as they are shown: ``F(z)^2`` where calibrated, else the positive part of the cosine.

        The latter also for an artist that could not be measured, in a layer that is calibrated.
        """
        if not any(part.trusted for part in self._parts):
            return self.value(self.raw(row, rows))
        return self._mean(_Part.shown, row, rows)

    def percentiles(self, row: int, rows: Rows | None = None) -> Similarities:
        """F: how high each pair stands among pairs of the cohort, in [0, 1]; NaN where it was not measured."""
        return self._mean(_Part.percentiles, row, rows)

    def _mean(
        self, measure: Callable[[_Part, int, Rows | None], Similarities], row: int, rows: Rows | None
    ) -> Similarities:
        """What ``measure`` says in each layer of the mix, averaged by share; 1 with oneself."""
        places = self._vector_row if rows is None else self._vector_row[rows]
        opinions = np.full(len(places), np.nan)
        own = int(self._vector_row[row])
        if own < 0:
            return opinions
        there = places >= 0
        wanted = None if rows is None else places[there]
        found = functools.reduce(np.add, [part.share * measure(part, own, wanted) for part in self._parts])
        opinions[there] = found[places[there]] if rows is None else found
        opinions[row if rows is None else rows == row] = 1.0
        return opinions
