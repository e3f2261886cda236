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
from recommender.calibration.jackknife import Matrix, VectorReliability
from recommender.calibration.mix_scale import MixScale, mean_scores, measured_layers, uncalibrated_strength
from recommender.types import LayerMix, Rows, SignalName, Similarities, Vectors
from recommender.vectors import VectorIndex, to_similarity

_QUERIES = 256
"""Seeds whose vectors are kept."""
_NO_ROWS: Rows = np.empty(0, dtype=np.int64)

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
    """What the audio signal says about seeds and artists, each ``[seed, artist]``; NaN is "no opinion"."""

    raw: Matrix
    """Cosines."""
    shown: Matrix
    """Similarities in [0, 1], calibrated where they can be."""
    percentiles: Matrix
    """In [0, 1]; NaN where the pair was not measured."""
    strengths: Matrix
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
        self._vector_row = vector_row
        self._layers = [
            _Layer(name=name, share=weight / total, index=indexes[name], calibrated=calibrated.get(name))
            for name, weight in (mix.items() if indexes else ())
            if weight > 0
        ]
        self._measured = measured_layers(mix, calibrated) if indexes else ()
        self._scale = MixScale.of(self._measured) if self._measured else None
        self._every_row = np.arange(len(self._measured[0].calibrated.artists.tracks)) if self._measured else _NO_ROWS
        # One request asks for the same seeds several times. Not a method of this object: a reference cycle would keep a
        # generation open after its last reader.
        self._query_of = functools.lru_cache(maxsize=_QUERIES)(
            functools.partial(_catalog_query, mix=mix, vector_row=vector_row, layers=self._layers)
        )

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._vector_row >= 0

    def raw(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """Cosines of ``row`` with every artist, or with those at ``rows``."""
        cosines: Similarities = self._for_embedded((row,), rows, self._cosines, own=1.0)[0]
        return cosines

    def value(self, raw: Similarities) -> Similarities:
        """The positive part of a cosine: what the ``seed`` profile reads, calibrated or not."""
        return to_similarity(raw)

    def percentiles(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """F: share of the pairs of the cohort that are less alike, in [0, 1]; NaN where it was not measured."""
        if self._scale is None:
            return np.full(len(self._vector_row if rows is None else rows), np.nan)
        return self._scale.percentile(self._z((row,), rows)[0])

    def strengths(self, seeds: Sequence[Seed], rows: Rows | None = None) -> Matrix:
        """``[seed, artist]``: ``log(1 + odds / 30)`` of the percentile, at least 0; NaN where it was not measured.

        Without any reference pair the positive part of the cosine stands in for the percentile: too weak, but in the
        right order. That happens in generations of earlier releases only.
        """
        if self._scale is None:
            return uncalibrated_strength(np.stack([self.raw(seed, rows) for seed in seeds]))
        return self._scale.strength(self._z(seeds, rows))

    def shown(self, row: Seed, rows: Rows | None = None) -> Similarities:
        """Similarities in [0, 1] as they are shown: ``F^2`` where calibrated, else the positive part of the cosine.

        ``F^2`` is the chance that two random pairs are both less alike. The cosine also for an artist that could not
        be measured.
        """
        shown: Similarities = self.all_scales((row,), rows).shown[0]
        return shown

    def all_scales(self, seeds: Sequence[Seed], rows: Rows | None = None) -> AudioScores:
        """Every scale, each ``[seed, artist]``."""
        raw = self._for_embedded(seeds, rows, self._cosines, own=1.0)
        plain = self.value(raw)
        if self._scale is None:
            unmeasured, strengths = np.full(raw.shape, np.nan), uncalibrated_strength(raw)
            return AudioScores(raw=raw, shown=plain, percentiles=unmeasured, strengths=strengths)
        z = self._z(seeds, rows)
        percentiles, strengths = self._scale.percentile(z), self._scale.strength(z)
        trusted = any(layer.trusted for layer in self._layers)
        # An artist whose tracks cancel one another after centring has no calibrated score; its cosine is shown.
        shown = np.where(np.isnan(percentiles), plain, percentiles**2) if trusted else plain
        return AudioScores(raw=raw, shown=shown, percentiles=percentiles, strengths=strengths)

    def _z(self, seeds: Sequence[Seed], rows: Rows | None) -> Matrix:
        """Mean standardised scores ``[seed, artist]``, infinite for an artist with itself; NaN where not measured."""
        return self._for_embedded(seeds, rows, self._mean_scores, own=np.inf)

    def _cosines(self, queries: Sequence[AudioQuery], rows: Rows | None) -> Matrix:
        # Added one layer after another: the last bit must not depend on how many artists are asked for.
        return np.stack(
            [
                functools.reduce(np.add, [layer.share * layer.cosines(query, rows) for layer in self._layers])
                for query in queries
            ]
        )

    def _mean_scores(self, queries: Sequence[AudioQuery], rows: Rows | None) -> Matrix:
        every = self._every_row if rows is None else rows
        return mean_scores(self._measured, [query.measured for query in queries], every)

    def _for_embedded(
        self,
        seeds: Sequence[Seed],
        rows: Rows | None,
        measure: Callable[[Sequence[AudioQuery], Rows | None], Matrix],
        *,
        own: float,
    ) -> Matrix:
        """``[seed, artist]`` of ``measure``, which takes rows of the indexes; ``own`` for an artist with itself."""
        index_rows = self._vector_row if rows is None else self._vector_row[rows]
        opinions: Matrix = np.full((len(seeds), len(index_rows)), np.nan)
        queries = [seed if isinstance(seed, AudioQuery) else self._query_of(seed) for seed in seeds]
        able = np.array([place for place, query in enumerate(queries) if query is not None], dtype=np.int64)
        if not able.size or not self._layers:
            return opinions
        embedded = np.flatnonzero(index_rows >= 0)
        asked = [query for query in queries if query is not None]
        found = measure(asked, None if rows is None else index_rows[embedded])
        opinions[np.ix_(able, embedded)] = found[:, index_rows[embedded]] if rows is None else found
        for place in able.tolist():
            seed = seeds[place]
            if not isinstance(seed, AudioQuery):
                opinions[place, seed if rows is None else rows == seed] = own
        return opinions


def _catalog_query(row: int, *, mix: LayerMix, vector_row: Rows, layers: Sequence[_Layer]) -> AudioQuery | None:
    """The catalog artist ``row`` in every layer of the mix; None when it has no embedding."""
    index_row = int(vector_row[row])
    if index_row < 0:
        return None
    return AudioQuery(
        mix=mix,
        vectors={layer.name: layer.index.vectors(np.array([index_row]))[0] for layer in layers},
        measured={
            layer.name: layer.calibrated.artists.at(index_row) for layer in layers if layer.calibrated is not None
        },
    )
