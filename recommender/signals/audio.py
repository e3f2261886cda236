"""The audio signal: how alike the music of two artists sounds, by a mix of layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from recommender.calibration.cohort import (
    ArtistStats,
    CalibratedLayer,
    Measured,
    Status,
    mean_reliability,
)
from recommender.calibration.jackknife import VectorReliability
from recommender.calibration.mix_scale import LayerScale, MixScale, uncalibrated_strength
from recommender.calibration.scores import scores
from recommender.types import LayerMix, Rows, SignalName, Similarities, Vectors
from recommender.vectors import VectorIndex, to_similarity

NOT_CALIBRATED: Mapping[str, CalibratedLayer] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudioQuery:
    """One artist to compare with others by audio: an artist of the catalog, or one known by its clips alone.

    :class:`AudioSignal` makes it from a catalog row, ``recommender/ranking/audio_query.py`` from clips.
    """

    mix: LayerMix
    vectors: Mapping[str, Vectors]
    """Layer of the mix -> ``[dim]``, unit length: the mean of the artist's tracks."""
    measured: Mapping[str, Measured]
    """Layer of the mix -> the artist measured by the bundle of the layer; only layers that have a bundle."""
    tracks: Mapping[str, Vectors] = field(default_factory=dict)
    """Layer of the space -> ``[track, dim]``, unit vectors of the clips; empty for an artist of the catalog."""

    @property
    def reliability(self) -> VectorReliability:
        """How reliable the vectors of an artist made from clips are; NaN where a layer has no bundle to measure it."""
        if len(self.measured) < len(self.mix):
            count = len(next(iter(self.tracks.values())))
            return VectorReliability(tracks=count, coherence=float("nan"), standard_error=float("nan"))
        layers = [
            (share, ArtistStats.of([self.measured[layer]], width=len(self.measured[layer].vector)))
            for layer, share in self.mix.items()
        ]
        (reliability,) = mean_reliability(layers, np.array([0]))
        return reliability


Seed: TypeAlias = int | AudioQuery
"""What others are compared with: a catalog row, or an artist that is not in the catalog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioScores:
    """What the audio signal says about one seed and some artists, each ``[artist]``; NaN is "no opinion"."""

    raw: Similarities
    """Cosines."""
    shown: Similarities
    """Similarities in [0, 1], calibrated where they can be."""
    percentiles: Similarities
    """In [0, 1]; NaN where the pair was not measured."""
    strengths: Similarities
    """At least 0; NaN where the pair was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One layer of the mix. Rows are those of its index."""

    name: str
    share: float
    index: VectorIndex
    calibrated: CalibratedLayer | None

    @property
    def trusted(self) -> bool:
        """The layer has a bundle that was fitted on enough artists, or on nearly enough (provisional)."""
        return self.calibrated is not None and self.calibrated.bundle.status is not Status.UNCALIBRATED

    def cosines(self, query: AudioQuery, rows: Rows | None) -> Similarities:
        return np.clip(self.index.cosines(query.vectors[self.name], rows), -1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _MeasuredLayer:
    """A layer whose bundle has reference pairs, with its share among the layers that have some."""

    name: str
    share: float
    calibrated: CalibratedLayer
    scale: LayerScale

    def scores(self, query: AudioQuery, rows: Rows | None) -> Similarities:
        """Standardised scores, which :class:`MixScale` reads once they are averaged."""
        bundle = self.calibrated.bundle
        return self.scale.standardise(scores(bundle, query.measured[self.name], self.calibrated.artists, rows))


class AudioSignal:
    """Cosine of artist vectors, averaged over layers with the weights of a mix.

    With one layer this is its cosine; with several it equals the cosine of the concatenation of the unit layers, each
    scaled by the square root of its share of the mix. The calibrated scores of layers are standardised and averaged by
    the same shares (recommender/calibration/mix_scale.py): fewer artists then stand near to everybody than with a mean
    of percentiles. A layer without reference pairs has no part in that mean.
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
            calibrated: layer -> its bundle and the artists measured with it; layers that are missing here are not
                calibrated.
        """
        total = sum(mix.values())
        self._mix = mix
        self._vector_row = vector_row
        self._layers = [
            _Layer(name=name, share=weight / total, index=indexes[name], calibrated=calibrated.get(name))
            for name, weight in (mix.items() if indexes else ())
            if weight > 0
        ]
        self._measured = _measured_layers(self._layers)
        scaled = [(layer.share, layer.calibrated.bundle) for layer in self._measured]
        self._scale = MixScale.of(scaled) if scaled else None

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._vector_row >= 0

    def raw(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """Cosines of ``row`` with every artist, or with those at ``rows``."""
        return self._for_embedded(row, rows, self._cosines, own=1.0)

    def value(self, raw: Similarities) -> Similarities:
        """The positive part of a cosine: what the ``seed`` profile reads, calibrated or not."""
        return to_similarity(raw)

    def percentiles(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """F: share of the pairs of the cohort that are less alike, in [0, 1]; NaN where it was not measured."""
        if self._scale is None:
            return np.full(len(self._vector_row if rows is None else rows), np.nan)
        scale = self._scale
        return self._for_embedded(row, rows, lambda query, some: scale.percentile(self._z(query, some)), own=1.0)

    def strengths(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """``log(1 + odds / 30)`` of the percentile, at least 0; NaN where the pair was not measured.

        Without any reference pair the positive part of the cosine stands in for the percentile: too weak, but in the
        right order. That happens in generations of earlier releases only.
        """
        if self._scale is None:
            return uncalibrated_strength(self.raw(row, rows))
        scale = self._scale
        return self._for_embedded(
            row, rows, lambda query, some: scale.strength(self._z(query, some)), own=scale.strongest
        )

    def shown(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """Similarities in [0, 1] as they are shown: ``F^2`` where calibrated, else the positive part of the cosine.

        ``F^2`` is the chance that two random pairs are both less alike. The cosine also for an artist that could not
        be measured.
        """
        return self.all_scales(row, rows).shown

    def all_scales(self, row: Seed, rows: Rows | None = None) -> AudioScores:
        """Every scale in one pass over the layers."""
        raw, unmeasured = self.raw(row, rows), np.full(len(self._vector_row if rows is None else rows), np.nan)
        plain = self.value(raw)
        if self._scale is None:
            return AudioScores(raw=raw, shown=plain, percentiles=unmeasured, strengths=uncalibrated_strength(raw))
        z = self._for_embedded(row, rows, self._z, own=np.inf)
        percentiles, strengths = self._scale.percentile(z), self._scale.strength(z)
        trusted = any(layer.trusted for layer in self._layers)
        # An artist whose tracks cancel one another after centring has no calibrated score; its cosine is shown.
        shown = np.where(np.isnan(percentiles), plain, percentiles**2) if trusted else plain
        return AudioScores(raw=raw, shown=shown, percentiles=percentiles, strengths=strengths)

    def _cosines(self, query: AudioQuery, rows: Rows | None) -> Similarities:
        # Added one layer after another: the last bit must not depend on how many artists are asked for.
        return functools.reduce(np.add, [layer.share * layer.cosines(query, rows) for layer in self._layers])

    def _z(self, query: AudioQuery, rows: Rows | None) -> Similarities:
        """Mean standardised scores; NaN for an artist that could not be measured in a layer."""
        return functools.reduce(np.add, [layer.share * layer.scores(query, rows) for layer in self._measured])

    def _for_embedded(
        self,
        row: Seed,
        rows: Rows | None,
        measure: Callable[[AudioQuery, Rows | None], Similarities],
        *,
        own: float,
    ) -> Similarities:
        """``[artist]`` of ``measure``, which takes rows of the indexes; ``own`` for an artist with itself."""
        index_rows = self._vector_row if rows is None else self._vector_row[rows]
        opinions: Similarities = np.full(len(index_rows), np.nan)
        query = row if isinstance(row, AudioQuery) else self._query(row)
        if query is None or not self._layers:
            return opinions
        embedded = index_rows >= 0
        measured = measure(query, None if rows is None else index_rows[embedded])
        opinions[embedded] = measured[index_rows[embedded]] if rows is None else measured
        if not isinstance(row, AudioQuery):
            opinions[row if rows is None else rows == row] = own
        return opinions

    def _query(self, row: int) -> AudioQuery | None:
        """The catalog artist ``row`` in every layer of the mix; None when it has no embedding."""
        index_row = int(self._vector_row[row])
        if index_row < 0:
            return None
        return AudioQuery(
            mix=self._mix,
            vectors={layer.name: layer.index.vectors(np.array([index_row]))[0] for layer in self._layers},
            measured={
                layer.name: layer.calibrated.artists.at(index_row)
                for layer in self._layers
                if layer.calibrated is not None
            },
        )


def _measured_layers(layers: Sequence[_Layer]) -> list[_MeasuredLayer]:
    """The layers whose bundle has reference pairs; their shares are scaled to sum to 1."""
    found = [
        (layer, layer.calibrated)
        for layer in layers
        if layer.calibrated is not None and layer.calibrated.bundle.quantiles.size
    ]
    total = sum(layer.share for layer, _ in found)
    return [
        _MeasuredLayer(
            name=layer.name, share=layer.share / total, calibrated=calibrated, scale=LayerScale.of(calibrated.bundle)
        )
        for layer, calibrated in found
    ]
