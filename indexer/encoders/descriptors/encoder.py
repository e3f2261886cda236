"""The default encoder: five families of classic audio descriptors. No weights, no download, CPU only.

Each layer is one family. A descriptor is standardised by committed constants, ``(value - mean) / std``, and softly
limited to +-4 by ``4 tanh(z / 4)``, so that one outlier cannot dominate a cosine. A layer with fewer descriptors than
the space has dimensions is padded with zeros, which changes no cosine. The constants are part of the revision: other
constants give another space. ``benchmarks/fit_descriptors.py`` made them, from generated audio only.
Formulas and sources of the descriptors: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from indexer.audio.decode import PREPROCESSING
from indexer.encoders.descriptors.clip_analysis import SAMPLE_RATE_HZ, ClipAnalysis, Descriptors, analyse
from indexer.encoders.descriptors.dynamics import dynamics
from indexer.encoders.descriptors.harmony import harmony
from indexer.encoders.descriptors.rhythm import rhythm
from indexer.encoders.descriptors.spectrum import spectral_shape
from indexer.encoders.descriptors.timbre import timbre
from recommender.licences import LICENCES
from recommender.types import Aspect, ClipEmbeddings, Layer, Licence, Space, Waveform

FORMULAS = 1
"""Version of the formulas, raised by hand when one changes; a test fails when that was forgotten."""
DIM = 48
LIMIT = 4.0
"""Largest magnitude of a coordinate."""
CONSTANTS_PATH = Path(__file__).with_name("constants.json")

Constants = Mapping[str, Mapping[str, Sequence[float]]]
"""Layer -> descriptor -> (mean, std). The order of the descriptors is the order of the coordinates."""

FAMILIES: dict[str, Callable[[ClipAnalysis], Descriptors]] = {
    "timbre": timbre,
    "harmony": harmony,
    "rhythm": rhythm,
    "spectral_shape": spectral_shape,
    "dynamics": dynamics,
}
"""Layer -> the function that computes it, in the order of the layers."""

LAYERS = (
    Layer(name="timbre", description="tone colour: mel-frequency cepstral coefficients, their spread and change"),
    Layer(name="harmony", description="intervals, key clarity, chord change and tuning, the same in every key"),
    Layer(name="rhythm", description="tempo, pulse, how beats divide and group, onsets in bass, middle and top"),
    Layer(name="spectral_shape", description="brightness, width, noisiness, contrast and balance of the spectrum"),
    Layer(name="dynamics", description="range, attack, crest and pulsation of level, never the level itself"),
)

_WHOLE_LAYER = "by construction: the layer computes exactly these measures"

ASPECTS = (
    *(
        Aspect(name=layer.name, description=layer.description, layers={layer.name: 1.0}, evidence=_WHOLE_LAYER)
        for layer in LAYERS
    ),
    Aspect(
        name="brightness",
        description="how much of the sound lies high in the spectrum",
        layers={"spectral_shape": 1.0},
        evidence="by construction: centroid, rolloff and band balance; the layer also hears contrast and noisiness",
    ),
    Aspect(
        name="texture",
        description="tone colour and the grain of the spectrum together",
        layers={"timbre": 0.5, "spectral_shape": 0.5},
        evidence="by construction: cepstral envelope, and spectral contrast and flatness",
    ),
    Aspect(
        name="groove",
        description="pulse and tempo, and how hard the beats hit",
        layers={"rhythm": 0.7, "dynamics": 0.3},
        evidence="by construction: periodicity of onsets, and attack and pulsation of level; the weights are a choice",
    ),
)


def descriptor_values(clip: Waveform) -> dict[str, Descriptors]:
    """Every descriptor of ``clip`` in its own unit, by layer, before standardisation.

    Raises:
        BadInput: the clip is under 1 s, not finite or constant.
    """
    analysis = analyse(clip)
    return {layer: family(analysis) for layer, family in FAMILIES.items()}


def load_constants(path: Path = CONSTANTS_PATH) -> Constants:
    """Read the committed constants."""
    constants: Constants = json.loads(path.read_text(encoding="utf-8"))["layers"]
    return constants


def space_for(constants: Constants) -> Space:
    """The space of vectors that are standardised by ``constants``. By default all layers have the same weight.

    The mean of the five cosines equals the cosine of the five unit layers concatenated, so no family has more influence
    by having more descriptors, and no weight had to be learnt from music without a licence.
    """
    digest = hashlib.sha256(json.dumps(constants).encode()).hexdigest()[:16]
    return Space(
        name="descriptors",
        revision=f"{FORMULAS}+{digest}",
        licence="ISC",
        layers=LAYERS,
        dim=DIM,
        sample_rate_hz=SAMPLE_RATE_HZ,
        preprocessing=PREPROCESSING,
        default_mix={layer.name: 1 / len(LAYERS) for layer in LAYERS},
        aspects=ASPECTS,
    )


class DescriptorEncoder:
    """Classic audio descriptors as an :class:`~indexer.encoders.base.Encoder`."""

    def __init__(self, constants: Constants | None = None) -> None:
        self._constants = constants or load_constants()
        self._space = space_for(self._constants)

    @property
    def space(self) -> Space:
        """Five layers of 48 dimensions at 22,050 Hz."""
        return self._space

    @property
    def licence(self) -> Licence:
        """ISC, librosa's; there are no weights."""
        return LICENCES["ISC"]

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips`` at 22,050 Hz -> ``[clip, 5, 48]`` float32, coordinates within +-4, not unit length.

        Raises:
            BadInput: a clip is under 1 s, not finite or constant.
        """
        embeddings = np.zeros((len(clips), len(LAYERS), DIM), dtype=np.float32)
        for row, clip in enumerate(clips):
            values = descriptor_values(clip)
            for column, layer in enumerate(LAYERS):
                coordinates = standardise(values[layer.name], self._constants[layer.name])
                embeddings[row, column, : len(coordinates)] = coordinates
        return embeddings


def standardise(values: Descriptors, constants: Mapping[str, Sequence[float]]) -> list[float]:
    """``4 tanh((value - mean) / (4 std))`` of each descriptor, in the order of ``constants``."""
    return [float(LIMIT * np.tanh((values[name] - mean) / (LIMIT * std))) for name, (mean, std) in constants.items()]
