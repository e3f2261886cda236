"""Synthesises pitched instruments: each makes a sound with a peak near 1 from a tone (pitch, length)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from indexer.demo.synth.effects import bandpass, decay, drive, lowpass, morph, swell
from indexer.demo.synth.oscillators import (
    Sound,
    cycles_of,
    harmonic_wave,
    harmonics_below,
    saw,
    sine,
    square,
    white_noise,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """One pitch, its length and the sample rate."""

    hz: float
    seconds: float
    rate: int

    @property
    def samples(self) -> int:
        return max(1, round(self.seconds * self.rate))


Instrument: TypeAlias = Callable[[Tone], Sound]

VOWELS_HZ = {
    "ah": (850.0, 1220.0, 2810.0),
    "ee": (310.0, 2790.0, 3310.0),
    "eh": (610.0, 2330.0, 2990.0),
    "oh": (590.0, 920.0, 2710.0),
    "oo": (370.0, 950.0, 2670.0),
}
"""First three formants, averages of the women in Peterson and Barney, J. Acoust. Soc. Am. 24 (1952), table II."""


def string(tone: Tone, *, damping: float, brightness: float) -> Sound:
    """Pluck a string: Karplus and Strong, Computer Music Journal 7(2), 1983, with a fractional delay for the pitch.

    A burst of noise runs round a delay of one period; each round averages neighbours by ``damping`` (0 to 0.5) and
    loses a little. ``brightness`` in Hz is the cut-off of the pick. The burst is the same for every call of one pitch.
    """
    period = tone.rate / tone.hz - damping
    whole = max(4, int(period))
    loop = 0.996 * np.convolve([1 - (period - whole), period - whole], [1 - damping, damping])
    burst = white_noise(whole + 2, np.random.default_rng(round(tone.hz * 100)))
    rounds = tone.samples // whole + 1
    sound = np.concatenate([lowpass(burst - burst.mean(), brightness, rate=tone.rate), np.zeros(rounds * whole)])
    for start in range(whole + 2, len(sound) - whole + 1, whole):
        sound[start : start + whole] = np.convolve(sound[start - whole - 2 : start], loop, "valid")
    sound = sound[: tone.samples] * swell(tone.samples, attack_s=0.001, release_s=0.03, rate=tone.rate)
    return sound / max(float(np.abs(sound).max()), 1e-9)


def plucked_bass(tone: Tone, *, cutoff_hz: float, decay_s: float) -> Sound:
    """A sawtooth with its own octave below, closing quickly from ``cutoff_hz`` to dull."""
    raw = 0.6 * saw(tone.hz, tone.samples, rate=tone.rate) + 0.6 * square(tone.hz / 2, tone.samples, rate=tone.rate)
    fall = decay(tone.samples, decay_s, rate=tone.rate)
    dark = lowpass(raw, 2.5 * tone.hz, rate=tone.rate)
    swept = morph(dark, lowpass(raw, cutoff_hz, rate=tone.rate), fall)
    return swept * swell(tone.samples, attack_s=0.003, release_s=0.02, rate=tone.rate)


def round_bass(tone: Tone) -> Sound:
    """A sine with some second and third harmonic: a soft, low bass."""
    wave = harmonic_wave(cycles_of(tone.hz, tone.samples, rate=tone.rate), (1.0, 0.25, 0.1))
    return wave * swell(tone.samples, attack_s=0.006, release_s=0.03, rate=tone.rate)


def long_bass(tone: Tone, *, fall_s: float) -> Sound:
    """The long saturated bass drum of trap: drops onto its pitch, then rings for ``fall_s``."""
    hz = tone.hz * (1 + 1.5 * decay(tone.samples, 0.02, rate=tone.rate))
    ring = sine(hz, tone.samples, rate=tone.rate) * decay(tone.samples, fall_s, rate=tone.rate)
    return drive(ring, 2.5) * swell(tone.samples, attack_s=0.002, release_s=0.04, rate=tone.rate)


def reese(tone: Tone, *, detune: float, wobble_hz: float) -> Sound:
    """Two sawtooths ``detune`` apart (ratio, such as 0.012) that beat, under a filter moving at ``wobble_hz``."""
    low = saw(tone.hz * (1 - detune / 2), tone.samples, rate=tone.rate)
    high = saw(tone.hz * (1 + detune / 2), tone.samples, rate=tone.rate, start=0.37)
    raw = 0.5 * (low + high)
    amount = 0.5 - 0.5 * np.cos(2 * np.pi * cycles_of(wobble_hz, tone.samples, rate=tone.rate))
    swept = morph(lowpass(raw, 280.0, rate=tone.rate), lowpass(raw, 1400.0, rate=tone.rate), amount)
    sub = sine(tone.hz, tone.samples, rate=tone.rate)
    return (0.8 * swept + 0.5 * sub) * swell(tone.samples, attack_s=0.005, release_s=0.03, rate=tone.rate)


def pad(tone: Tone, *, cutoff_hz: float, attack_s: float) -> Sound:
    """Three sawtooths a few cents apart, filtered and slowly faded in and out."""
    voices = [
        saw(tone.hz * 2 ** (cents / 1200), tone.samples, rate=tone.rate, start=start)
        for cents, start in ((-7.0, 0.0), (0.0, 0.33), (7.0, 0.71))
    ]
    raw = lowpass(sum(voices, np.zeros(tone.samples)) / 2, cutoff_hz, rate=tone.rate)
    return raw * swell(tone.samples, attack_s=attack_s, release_s=attack_s, rate=tone.rate)


def stab(tone: Tone, *, cutoff_hz: float, decay_s: float) -> Sound:
    """A short filtered sawtooth chord tone that closes as it dies."""
    raw = saw(tone.hz, tone.samples, rate=tone.rate) + saw(tone.hz * 1.006, tone.samples, rate=tone.rate, start=0.4)
    fall = decay(tone.samples, decay_s, rate=tone.rate)
    dark, bright = lowpass(raw, 300.0, rate=tone.rate), lowpass(raw, cutoff_hz, rate=tone.rate)
    return 0.5 * morph(dark, bright, fall) * fall * swell(tone.samples, attack_s=0.002, release_s=0.02, rate=tone.rate)


def _struck(tone: Tone, *, ratio: float, index: float, index_s: float, ring_s: float) -> Sound:
    """Frequency modulation as in Chowning, J. Audio Eng. Soc. 21(7), 1973: one sine bends another, and both die."""
    depth = index * decay(tone.samples, index_s, rate=tone.rate)
    modulator = depth * sine(tone.hz * ratio, tone.samples, rate=tone.rate)
    carrier = np.sin(2 * np.pi * cycles_of(tone.hz, tone.samples, rate=tone.rate) + modulator)
    ring = decay(tone.samples, ring_s, rate=tone.rate)
    return carrier * ring * swell(tone.samples, attack_s=0.002, release_s=0.05, rate=tone.rate)


def bell(tone: Tone, *, ring_s: float) -> Sound:
    """A bell: partials that fit no harmonic series, ringing for ``ring_s``."""
    return _struck(tone, ratio=3.53, index=2.2, index_s=0.35 * ring_s, ring_s=ring_s)


def electric_piano(tone: Tone, *, bite: float) -> Sound:
    """An electric piano: harmonic partials that ``bite`` (0 to 2) at the onset and leave a round tone."""
    return _struck(tone, ratio=1.0, index=bite, index_s=0.25, ring_s=1.1)


def flute(tone: Tone, *, source: np.random.Generator) -> Sound:
    """A breathy whistle: few harmonics, a little vibrato, and air around the pitch."""
    hz = tone.hz * (1 + 0.004 * sine(4.8, tone.samples, rate=tone.rate))
    wave = harmonic_wave(cycles_of(hz, tone.samples, rate=tone.rate), (1.0, 0.22, 0.09, 0.03))
    air = bandpass(white_noise(tone.samples, source), 2 * tone.hz, width=1.8, rate=tone.rate)
    return (wave + 0.25 * air) * swell(tone.samples, attack_s=0.06, release_s=0.08, rate=tone.rate)


def vowel_harmonics(hz: float, vowel: str, rate: int) -> tuple[float, ...]:
    """Amplitudes of a sung ``vowel`` at pitch ``hz``: a glottal 1/k under three resonances. Unknown vowel: KeyError."""
    partials = hz * np.arange(1, harmonics_below(hz, rate) + 1)
    gain = np.full(len(partials), 0.02)
    for formant, width, level in zip(VOWELS_HZ[vowel], (110.0, 130.0, 190.0), (1.0, 0.7, 0.35), strict=True):
        gain += level / (1 + ((partials - formant) / width) ** 2)
    return tuple(float(value) for value in gain * partials[0] / partials)


def voice(tone: Tone, *, vowels: tuple[str, str], breath: float, source: np.random.Generator) -> Sound:
    """Sing one syllable that glides from the first vowel to the second, with vibrato once it has settled."""
    settled = swell(tone.samples, attack_s=0.35, release_s=0.1, rate=tone.rate)
    scoop = 1 - 0.03 * decay(tone.samples, 0.04, rate=tone.rate)
    hz = tone.hz * scoop * (1 + 0.011 * settled * sine(5.4, tone.samples, rate=tone.rate))
    cycles = cycles_of(hz, tone.samples, rate=tone.rate)
    first, second = (harmonic_wave(cycles, vowel_harmonics(tone.hz * 1.02, vowel, tone.rate)) for vowel in vowels)
    sung = morph(first, second, np.linspace(0.0, 1.0, tone.samples))
    air = bandpass(white_noise(tone.samples, source), 4500.0, width=2.5, rate=tone.rate)
    onset = decay(tone.samples, 0.03, rate=tone.rate)
    return (sung + breath * air * (0.3 + onset)) * swell(tone.samples, attack_s=0.03, release_s=0.07, rate=tone.rate)
