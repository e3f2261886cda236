"""The four signals of one generation together, on the scale that a weight profile reads and on those that are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.calibration.percentiles import Percentiles, percentile
from recommender.generation.contents import Relations
from recommender.signals.audio import AudioQuery, AudioSignal, Seed
from recommender.signals.base import RelationSignal, Signal
from recommender.signals.collaboration import CollaborationSignal
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import SIGNALS, Opinions, Rows, Scale, SignalName, Similarities


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationSignals:
    """The three signals that do not use audio."""

    scene: SceneSignal
    genre: GenreSignal
    collaboration: CollaborationSignal

    @classmethod
    def of(cls, relations: Relations) -> RelationSignals:
        """The signals over the matrices of a generation."""
        return cls(
            scene=SceneSignal(
                relations.scene_strengths,
                relations.scene_mentioned,
                relations.scene_listed,
                walk=relations.scene_walk,
            ),
            genre=GenreSignal(relations.genre_weights),
            collaboration=CollaborationSignal(relations.collaborations, relations.collaboration_known),
        )

    def all(self) -> tuple[RelationSignal, ...]:
        """Each of them, in the order of ``SIGNALS``."""
        return (self.scene, self.genre, self.collaboration)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalScores:
    """The scores of every signal for one seed and some artists; each ``[signal, artist]``, NaN is "no opinion"."""

    raw: Opinions
    """The signals' own measures."""
    shown: Opinions
    """Similarities in [0, 1], calibrated where they can be."""
    percentiles: Opinions
    """In [0, 1]; all NaN where the generation has none."""
    read: Opinions
    """What the profile reads."""
    own: npt.NDArray[np.bool_]
    """``[artist]``: it is the seed itself."""


class SignalPanel:
    """The four signals of one generation, the audio signal with one mix of layers."""

    def __init__(
        self, audio: AudioSignal, relations: RelationSignals, percentiles: Mapping[SignalName, Percentiles]
    ) -> None:
        self._audio = audio
        self._scene = relations.scene
        self._relations = relations.all()
        self._percentiles = percentiles

    @property
    def signals(self) -> dict[SignalName, Signal]:
        """By name, in the order of ``SIGNALS``."""
        every: tuple[Signal, ...] = (self._audio, *self._relations)
        return dict(zip(SIGNALS, every, strict=True))

    def read(self, seed: Seed, scale: Scale, rows: Rows | None = None) -> Opinions:
        """``[signal, artist]`` with every artist, or those at ``rows``, on ``scale``: what ranks a catalog.

        The same to the bit whichever artists are asked for. Of an artist that is not in the catalog only the audio
        signal has an opinion.
        """
        audio = self._audio_read(seed, scale, rows)
        if isinstance(seed, AudioQuery):
            return np.stack([audio, *_no_opinions(len(audio))])
        raws = [signal.raw(seed, rows) for signal in self._relations]
        return np.stack([audio, *self._on_scale(raws, seed, scale, rows)])

    def scores(self, seed: Seed, rows: Rows, scale: Scale) -> SignalScores:
        """All scales for ``seed`` and the artists at ``rows``: for what is shown. The profile reads ``scale``."""
        audio = self._audio.all_scales(seed, rows)
        raws = values = percentiles = read = _no_opinions(len(rows))
        if not isinstance(seed, AudioQuery):
            raws = [signal.raw(seed, rows) for signal in self._relations]
            values = self._values(raws)
            percentiles = self._standings(raws, seed, rows)
            read = self._on_scale(raws, seed, scale, rows)
            if scale is Scale.VALUES:  # these profiles read the listings of the scene, so the listings are shown
                raws, values = [read[0], *raws[1:]], read
                percentiles = [np.where(np.isnan(read[0]), np.nan, percentiles[0]), *percentiles[1:]]
        audio_read = {
            Scale.VALUES: self._audio.value(audio.raw),
            Scale.PERCENTILES: audio.percentiles,
            Scale.STRENGTHS: audio.strengths,
        }
        return SignalScores(
            raw=np.stack([audio.raw, *raws]),
            shown=np.stack([audio.shown, *values]),
            percentiles=np.stack([audio.percentiles, *percentiles]),
            read=np.stack([audio_read[scale], *read]),
            own=np.zeros(len(rows), dtype=bool) if isinstance(seed, AudioQuery) else rows == seed,
        )

    def _audio_read(self, seed: Seed, scale: Scale, rows: Rows | None) -> Similarities:
        if scale is Scale.STRENGTHS:
            return self._audio.strengths(seed, rows)
        if scale is Scale.PERCENTILES:
            return self._audio.percentiles(seed, rows)
        return self._audio.value(self._audio.raw(seed, rows))

    def _on_scale(self, raws: list[Similarities], seed: int, scale: Scale, rows: Rows | None) -> list[Similarities]:
        """What profiles of ``scale`` read of the relation signals, from their own measures."""
        if scale is Scale.STRENGTHS:
            return [signal.strength(raw) for signal, raw in zip(self._relations, raws, strict=True)]
        if scale is Scale.PERCENTILES:
            return self._standings(raws, seed, rows)
        return [self._scene.listing(seed, rows), *self._values(raws)[1:]]

    def _values(self, raws: list[Similarities]) -> list[Similarities]:
        """Similarities in [0, 1] of the relation signals, from their own measures."""
        return [signal.value(raw) for signal, raw in zip(self._relations, raws, strict=True)]

    def _standings(self, raws: list[Similarities], seed: int, rows: Rows | None) -> list[Similarities]:
        """Percentiles of the relation signals, from their own measures; 1 for the seed itself."""
        return [self._standing(signal, raw, seed, rows) for signal, raw in zip(self._relations, raws, strict=True)]

    def _standing(self, signal: Signal, raw: Similarities, seed: int, rows: Rows | None) -> Similarities:
        reference = self._percentiles.get(signal.name)
        if reference is None:
            return np.full(len(raw), np.nan)
        percentiles = percentile(reference, signal.value(raw))
        # Other artists may reach the same opinion as the seed has of itself; only the seed is surely the most alike.
        own = np.array([seed]) if rows is None else np.flatnonzero(rows == seed)
        percentiles[own] = np.where(np.isnan(percentiles[own]), np.nan, 1.0)
        return percentiles


def _no_opinions(artists: int) -> list[Similarities]:
    """NaN of each relation signal: it has no data on an artist that is not in the catalog."""
    return [np.full(artists, np.nan)] * (len(SIGNALS) - 1)
