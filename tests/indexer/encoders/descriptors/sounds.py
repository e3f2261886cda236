"""Signals whose descriptors are known by construction, all at 22,050 Hz."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from indexer.encoders.descriptors.clip_analysis import SAMPLE_RATE_HZ
from recommender.types import Waveform


def times(seconds: float) -> np.ndarray:
    """Time of each sample."""
    return np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ


def sine(hz: float, *, seconds: float = 6.0) -> Waveform:
    """One steady tone."""
    return np.asarray(0.5 * np.sin(2 * np.pi * hz * times(seconds)), dtype=np.float32)


def noise(*, seconds: float = 6.0, seed: int = 0, below_hz: float | None = None) -> Waveform:
    """White noise, or noise below a frequency (24 dB an octave)."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE_HZ))
    if below_hz is not None:
        samples = sosfilt(butter(4, below_hz, fs=SAMPLE_RATE_HZ, output="sos"), samples)
    return np.asarray(0.1 * samples, dtype=np.float32)


def clicks(bpm: float, *, seconds: float = 15.0, first_s: float = 0.2, seed: int = 0) -> Waveform:
    """A short burst of noise on every beat, over hiss 60 dB down."""
    random = np.random.default_rng(seed)
    played = 0.0003 * random.standard_normal(round(seconds * SAMPLE_RATE_HZ))
    for beat_s in np.arange(first_s, seconds - 0.1, 60 / bpm):
        burst = random.standard_normal(1000) * np.exp(-np.arange(1000) / 150)
        played[round(beat_s * SAMPLE_RATE_HZ) :][:1000] += 0.3 * burst
    return np.asarray(played, dtype=np.float32)


def chords(
    loop: tuple[tuple[int, ...], ...], *, up: float = 0.0, seconds: float = 8.0, each_s: float = 1.0
) -> Waveform:
    """A loop of chords of MIDI notes, each note with four overtones; all of it ``up`` semitones higher."""
    time_s = times(seconds)
    step = (time_s / each_s).astype(int) % len(loop)
    played = np.zeros_like(time_s)
    for number, notes in enumerate(loop):
        pitches_hz = [440 * 2 ** ((note + up - 69) / 12) for note in notes]
        tone = sum(np.sin(2 * np.pi * hz * part * time_s) / part**2 for hz in pitches_hz for part in range(1, 5))
        played += np.where(step == number, tone, 0)
    return np.asarray(0.05 * played, dtype=np.float32)
