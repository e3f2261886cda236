"""A small real encoder and small audio files, for tests that need both fast."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from recommender.licences import LICENCES
from recommender.types import ClipEmbeddings, Layer, Licence, Space, Waveform

RATE_HZ = 8000


class BandEncoder:
    """Energies of eight octave-wide bands, as they are and their cube roots: two layers of eight."""

    licence: Licence = LICENCES["ISC"]
    space = Space(
        name="bands",
        revision="1",
        licence="ISC",
        layers=(Layer(name="energy"), Layer(name="loudness")),
        dim=8,
        sample_rate_hz=RATE_HZ,
        preprocessing="test",
        default_mix={"loudness": 1.0},
    )

    def __init__(self) -> None:
        self.clips = 0
        """How many clips were ever encoded."""

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        self.clips += len(clips)
        edges = np.geomspace(1 / 512, 1.0, 9)
        vectors = []
        for clip in clips:
            spectrum = np.abs(np.fft.rfft(clip)) ** 2
            cuts = (edges * len(spectrum)).astype(int)
            energy = np.array([spectrum[a:b].sum() for a, b in pairwise(cuts)])
            shares = energy / energy.sum() + 1e-6
            vectors.append([shares, np.cbrt(shares)])
        return np.array(vectors, dtype=np.float32)


def write_tone(path: Path, *, hz: float, seconds: float = 6.0, level: float = 0.5) -> Path:
    """A tone with a little seeded noise, as 16-bit wav; the frequency is its identity."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(int(hz)).normal(size=time.size) * 0.01
    soundfile.write(path, level * np.sin(2 * np.pi * hz * time) + noise, RATE_HZ)
    return path
