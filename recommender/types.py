"""Types that all packages share: spaces, layers, aspects, signals, scores. Frozen; no behaviour beyond validation."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from recommender.strict_json import from_facts, to_facts

Waveform: TypeAlias = npt.NDArray[np.float32]
"""Mono audio ``[sample]``, nominally within [-1, 1], at the sample rate of the space that asked for it."""

ClipEmbeddings: TypeAlias = npt.NDArray[np.float32]
"""``[clip, layer, dim]``, finite."""

Vectors: TypeAlias = npt.NDArray[np.float32]
"""``[item, dim]``, unit length per row unless stated otherwise."""

Similarities: TypeAlias = npt.NDArray[np.float64]
"""``[artist]`` or ``[item]``; in [0, 1] where it is a signal; NaN means "no opinion", never 0."""

Rows: TypeAlias = npt.NDArray[np.int64]
"""Row numbers of artists or tracks in one generation."""

LayerMix: TypeAlias = Mapping[str, float]
"""Layer name -> weight; weights are positive and used relative to their sum."""


class Use(enum.Enum):
    """What the operator uses Soundkin for; it decides which licences are allowed."""

    PERSONAL = "personal"
    NONCOMMERCIAL = "noncommercial"
    COMMERCIAL = "commercial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Under which terms an encoder's weights or a provider's data are used."""

    name: str
    """SPDX identifier where one exists, else plain words such as ``none``."""
    allows: frozenset[Use]
    """The uses it permits."""


class Layer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One view of the audio inside a space: a hidden state of a network, or a named family of descriptors."""

    name: str
    description: str = ""


class Aspect(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named way to listen ("spectral brightness"), answered by a mix of layers."""

    name: str
    description: str
    layers: dict[str, float]
    """Layer name -> weight, weights sum to 1."""
    evidence: str
    """Why this mix represents this aspect: how it was found, or that it is so by construction."""


class Space(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what an embedding means. Two vectors are comparable only if their spaces are equal."""

    name: str
    revision: str
    licence: str
    layers: tuple[Layer, ...]
    dim: int
    sample_rate_hz: int
    preprocessing: str
    """Version of everything between file and encoder: decoder, downmix, resampler, excerpt policy."""
    default_mix: dict[str, float]
    """The mix of layers an artist is compared by when none is asked for."""
    aspects: tuple[Aspect, ...] = ()

    @property
    def layer_names(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.layers)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over what changes a vector: not over licence, descriptions or defaults."""
        identity = (self.name, self.revision, self.layer_names, self.dim, self.sample_rate_hz, self.preprocessing)
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]

    @property
    def key(self) -> str:
        """Name and fingerprint: names folders and ledger rows."""
        return f"{self.name}-{self.fingerprint}"

    def to_json(self) -> dict[str, object]:
        """As a dict that ``json.dumps`` takes."""
        return to_facts(self)

    @classmethod
    def from_json(cls, data: object) -> Space:
        """Rebuild what :meth:`to_json` wrote. Raises ValueError, which names the field, on any other shape."""
        return from_facts(data, cls)


class SignalName(enum.Enum):
    """The four signals of how alike two artists are, in the order they are always shown."""

    AUDIO = "audio"
    SCENE = "scene"
    GENRE = "genre"
    COLLABORATION = "collaboration"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalScore:
    """The opinion of one signal on a pair (or on an artist and several seeds), and its contribution to the score."""

    signal: SignalName
    available: bool
    raw: float
    """The signal's own measure (cosine for audio …); NaN when not available."""
    value: float
    """Similarity in [0, 1], calibrated where the generation can; NaN when not available."""
    percentile: float
    """Share of reference pairs that are less alike, in [0, 1]; NaN when not available, or not calibrated."""
    weight: float
    """Weight used by the profile; 0 when the signal has no opinion."""
    contribution: float
    """Part of the score, below 0 when the signal lowers it; ``base`` and the contributions sum to the score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredArtist:
    """An artist with its score in [0, 1] (NaN if no signal has an opinion) and the breakdown, one entry a signal."""

    row: int
    score: float
    breakdown: tuple[SignalScore, ...]
    base: float = 0.0
    """The score without any opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTrack:
    """A track with its similarity in [0, 1] and the raw cosine it came from."""

    row: int
    score: float
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What two artists share, best first."""

    genres: tuple[tuple[str, float], ...] = ()
    """(genre, the smaller of the two weights)."""
    scene_neighbours: tuple[tuple[str, float], ...] = ()
    """(artist id, the smaller of the two strengths)."""
    collaborations: tuple[tuple[str, str], ...] = ()
    """(kind, title of the recording)."""
    nearest_tracks: tuple[int, int, float] | None = None
    """(track row of a, track row of b, cosine) of the nearest pair by the mix that was used."""
    aspect: str = ""
    """The aspect in which that pair is most alike; empty without a pair, or in a space without aspects."""
    listed_together: float = 0.0
    """Strength of the scene's listing of the two, in [0, 1]; 0 when it does not list them together."""
    scene_paths: tuple[tuple[tuple[str, ...], float], ...] = ()
    """(ids of the one or two artists between, strength) of the strongest paths over listings from one to the other."""


SIGNALS = tuple(SignalName)
"""Order of the signal axis wherever there is one: audio, scene, genre, collaboration."""


Opinions: TypeAlias = npt.NDArray[np.float64]
"""``[signal, artist]``, signals in the order of ``SIGNALS``; NaN is "no opinion". In [0, 1], but for the strengths of
:class:`Scale`, which are at least 0."""


Scores: TypeAlias = npt.NDArray[np.float64]
"""``[artist]`` in [0, 1]; NaN where no signal with a weight has an opinion."""


class Scale(enum.Enum):
    """The scale of opinions that a profile reads."""

    VALUES = "values"
    """The signal's own value in [0, 1]."""
    STRENGTHS = "strengths"
    """How much the signal says for the pair, at least 0 and without an upper end; 0 for a pair that it knows to be
    unrelated."""
    FEATURES = "features"
    """Not one opinion a signal but several measures of each (recommender/signals/features.py)."""
    PERCENTILES = "percentiles"
    """The percentile of that value among reference pairs; for audio, the F of the bundle."""
