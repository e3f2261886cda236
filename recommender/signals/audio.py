"""The audio signal: how alike the music sounds, by a mix of layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from recommender.calibration.cohort import CalibratedLayer, CohortStats, Measured, Status
from recommender.calibration.scores import cosines, display, percentile, score_cosines, scores
from recommender.types import LayerMix, Rows, SignalName, Similarities, Vectors
from recommender.vectors import VectorIndex, to_similarity

NOT_CALIBRATED: Mapping[str, CalibratedLayer] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One artist as a layer hears it, in the catalog or not."""

    vector: Vectors
    """``[dim]``, unit length."""
    measured: Measured | None
    """None where the layer is not calibrated."""


Newcomer: TypeAlias = Mapping[str, Heard]
"""Somebody who is not in the catalog, in every layer of the mix that is listened by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One layer of the mix. Rows are those of its index."""

    layer: str
    share: float
    index: VectorIndex
    calibrated: CalibratedLayer | None

    @property
    def trusted(self) -> bool:
        """The layer is calibrated, be it provisionally."""
        return self.calibrated is not None and self.calibrated.bundle.status is not Status.UNCALIBRATED

    def hear(self, own: int) -> Heard:
        measured = None if self.calibrated is None else self.calibrated.artists.at(own)
        return Heard(vector=self.index.vectors(np.array([own]))[0], measured=measured)

    def cosines(self, heard: Heard, rows: Rows | None) -> Similarities:
        return np.clip(self.index.cosines(heard.vector, rows), -1.0, 1.0)

    def shown(self, heard: Heard, rows: Rows | None) -> Similarities:
        plain = to_similarity(self.cosines(heard, rows))
        if self.calibrated is None or heard.measured is None or not self.trusted:
            return plain
        shown = display(self.calibrated.bundle, _scores(self.calibrated, heard.measured, rows))
        return np.where(np.isnan(shown), plain, shown)

    def percentiles(self, heard: Heard, rows: Rows | None) -> Similarities:
        if self.calibrated is None or heard.measured is None:
            return np.full(self.index.size if rows is None else len(rows), np.nan)
        return percentile(self.calibrated.bundle, _scores(self.calibrated, heard.measured, rows))


def _scores(layer: CalibratedLayer, measured: Measured, rows: Rows | None) -> Similarities:
    artists = layer.artists
    if rows is None:
        return scores(layer.bundle, measured, artists)
    standing = CohortStats(mean=artists.mean[rows], sd=artists.sd[rows])
    alike = cosines(artists.vectors[rows], measured.vector)
    return score_cosines(layer.bundle.method, alike, measured.standing, standing)


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
            indexes: artist index of every layer of ``mix``; empty when no artist has an embedding.
            vector_row: ``[artist]`` row of the artist in the indexes, -1 when it has no embedding.
            mix: positive layer weights, used relative to their sum.
            calibrated: layer -> what it is calibrated with; layers that are not there are not calibrated.
        """
        total = sum(mix.values())
        self._vector_row = vector_row
        heard = mix.items() if indexes else ()
        self._parts = [
            _Part(layer=layer, share=weight / total, index=indexes[layer], calibrated=calibrated.get(layer))
            for layer, weight in heard
            if weight > 0
        ]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._vector_row >= 0

    def raw(self, row: int | Newcomer, rows: Rows | None = None) -> Similarities:
        """Cosines of artist ``row``, or of a newcomer, with every artist, or with those at ``rows``."""
        return self._mean(_Part.cosines, row, rows)

    def value(self, raw: Similarities) -> Similarities:
        """The positive part of a cosine: what the ``seed`` profile reads, calibrated or not."""
        return to_similarity(raw)

    def shown(self, row: int | Newcomer, rows: Rows | None = None) -> Similarities:
        """Similarities in [0, 1] as they are shown: ``F(z)^2`` where calibrated, else the positive part of the cosine.

        The latter also for an artist that could not be measured, in a layer that is calibrated.
        """
        if not any(part.trusted for part in self._parts):
            return self.value(self.raw(row, rows))
        return self._mean(_Part.shown, row, rows)

    def percentiles(self, row: int | Newcomer, rows: Rows | None = None) -> Similarities:
        """F: how high each pair stands among pairs of the cohort, in [0, 1]; NaN where it was not measured."""
        return self._mean(_Part.percentiles, row, rows)

    def _mean(
        self, measure: Callable[[_Part, Heard, Rows | None], Similarities], row: int | Newcomer, rows: Rows | None
    ) -> Similarities:
        """What ``measure`` says in each layer of the mix, averaged by share; 1 with oneself."""
        places = self._vector_row if rows is None else self._vector_row[rows]
        opinions = np.full(len(places), np.nan)
        heard = self._hear(row)
        if not heard:
            return opinions
        there = places >= 0
        wanted = None if rows is None else places[there]
        found = functools.reduce(
            np.add, [part.share * measure(part, heard[part.layer], wanted) for part in self._parts]
        )
        opinions[there] = found[places[there]] if rows is None else found
        if not isinstance(row, Mapping):
            opinions[row if rows is None else rows == row] = 1.0
        return opinions

    def _hear(self, row: int | Newcomer) -> Newcomer:
        """The artist in every layer of the mix; empty when it has no embedding, or nobody has."""
        if isinstance(row, Mapping):
            return row if self._parts else {}
        own = int(self._vector_row[row])
        return {part.layer: part.hear(own) for part in self._parts} if own >= 0 else {}
