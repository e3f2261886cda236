"""The four signals of one generation together, on the scale that a weight profile reads and on those that are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from recommender.calibration.jackknife import Matrix
from recommender.calibration.percentiles import Percentiles, percentile
from recommender.fusion.boosted_trees import FEATURES
from recommender.generation.contents import Relations
from recommender.signals.audio import AudioQuery, AudioSignal, Seed
from recommender.signals.base import RelationSignal, Signal
from recommender.signals.collaboration import CollaborationSignal
from recommender.signals.features import PairFeatures
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import SIGNALS, Opinions, Rows, Scale, SignalName, Similarities

Stack: TypeAlias = npt.NDArray[np.float64]
"""``[seed, signal, artist]``."""


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
        self,
        audio: AudioSignal,
        relations: RelationSignals,
        percentiles: Mapping[SignalName, Percentiles],
        features: PairFeatures | None = None,
    ) -> None:
        """``features`` are those of the same relations; needed for :attr:`Scale.FEATURES` only."""
        self._audio = audio
        self._scene = relations.scene
        self._relations = relations.all()
        self._percentiles = percentiles
        self._features = features

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
        opinions: Opinions = self.read_all((seed,), scale, rows)[0]
        return opinions

    def read_all(self, seeds: Sequence[Seed], scale: Scale, rows: Rows | None = None) -> Stack:
        """``[seed, signal, artist]``: :meth:`read` of several seeds, which share most of the work.

        ``[seed, feature, artist]`` for :attr:`Scale.FEATURES`.
        """
        if scale is Scale.FEATURES:
            return self._read_features(seeds, np.arange(len(self._scene.known)) if rows is None else rows)
        relations = self._on_scale(self._raws(seeds, rows), seeds, scale, rows)
        return np.stack([self._audio_on_scale(seeds, scale, rows), *relations], axis=1)

    def scores(self, seeds: Sequence[Seed], rows: Rows, scale: Scale) -> list[SignalScores]:
        """All scales for each of ``seeds`` and the artists at ``rows``: for what is shown. Profiles read ``scale``."""
        if not seeds:
            return []
        audio, raws = self._audio.all_scales(seeds, rows), self._raws(seeds, rows)
        values, percentiles = self._values(raws), self._standings(raws, seeds, rows)
        is_split = scale is Scale.FEATURES
        read = self._on_scale(raws, seeds, Scale.STRENGTHS if is_split else scale, rows)
        if scale is Scale.VALUES:  # these profiles read the listings of the scene, so the listings are shown
            raws, values = [read[0], *raws[1:]], read
            percentiles = [np.where(np.isnan(read[0]), np.nan, percentiles[0]), *percentiles[1:]]
        audio_read = {
            Scale.VALUES: self._audio.value(audio.raw),
            Scale.PERCENTILES: audio.percentiles,
            Scale.STRENGTHS: audio.strengths,
            Scale.FEATURES: audio.strengths,
        }
        stacks = (
            np.stack([first, *others], axis=1)
            for first, others in (
                (audio.raw, raws),
                (audio.shown, values),
                (audio.percentiles, percentiles),
                (audio_read[scale], read),
            )
        )
        found = [
            SignalScores(raw=raw, shown=shown, percentiles=standing, read=reading, own=_own(seed, rows))
            for seed, raw, shown, standing, reading in zip(seeds, *stacks, strict=True)
        ]
        if not is_split:
            return found
        return [
            replace(one, read=features) for one, features in zip(found, self._read_features(seeds, rows), strict=True)
        ]

    def _read_features(self, seeds: Sequence[Seed], rows: Rows) -> Stack:
        """``[seed, feature, artist]``; of an artist that is not in the catalog only the audio signal has any."""
        if self._features is None:
            raise ValueError("the panel was made without features")
        audio = self._audio.strengths(seeds, rows)
        silent = np.full((len(FEATURES), len(rows)), np.nan)
        found = [
            np.vstack([strengths[np.newaxis], silent[1:]])
            if isinstance(seed, AudioQuery)
            else self._features.read(seed, strengths, rows)
            for seed, strengths in zip(seeds, audio, strict=True)
        ]
        return np.stack(found)

    def _raws(self, seeds: Sequence[Seed], rows: Rows | None) -> list[Matrix]:
        """``[seed, artist]`` own measures of each relation signal."""
        return [
            np.stack(
                [_silent(signal, rows) if isinstance(seed, AudioQuery) else signal.raw(seed, rows) for seed in seeds]
            )
            for signal in self._relations
        ]

    def _audio_on_scale(self, seeds: Sequence[Seed], scale: Scale, rows: Rows | None) -> Matrix:
        if scale is Scale.STRENGTHS:
            return self._audio.strengths(seeds, rows)
        if scale is Scale.PERCENTILES:
            return np.stack([self._audio.percentiles(seed, rows) for seed in seeds])
        return self._audio.value(np.stack([self._audio.raw(seed, rows) for seed in seeds]))

    def _on_scale(self, raws: list[Matrix], seeds: Sequence[Seed], scale: Scale, rows: Rows | None) -> list[Matrix]:
        """What profiles of ``scale`` read of the relation signals, from their own measures."""
        if scale is Scale.STRENGTHS:
            return [signal.strength(raw) for signal, raw in zip(self._relations, raws, strict=True)]
        if scale is Scale.PERCENTILES:
            return self._standings(raws, seeds, rows)
        listings = [
            _silent(self._scene, rows) if isinstance(seed, AudioQuery) else self._scene.listing(seed, rows)
            for seed in seeds
        ]
        return [np.stack(listings), *self._values(raws)[1:]]

    def _values(self, raws: list[Matrix]) -> list[Matrix]:
        """Similarities in [0, 1] of the relation signals, from their own measures."""
        return [signal.value(raw) for signal, raw in zip(self._relations, raws, strict=True)]

    def _standings(self, raws: list[Matrix], seeds: Sequence[Seed], rows: Rows | None) -> list[Matrix]:
        """Percentiles of the relation signals, from their own measures; 1 for the seed itself."""
        return [self._standing(signal, raw, seeds, rows) for signal, raw in zip(self._relations, raws, strict=True)]

    def _standing(self, signal: Signal, raw: Matrix, seeds: Sequence[Seed], rows: Rows | None) -> Matrix:
        reference = self._percentiles.get(signal.name)
        if reference is None:
            return np.full(raw.shape, np.nan)
        percentiles = percentile(reference, signal.value(raw))
        for place, seed in enumerate(seeds):
            if not isinstance(seed, AudioQuery):
                # Others may reach the same opinion as the seed has of itself; only the seed is surely the most alike.
                own = np.array([seed]) if rows is None else np.flatnonzero(rows == seed)
                percentiles[place, own] = np.where(np.isnan(percentiles[place, own]), np.nan, 1.0)
        return percentiles


def _silent(signal: Signal, rows: Rows | None) -> Similarities:
    """NaN: a relation signal has no data on an artist that is not in the catalog."""
    return np.full(len(signal.known if rows is None else rows), np.nan)


def _own(seed: Seed, rows: Rows) -> npt.NDArray[np.bool_]:
    return np.zeros(len(rows), dtype=bool) if isinstance(seed, AudioQuery) else rows == seed
