"""Effects on a sound: envelopes, filters, saturation, echo and reverberation."""

from __future__ import annotations

import numpy as np
from scipy import signal

from indexer.demo.synth.oscillators import Sound

_TOP = 0.45
"""Maximum filter edge, as a share of the sample rate: a filter needs its edge below half of it."""


def decay(samples: int, seconds: float, *, rate: int) -> Sound:
    """An envelope that falls from 1 to 1/e within ``seconds``."""
    return np.exp(-np.arange(samples) / (seconds * rate))


def swell(samples: int, *, attack_s: float, release_s: float, rate: int) -> Sound:
    """An envelope that rises from 0 to 1, holds, and is back at 0 on the last sample. Short sounds get short ramps."""
    time = np.arange(samples) / rate
    end = samples / rate
    rising = time / max(min(attack_s, end / 2), 1 / rate)
    falling = (end - 1 / rate - time) / max(min(release_s, end / 2), 1 / rate)
    return np.clip(np.minimum(rising, falling), 0.0, 1.0)


def _edge(hz: float, rate: int) -> float:
    return min(hz, _TOP * rate)


def lowpass(sound: Sound, hz: float, *, rate: int) -> Sound:
    """Keep frequencies below ``hz``, 12 dB an octave."""
    return np.asarray(signal.sosfilt(signal.butter(2, _edge(hz, rate), fs=rate, output="sos"), sound))


def highpass(sound: Sound, hz: float, *, rate: int) -> Sound:
    """Keep frequencies above ``hz``, 12 dB an octave. The edge is at most a quarter of ``rate``."""
    edge = min(hz, rate / 4)
    return np.asarray(signal.sosfilt(signal.butter(2, edge, "highpass", fs=rate, output="sos"), sound))


def bandpass(sound: Sound, hz: float, *, width: float, rate: int) -> Sound:
    """Keep a band around ``hz``; ``width`` is the ratio of its upper to its lower edge, above 1."""
    centre = min(hz, _TOP * rate / width**0.5)
    edges = (centre / width**0.5, centre * width**0.5)
    return np.asarray(signal.sosfilt(signal.butter(1, edges, "bandpass", fs=rate, output="sos"), sound))


def morph(dark: Sound, bright: Sound, amount: Sound) -> Sound:
    """Move from ``dark`` (0) to ``bright`` (1) along ``amount`` ``[sample]``: a filter sweep of two sounds."""
    return dark + amount * (bright - dark)


def drive(sound: Sound, gain: float) -> Sound:
    """Saturate: ``tanh(gain * sound) / tanh(gain)``; a peak of 1 stays 1."""
    return np.asarray(np.tanh(gain * sound) / np.tanh(gain), dtype=np.float64)


def echo(sound: Sound, *, delay: int, feedback: float, repeats: int = 4) -> Sound:
    """The repeats of ``sound`` without the sound itself, ``delay`` samples apart, each ``feedback`` times the last."""
    wet = np.zeros_like(sound)
    for turn in range(1, repeats + 1):
        start = turn * delay
        if start < len(sound):
            wet[start:] += feedback**turn * sound[:-start]
    return wet


def reverberate(sound: Sound, seconds: float, *, source: np.random.Generator, rate: int) -> Sound:
    """The reverberation alone: ``sound`` convolved with noise that falls by 60 dB within ``seconds``, unit energy."""
    length = int(seconds * rate)
    tail = source.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    tail = lowpass(tail, 6000.0, rate=rate)
    return np.asarray(signal.oaconvolve(sound, tail / np.sqrt(np.sum(tail**2)))[: len(sound)])
