"""Generates audio of many kinds to standardise descriptors with: noise, chords, tunes and drums, mixed and filtered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, fftconvolve, sosfilt

from recommender.types import Waveform

Samples = npt.NDArray[np.float64]
Random = np.random.Generator

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 7, 10), tuple(range(12)))
"""Major, natural minor, two pentatonics, chromatic: semitones over the tonic."""


def generated_clip(seed: int, *, seconds: float, sample_rate_hz: int) -> Waveform:
    """A mix of one to four random parts, through a random filter, room, drive and fade. Mono float32, peak 0.9."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    beat_s = 60 / random.uniform(55, 185)
    parts = random.choice(len(PARTS), size=random.integers(1, 5), replace=True)
    mix = np.zeros_like(time_s)
    for part in parts:
        played = PARTS[part](random, time_s, beat_s)
        mix += played / (np.sqrt(np.mean(np.square(played))) + 1e-9) * 10 ** (random.uniform(-15, 0) / 20)
    shaped = _fade(random, _drive(random, _room(random, _filter(random, mix, sample_rate_hz), sample_rate_hz)))
    return np.asarray(0.9 * shaped / np.abs(shaped).max(), dtype=np.float32)


def example_clip(sample_rate_hz: int) -> Waveform:
    """Six seconds without random numbers: two saw-tooth chords one second apart, and a click every half second.

    Its descriptors are stored with the constants, so that a test notices a formula that changed without them.
    """
    time_s = np.arange(6 * sample_rate_hz) / sample_rate_hz
    chords = ((220.0, 277.18, 329.63), (246.94, 311.13, 369.99))
    first, second = (sum(np.mod(time_s * pitch_hz, 1.0) - 0.5 for pitch_hz in chord) for chord in chords)
    chord = np.where(time_s % 2 < 1, first, second) * np.exp(-2 * (time_s % 1))
    click = np.sin(2 * np.pi * 3000 * time_s) * np.exp(-200 * (time_s % 0.5))
    return np.asarray(0.1 * chord + 0.3 * click, dtype=np.float32)


def _noise(random: Random, time_s: Samples, beat_s: float) -> Samples:
    """Noise of a random colour, steady, swelling or gated in time."""
    spectrum = np.fft.rfft(random.standard_normal(time_s.size))
    colour = np.arange(1, spectrum.size + 1) ** -random.uniform(0, 1.2)
    noise = np.fft.irfft(spectrum * colour, n=time_s.size)
    phase = time_s / (beat_s * random.choice([0.5, 1, 2, 16])) % 1
    gates = (
        np.ones_like(time_s),
        0.5 - 0.5 * np.cos(2 * np.pi * phase),
        (phase < random.uniform(0.1, 0.8)).astype(float),
    )
    return noise * gates[random.integers(len(gates))]


def _chords(random: Random, time_s: Samples, beat_s: float) -> Samples:
    """A loop of chords of two to five notes from one scale."""
    scale, tonic = SCALES[random.integers(len(SCALES))], random.uniform(36, 60)
    length_s, voice = beat_s * random.choice([1, 2, 4, 8]), _voice(random)
    loop = [
        random.choice(len(scale), size=min(int(random.integers(2, 6)), len(scale)), replace=False) for _ in range(4)
    ]
    steps = int(time_s[-1] / length_s) + 1
    notes = [
        (step * length_s, tonic + scale[degree] + 12 * random.integers(0, 2), length_s)
        for step in range(steps)
        for degree in loop[step % len(loop)]
    ]
    return _play(notes, voice, time_s)


def _tune(random: Random, time_s: Samples, beat_s: float) -> Samples:
    """A random walk on a scale, with rests and notes of one quarter to two beats."""
    scale, tonic, voice = SCALES[random.integers(len(SCALES))], random.uniform(40, 76), _voice(random)
    notes, start_s, place = [], 0.0, 0
    while start_s < time_s[-1]:
        length_s = beat_s * random.choice([0.25, 0.5, 0.5, 1, 2])
        place = int(np.clip(place + random.integers(-2, 3), -7, 7))
        pitch = tonic + 12 * (place // len(scale)) + scale[place % len(scale)]
        if random.random() < 0.85:
            notes.append((start_s, pitch, length_s))
        start_s += length_s
    return _play(notes, voice, time_s)


def _drums(random: Random, time_s: Samples, beat_s: float) -> Samples:
    """A repeated bar of sixteen steps: a falling sine, a band of noise and a bright tick, each with its pattern."""
    rate = 1 / time_s[1]
    played = np.zeros_like(time_s)
    for hit, chance in (
        (_kick(random, rate), 0.25),
        (_burst(random, rate, 0.15), 0.2),
        (_burst(random, rate, 0.03), 0.5),
    ):
        pattern = random.random(16) < chance
        pattern[0] |= not pattern.any()
        steps = np.arange(int(time_s[-1] / (beat_s / 4)))
        starts = steps[pattern[steps % 16]] * beat_s / 4 + random.normal(
            0, random.uniform(0, 0.01), pattern[steps % 16].sum()
        )
        strikes = np.zeros_like(time_s)
        np.add.at(
            strikes, np.clip((starts * rate).astype(int), 0, time_s.size - 1), random.uniform(0.6, 1, starts.size)
        )
        played += fftconvolve(strikes, hit)[: time_s.size] * 10 ** (random.uniform(-12, 0) / 20)
    return played


def _kick(random: Random, rate: float) -> Samples:
    time_s = np.arange(round(0.3 * rate)) / rate
    phase = 2 * np.pi * (random.uniform(40, 70) * time_s + random.uniform(1, 4) * (1 - np.exp(-time_s * 40)))
    return np.asarray(np.sin(phase) * np.exp(-time_s / random.uniform(0.05, 0.15)))


def _burst(random: Random, rate: float, decay_s: float) -> Samples:
    time_s = np.arange(round(6 * decay_s * rate)) / rate
    low = random.uniform(200, 6000)
    band = butter(2, [low, min(low * random.uniform(2, 8), 0.45 * rate)], btype="bandpass", fs=rate, output="sos")
    return np.asarray(sosfilt(band, random.standard_normal(time_s.size) * np.exp(-time_s / decay_s)))


def _voice(random: Random) -> Callable[[float, Samples], Samples]:
    """An instrument: a number of overtones that fall off, slightly stretched, an attack, a decay, a vibrato."""
    overtones = np.arange(1, random.integers(2, 24))
    levels = overtones ** -random.uniform(0.6, 2.5) * (1 if random.random() < 0.6 else overtones % 2)
    stretch = random.choice([0, 0, 1e-4, 1e-3])
    attack_s, decay_s = 10 ** random.uniform(-2.7, -0.7), 10 ** random.uniform(-1, 1)
    vibrato, rate_hz = random.choice([0, 0, 0.003, 0.01]), random.uniform(4, 7)

    def sound(pitch: float, time_s: Samples) -> Samples:
        frequency_hz = 440 * 2 ** ((pitch - 69) / 12)
        bent_s = time_s + vibrato * np.sin(2 * np.pi * rate_hz * time_s) / (2 * np.pi * rate_hz)
        partials_hz = frequency_hz * overtones * np.sqrt(1 + stretch * overtones**2)
        heard = partials_hz < 10_000
        waves = np.sin(2 * np.pi * bent_s[:, None] * partials_hz[None, heard]) @ levels[heard]
        return np.asarray(waves * (1 - np.exp(-time_s / attack_s)) * np.exp(-time_s / decay_s))

    return sound


def _play(
    notes: list[tuple[float, float, float]], voice: Callable[[float, Samples], Samples], time_s: Samples
) -> Samples:
    """Sound ``notes`` (start, pitch, length); equal notes are computed once."""
    rate = 1 / time_s[1]
    known: dict[tuple[float, float], Samples] = {}
    played = np.zeros_like(time_s)
    for start_s, pitch, length_s in notes:
        if (pitch, length_s) not in known:
            size = round(length_s * rate)
            release = np.minimum(1, (size - np.arange(size)) / (0.01 * rate))
            known[pitch, length_s] = voice(pitch, np.arange(size) / rate) * release
        first = round(start_s * rate)
        note = known[pitch, length_s][: max(0, time_s.size - first)]
        played[first : first + note.size] += note
    return played


def _filter(random: Random, mix: Samples, rate: float) -> Samples:
    """Nothing, a gentle low pass, or a gentle high pass, at a random place."""
    kind = random.choice(["none", "none", "lowpass", "highpass"])
    if kind == "none":
        return mix
    edge_hz = 10 ** (random.uniform(2.7, 3.9) if kind == "lowpass" else random.uniform(1.5, 2.5))
    return np.asarray(sosfilt(butter(1, edge_hz, btype=kind, fs=rate, output="sos"), mix))


def _room(random: Random, mix: Samples, rate: float) -> Samples:
    """Exponentially decaying noise as a room, in half of the clips, and always a little hiss."""
    hiss = random.standard_normal(mix.size) * mix.std() * 10 ** (random.uniform(-80, -35) / 20)
    if random.random() < 0.5:
        return np.asarray(mix + hiss)
    decay_s = random.uniform(0.1, 0.6)
    tail = random.standard_normal(round(4 * decay_s * rate)) * np.exp(
        -np.arange(round(4 * decay_s * rate)) / (decay_s * rate)
    )
    wet = fftconvolve(mix, tail)[: mix.size]
    return np.asarray(mix + hiss + wet * (mix.std() / (wet.std() + 1e-9)) * random.uniform(0.1, 0.8))


def _drive(random: Random, mix: Samples) -> Samples:
    drive = random.choice([0.1, 0.5, 1.0, 2.0])
    return np.asarray(np.tanh(drive * mix / (mix.std() + 1e-9)))


def _fade(random: Random, mix: Samples) -> Samples:
    """Level that drifts by up to 12 dB over the clip, in half of the clips."""
    if random.random() < 0.5:
        return mix
    corners_db = random.uniform(-12, 0, size=6)
    return np.asarray(mix * 10 ** (np.interp(np.linspace(0, 5, mix.size), np.arange(6), corners_db) / 20))


PARTS: tuple[Callable[[Random, Samples, float], Samples], ...] = (
    _noise,
    _chords,
    _chords,
    _tune,
    _tune,
    _drums,
    _drums,
)
"""Drawn from with equal chances; what music is made of most is listed twice."""
