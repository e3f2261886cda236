"""The audio signal: how alike the music of two artists sounds, by a mix of layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
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
from recommender.calibration.scores import display, percentile, scores
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

    def percentiles(self, query: AudioQuery, rows: Rows | None) -> Similarities:
        if self.calibrated is None:
            return np.full(self.index.size if rows is None else len(rows), np.nan)
        bundle = self.calibrated.bundle
        return percentile(bundle, scores(bundle, query.measured[self.name], self.calibrated.artists, rows))

    def all_scales(self, query: AudioQuery, rows: Rows | None) -> Similarities:
        """``[3, item]``: cosines, shown similarities, percentiles."""
        cosines = self.cosines(query, rows)
        plain = to_similarity(cosines)
        if self.calibrated is None:
            return np.stack([cosines, plain, np.full(len(plain), np.nan)])
        bundle = self.calibrated.bundle
        z = scores(bundle, query.measured[self.name], self.calibrated.artists, rows)
        shown = display(bundle, z) if self.trusted else plain
        # An artist whose tracks cancel one another after centring has no calibrated score; its cosine is shown.
        return np.stack([cosines, np.where(np.isnan(shown), plain, shown), percentile(bundle, z)])


class AudioSignal:
    """Cosine of artist vectors, averaged over layers with the weights of a mix.

    With one layer this is its cosine; with several it equals the cosine of the concatenation of the unit layers, each
    scaled by the square root of its share of the mix. Calibrated similarities and percentiles are computed per layer
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

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._vector_row >= 0

    def raw(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """Cosines of ``row`` with every artist, or with those at ``rows``."""
        return self._mean(_Layer.cosines, row, rows)

    def value(self, raw: Similarities) -> Similarities:
        """The positive part of a cosine: what the ``seed`` profile reads, calibrated or not."""
        return to_similarity(raw)

    def percentiles(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """F: share of the pairs of the cohort that are less alike, in [0, 1]; NaN where it was not measured."""
        return self._mean(_Layer.percentiles, row, rows)

    def shown(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """Similarities in [0, 1] as they are shown: ``F(z)^2`` where calibrated, else the positive part of the cosine.

        The latter also for an artist that could not be measured, in a layer that is calibrated.
        """
        return self.all_scales(row, rows).shown

    def all_scales(self, row: Seed, rows: Rows | None = None) -> AudioScores:
        """:meth:`raw`, :meth:`shown` and :meth:`percentiles` in one pass over the layers."""
        raw, shown, percentiles = self._mean(_Layer.all_scales, row, rows, scales=3)
        trusted = any(layer.trusted for layer in self._layers)
        return AudioScores(raw=raw, shown=shown if trusted else self.value(raw), percentiles=percentiles)

    def _mean(
        self,
        measure: Callable[[_Layer, AudioQuery, Rows | None], Similarities],
        row: Seed,
        rows: Rows | None,
        *,
        scales: int = 0,
    ) -> Similarities:
        """``measure`` in each layer of the mix, averaged by share; 1 for an artist with itself.

        ``[artist]``, or ``[scale, artist]`` where ``measure`` gives so many ``scales``.
        """
        index_rows = self._vector_row if rows is None else self._vector_row[rows]
        opinions = np.full((scales, len(index_rows)) if scales else len(index_rows), np.nan)
        query = row if isinstance(row, AudioQuery) else self._query(row)
        if query is None or not self._layers:
            return opinions
        embedded = index_rows >= 0
        wanted = None if rows is None else index_rows[embedded]
        # Added one layer after another: the last bit must not depend on how many artists are asked for.
        mean = functools.reduce(np.add, [layer.share * measure(layer, query, wanted) for layer in self._layers])
        opinions[..., embedded] = mean[..., index_rows[embedded]] if rows is None else mean
        if not isinstance(row, AudioQuery):
            opinions[..., row if rows is None else rows == row] = 1.0
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
