"""What the four signals say about one artist, on the scale that a weight profile reads and on those that are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.calibration.percentiles import Percentiles, percentile
from recommender.generation.contents import Relations
from recommender.signals.audio import AudioSignal
from recommender.signals.base import Signal
from recommender.signals.collaboration import CollaborationSignal
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import SIGNALS, Opinions, Rows, Scale, SignalName, Similarities


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationSignals:
    """The three signals that do not listen."""

    scene: SceneSignal
    genre: GenreSignal
    collaboration: CollaborationSignal

    @classmethod
    def of(cls, relations: Relations) -> RelationSignals:
        """The signals over the matrices of a generation."""
        return cls(
            scene=SceneSignal(relations.scene_strengths, relations.scene_mentioned, relations.scene_listed),
            genre=GenreSignal(relations.genre_weights),
            collaboration=CollaborationSignal(relations.collaborations, relations.collaboration_known),
        )

    def all(self) -> tuple[Signal, ...]:
        """Each of them, in the order of ``SIGNALS``."""
        return (self.scene, self.genre, self.collaboration)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalScores:
    """What every signal says about one seed and some artists; each ``[signal, artist]``, NaN is "no opinion"."""

    raw: Opinions
    """The signals' own measures."""
    shown: Opinions
    """Similarities in [0, 1], calibrated where they can be."""
    percentiles: Opinions
    """In [0, 1]; all NaN where the generation holds none."""
    read: Opinions
    """What the profile read."""
    own: npt.NDArray[np.bool_]
    """``[artist]``: it is the seed itself."""


class SignalPanel:
    """The four signals of one generation, listening by one mix."""

    def __init__(
        self, audio: AudioSignal, relations: RelationSignals, percentiles: Mapping[SignalName, Percentiles]
    ) -> None:
        self._audio = audio
        self._relations = relations.all()
        self._percentiles = percentiles

    @property
    def signals(self) -> dict[SignalName, Signal]:
        """By name, in the order of ``SIGNALS``."""
        every: tuple[Signal, ...] = (self._audio, *self._relations)
        return dict(zip(SIGNALS, every, strict=True))

    def read(self, seed: int, scale: Scale, rows: Rows | None = None) -> Opinions:
        """``[signal, artist]`` with every artist, or those at ``rows``, on ``scale``: what ranks a catalog.

        The same to the bit whichever artists are asked for.
        """
        told = [(signal, signal.raw(seed, rows)) for signal in self._relations]
        if scale is Scale.VALUES:
            heard = self._audio.value(self._audio.raw(seed, rows))
            return np.stack([heard, *(signal.value(raw) for signal, raw in told)])
        return np.stack(
            [self._audio.percentiles(seed, rows), *(self._standing(signal, raw, seed, rows) for signal, raw in told)]
        )

    def say(self, seed: int, rows: Rows, scale: Scale) -> SignalScores:
        """Everything about ``seed`` and the artists at ``rows``: for those that are shown."""
        raw = np.stack([signal.raw(seed, rows) for signal in self.signals.values()])
        plain = np.stack([signal.value(each) for signal, each in zip(self.signals.values(), raw, strict=True)])
        standing = (
            self._standing(signal, each, seed, rows) for signal, each in zip(self._relations, raw[1:], strict=True)
        )
        percentiles = np.stack([self._audio.percentiles(seed, rows), *standing])
        return SignalScores(
            raw=raw,
            shown=np.stack([self._audio.shown(seed, rows), *plain[1:]]),
            percentiles=percentiles,
            read=plain if scale is Scale.VALUES else percentiles,
            own=rows == seed,
        )

    def _standing(self, signal: Signal, raw: Similarities, seed: int, rows: Rows | None) -> Similarities:
        """Percentiles of ``raw``, what ``signal`` says of everyone or of ``rows``; 1 for the seed itself."""
        reference = self._percentiles.get(signal.name)
        if reference is None:
            return np.full(len(raw), np.nan)
        standing = percentile(reference, signal.value(raw))
        own = np.array([seed]) if rows is None else np.flatnonzero(rows == seed)
        standing[own] = np.where(np.isnan(standing[own]), np.nan, 1.0)
        return standing
