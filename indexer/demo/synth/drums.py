"""Synthesises single drum sounds, one function per drum; a style mixes each in at every hit of its pattern."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.demo.synth.effects import bandpass, decay, drive, highpass, lowpass
from indexer.demo.synth.oscillators import Sound, sine, white_noise

_METAL_HZ = (2050.0, 3069.0, 3656.0, 4154.0, 5420.0, 8000.0)
"""Partials of no common fundamental, as of a struck plate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The source of noise and the sample rate that all drums of a clip share."""

    source: np.random.Generator
    rate: int

    def noise(self, seconds: float) -> Sound:
        """White noise; no two calls give the same."""
        return white_noise(int(seconds * self.rate), self.source)


def kick(kit: Kit, *, end_hz: float, punch: float, decay_s: float) -> Sound:
    """A sine that falls to ``end_hz`` from ``punch`` times that, with a click in front."""
    samples = int(4 * decay_s * kit.rate)
    hz = end_hz * (1 + (punch - 1) * decay(samples, 0.025, rate=kit.rate))
    body = sine(hz, samples, rate=kit.rate) * decay(samples, decay_s, rate=kit.rate)
    click = sine(1800.0, samples, rate=kit.rate) * decay(samples, 0.003, rate=kit.rate)
    return drive(body + 0.15 * click, 1.8)


def snare(kit: Kit, *, tone_hz: float, decay_s: float) -> Sound:
    """Two modes of a skin and the rattle of the wires below it."""
    samples = int(5 * decay_s * kit.rate)
    skin = sine(tone_hz, samples, rate=kit.rate) + 0.6 * sine(1.59 * tone_hz, samples, rate=kit.rate)
    wires = highpass(white_noise(samples, kit.source), 1500.0, rate=kit.rate)
    body = 0.6 * skin * decay(samples, 0.4 * decay_s, rate=kit.rate)
    return drive(body + 1.4 * wires * decay(samples, decay_s, rate=kit.rate), 1.5)


def clap(kit: Kit, *, decay_s: float) -> Sound:
    """Three short bursts, 11 ms apart, and a tail."""
    noise = bandpass(kit.noise(5 * decay_s + 0.04), 1400.0, width=3.0, rate=kit.rate)
    shape = np.zeros(len(noise))
    for burst in range(4):
        start = int(0.011 * burst * kit.rate)
        shape[start:] = decay(len(noise) - start, decay_s if burst == 3 else 0.006, rate=kit.rate)
    return 2.5 * noise * shape


def hat(kit: Kit, *, decay_s: float) -> Sound:
    """A hi-hat, closed or open by ``decay_s``: noise and metal above 6.5 kHz."""
    noise = kit.noise(5 * decay_s)
    metal = sum((np.sign(sine(hz, len(noise), rate=kit.rate)) for hz in _METAL_HZ), np.zeros(len(noise)))
    return highpass(noise + 0.08 * metal, 6500.0, rate=kit.rate) * decay(len(noise), decay_s, rate=kit.rate)


def ride(kit: Kit, *, decay_s: float) -> Sound:
    """A ride cymbal: a ping of metal over a long soft wash."""
    samples = int(4 * decay_s * kit.rate)
    ping = sum((sine(hz * 1.07, samples, rate=kit.rate) for hz in _METAL_HZ), np.zeros(samples)) / len(_METAL_HZ)
    wash = highpass(white_noise(samples, kit.source), 4000.0, rate=kit.rate)
    return ping * decay(samples, 0.12, rate=kit.rate) + 0.5 * wash * decay(samples, decay_s, rate=kit.rate)


def rim(kit: Kit, *, tone_hz: float) -> Sound:
    """A stick on the rim: two short high modes."""
    samples = int(0.08 * kit.rate)
    modes = sine(tone_hz, samples, rate=kit.rate) + 0.7 * sine(2.31 * tone_hz, samples, rate=kit.rate)
    return modes * decay(samples, 0.012, rate=kit.rate)


def shaker(kit: Kit, *, decay_s: float) -> Sound:
    """Seeds in a shell: noise around 5 kHz that swells and falls."""
    noise = bandpass(kit.noise(6 * decay_s), 5000.0, width=2.5, rate=kit.rate)
    fall = decay(len(noise), decay_s, rate=kit.rate)
    return noise * (fall - decay(len(noise), 0.4 * decay_s, rate=kit.rate)) * 2.0


def brush(kit: Kit) -> Sound:
    """A brush stroke on a snare: soft noise, mostly middle frequencies."""
    noise = lowpass(highpass(kit.noise(0.3), 700.0, rate=kit.rate), 4500.0, rate=kit.rate)
    return noise * (decay(len(noise), 0.07, rate=kit.rate) - decay(len(noise), 0.012, rate=kit.rate))
