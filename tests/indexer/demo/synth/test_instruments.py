"""Instruments play the pitch that is written, for as long as it is written, and the voice sings vowels."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from indexer.demo.synth import instruments
from indexer.demo.synth.instruments import Instrument, Tone
from indexer.demo.synth.oscillators import Sound

RATE = 32_000


def _source() -> np.random.Generator:
    return np.random.default_rng(5)


INSTRUMENTS: dict[str, Instrument] = {
    "string": partial(instruments.string, damping=0.4, brightness=3000.0),
    "round bass": instruments.round_bass,
    "long bass": partial(instruments.long_bass, fall_s=0.8),
    "pad": partial(instruments.pad, cutoff_hz=1500.0, attack_s=0.1),
    "stab": partial(instruments.stab, cutoff_hz=2000.0, decay_s=0.4),
    "electric piano": partial(instruments.electric_piano, bite=1.0),
    "flute": partial(instruments.flute, source=_source()),
    "voice": partial(instruments.voice, vowels=("oo", "oo"), breath=0.1, source=_source()),
}

OTHERS: dict[str, Instrument] = {
    "plucked bass": partial(instruments.plucked_bass, cutoff_hz=900.0, decay_s=0.1),
    "reese": partial(instruments.reese, detune=0.012, wobble_hz=3.0),
    "bell": partial(instruments.bell, ring_s=0.4),
}
"""Sounds whose strongest partial is not the pitch on purpose: an octave below, a beat, no harmonic series."""


def _strongest_hz(sound: Sound, low_hz: float, high_hz: float) -> float:
    settled = sound[len(sound) // 5 :]
    power = np.abs(np.fft.rfft(settled * np.hanning(len(settled)), 1 << 19))
    hz = np.fft.rfftfreq(1 << 19, 1 / RATE)
    inside = (hz > low_hz) & (hz < high_hz)
    return float(hz[inside][np.argmax(power[inside])])


@pytest.mark.parametrize("name", INSTRUMENTS)
@pytest.mark.parametrize("hz", [110.0, 246.94, 440.0])
def test_an_instrument_is_in_tune_within_a_sixth_of_a_half_tone(name: str, hz: float) -> None:
    sound = INSTRUMENTS[name](Tone(hz=hz, seconds=2.0, rate=RATE))
    cents = 1200 * np.log2(_strongest_hz(sound, hz / 1.3, hz * 1.3) / hz)
    assert abs(cents) < 16


@pytest.mark.parametrize("name", [*INSTRUMENTS, *OTHERS])
@pytest.mark.parametrize("seconds", [0.05, 0.7])
def test_a_tone_lasts_as_written_stays_in_range_and_ends_in_silence(name: str, seconds: float) -> None:
    sound = {**INSTRUMENTS, **OTHERS}[name](Tone(hz=220.0, seconds=seconds, rate=RATE))
    assert len(sound) == round(seconds * RATE)
    assert np.isfinite(sound).all()
    assert 0.1 < np.abs(sound).max() < 3.0
    assert abs(sound[-1]) < 0.02


@pytest.mark.parametrize("damping", [0.25, 0.5])
def test_a_plucked_string_is_in_tune_however_it_is_damped(damping: float) -> None:
    """Without the correction for the filter's own delay, 660 Hz would be 9 to 18 cents flat."""
    sound = instruments.string(Tone(hz=660.0, seconds=2.0, rate=RATE), damping=damping, brightness=3000.0)
    assert abs(1200 * np.log2(_strongest_hz(sound, 500.0, 850.0) / 660.0)) < 2


def test_a_plucked_string_dies_away() -> None:
    sound = INSTRUMENTS["string"](Tone(hz=220.0, seconds=2.0, rate=RATE))
    assert sound[RATE : RATE + 3200].std() < 0.5 * sound[:3200].std()


def test_a_reese_beats_at_the_difference_of_its_two_voices() -> None:
    tone = Tone(hz=100.0, seconds=4.0, rate=RATE)
    sound = instruments.reese(tone, detune=0.02, wobble_hz=0.01)
    lines = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 19))
    hz = np.fft.rfftfreq(1 << 19, 1 / RATE)
    for voice_hz in (198.0, 202.0):
        near = np.abs(hz - voice_hz) < 0.6
        assert lines[near].max() > 5 * lines[np.abs(hz - 200.0) < 0.3].max()


@pytest.mark.parametrize(("vowel", "formant_hz"), [("ah", 850.0), ("ee", 310.0), ("oh", 590.0), ("oo", 370.0)])
def test_a_vowel_is_strongest_near_its_first_formant(vowel: str, formant_hz: float) -> None:
    partials = np.asarray(instruments.vowel_harmonics(100.0, vowel, RATE))
    strongest = 100.0 * (1 + int(np.argmax(partials * np.arange(1, len(partials) + 1))))
    assert abs(strongest - formant_hz) <= 50.0


def test_the_voice_moves_from_its_first_vowel_to_its_second() -> None:
    sound = instruments.voice(Tone(hz=200.0, seconds=1.0, rate=RATE), vowels=("oo", "ah"), breath=0.0, source=_source())
    start = _strongest_hz(sound[: RATE // 3], 300, 1300)
    end = _strongest_hz(sound[2 * RATE // 3 :], 300, 1300)
    assert start < 500 < 700 < end
