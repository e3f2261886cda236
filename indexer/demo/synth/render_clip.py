"""Renders one clip of a style: seeds the random generators, lets the style compose, and masters the mix."""

from __future__ import annotations

import zlib

import numpy as np

from indexer.demo.synth.effects import highpass, swell
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import Session
from indexer.demo.synth.styles import BY_NAME, Style
from recommender.errors import InvalidArgument
from recommender.types import Waveform

STYLES: tuple[str, ...] = tuple(BY_NAME)
"""Names of all styles, in the order of the demo catalog's artists."""

SAMPLE_RATE_HZ = 32_000
PEAK = 0.8
"""Maximum absolute sample; the rest is headroom for lossy codecs, which overshoot."""

_LOWEST_RATE_HZ = 8_000


def render(style: str, *, seed: int, seconds: float, sample_rate_hz: int = SAMPLE_RATE_HZ) -> Waveform:
    """Make ``seconds`` of music -> mono float32 ``[sample]`` within [-0.8, 0.8], at ``sample_rate_hz``.

    The same arguments give the same samples on the same machine. Seeds below 1000 belong to the demo catalog;
    calibration and training use 1000 and above, so that the demo is never measured on its own training data.
    Another sample rate keeps tempo, key and notes and changes the noise.

    Raises InvalidArgument for an unknown style, a negative seed, less than one sample, or a rate below 8 kHz.
    """
    _check(style, seed, seconds=seconds, sample_rate_hz=sample_rate_hz)
    session = _session(BY_NAME[style], seed, seconds=seconds, rate=sample_rate_hz)
    return _master(BY_NAME[style].compose(session), BY_NAME[style].loudness, rate=sample_rate_hz)


def tempo_bpm(style: str, *, seed: int) -> float:
    """The tempo of the clip that :func:`render` makes of the same style and seed, in beats a minute."""
    _check(style, seed, seconds=1.0, sample_rate_hz=SAMPLE_RATE_HZ)
    return _session(BY_NAME[style], seed, seconds=1.0, rate=SAMPLE_RATE_HZ).bpm


def _check(style: str, seed: int, *, seconds: float, sample_rate_hz: int) -> None:
    if style not in BY_NAME:
        raise InvalidArgument("style", f"{style!r} is none of {', '.join(STYLES)}")
    if seed < 0:
        raise InvalidArgument("seed", f"{seed} is negative; use 0 or more")
    if sample_rate_hz < _LOWEST_RATE_HZ:
        raise InvalidArgument("sample_rate_hz", f"{sample_rate_hz} is below {_LOWEST_RATE_HZ}")
    if not 1 <= seconds * sample_rate_hz < float("inf"):
        raise InvalidArgument("seconds", f"{seconds} does not make one sample; ask for a positive length")


def _session(style: Style, seed: int, *, seconds: float, rate: int) -> Session:
    # Two generators: a change of the sample rate draws more noise, and must not change the notes.
    tune, hiss = np.random.SeedSequence([zlib.crc32(style.name.encode()), seed]).spawn(2)
    choice = np.random.default_rng(tune)
    low, high = style.tempo_bpm
    bpm = float(choice.uniform(low, high))
    root = int(choice.integers(style.roots[0], style.roots[1] + 1))
    noise = np.random.default_rng(hiss)
    return Session(bpm=bpm, root=root, seconds=seconds, rate=rate, choice=choice, noise=noise)


def _master(mix: Sound, loudness: float, *, rate: int) -> Waveform:
    """Remove inaudible lows, scale the mix to its loudness, limit the peaks, and fade both ends against clicks."""
    clean = highpass(mix, 25.0, rate=rate)
    level = float(np.sqrt(np.mean(clean**2)))
    scaled = clean * (loudness / max(level, 1e-9))
    edges = swell(len(mix), attack_s=0.005, release_s=0.005, rate=rate)
    return np.asarray(PEAK * np.tanh(scaled / PEAK) * edges, dtype=np.float32)
