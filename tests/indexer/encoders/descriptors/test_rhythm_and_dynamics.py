"""Rhythm and dynamics on signals whose beats and levels are known."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.demo.synth import render
from indexer.demo.synth import tempo_bpm as true_tempo_bpm
from indexer.encoders.descriptors.clip_analysis import FRAME_RATE_HZ, Descriptors, analyse
from indexer.encoders.descriptors.dynamics import dynamics
from indexer.encoders.descriptors.rhythm import at_lag, autocorrelation, onset_envelope, onset_frames, rhythm, tempo_bpm
from recommender.types import Waveform
from tests.indexer.encoders.descriptors import sounds

WHOLE_PERIODS_HZ = 16 * FRAME_RATE_HZ
"""A tone whose period is 32 samples, so that its peaks are samples and every block holds whole periods."""


def levels(clip: Waveform) -> Descriptors:
    return dynamics(analyse(clip))


def beats(clip: Waveform) -> Descriptors:
    return rhythm(analyse(clip))


def gated(noise: Waveform, rate_hz: float, *, low: float = 0.05) -> Waveform:
    """Noise that is loud for the first half of each period and ``low`` for the second."""
    phase = sounds.times(len(noise) / 22_050) * rate_hz % 1
    return np.asarray(noise * np.where(phase < 0.5, 1.0, low), dtype=np.float32)


@pytest.mark.parametrize("bpm", [90, 120, 160])
def test_a_click_track_has_its_tempo_and_one_onset_a_beat(bpm: int) -> None:
    clip = sounds.clicks(bpm)
    envelope = onset_envelope(analyse(clip).mel_db)
    assert tempo_bpm(autocorrelation(envelope)) == pytest.approx(bpm, rel=0.03)
    intervals_s = np.diff(onset_frames(envelope)) / FRAME_RATE_HZ
    assert np.median(intervals_s) == pytest.approx(60 / bpm, abs=1 / FRAME_RATE_HZ)
    described = beats(clip)
    assert 2 ** described["interval"] == pytest.approx(60 / bpm, abs=1 / FRAME_RATE_HZ)
    assert described["high_onset_rate"] == pytest.approx(bpm / 60, rel=0.1)


def test_tempo_of_steady_synthetic_styles_is_right_but_for_the_octave() -> None:
    for style in ("techno", "drum_and_bass"):
        envelope = onset_envelope(analyse(render(style, seed=7, seconds=15.0, sample_rate_hz=22_050)).mel_db)
        octaves = np.log2(tempo_bpm(autocorrelation(envelope)) / true_tempo_bpm(style, seed=7))
        assert abs(octaves - round(octaves)) < 0.05


def test_tempo_and_its_double_meet_on_the_circle() -> None:
    slow, fast = beats(sounds.clicks(75)), beats(sounds.clicks(150))
    one = np.array([slow["tempo_cosine"], slow["tempo_sine"]])
    other = np.array([fast["tempo_cosine"], fast["tempo_sine"]])
    assert one @ other / (np.linalg.norm(one) * np.linalg.norm(other)) > 0.95


def test_autocorrelation_of_a_periodic_envelope_is_one_at_its_period() -> None:
    envelope = np.tile([1.0, 0, 0, 0], 200)
    correlation = autocorrelation(envelope)
    assert correlation[[0, 4, 8]] == pytest.approx([1, 1, 1])
    assert correlation[2] == pytest.approx(-1 / 3, abs=0.01)
    assert at_lag(correlation, 4 / FRAME_RATE_HZ) == pytest.approx(1.0)
    assert at_lag(correlation, 3.5 / FRAME_RATE_HZ) == pytest.approx(1 / 3, abs=0.01)
    assert at_lag(correlation, 99.0) == 0


def test_autocorrelation_says_nothing_of_a_constant_or_beyond_half_a_clip() -> None:
    assert autocorrelation(np.ones(500))[1:].max() == 0
    assert tempo_bpm(autocorrelation(np.ones(500))) == 120
    assert (autocorrelation(np.tile([1.0, 0], 40))[40:] == 0).all()


def test_a_pulse_is_clearer_than_noise() -> None:
    assert beats(sounds.clicks(120))["mid_pulse"] > 0.7
    assert beats(sounds.noise(seconds=15.0))["mid_pulse"] < 0.3


def test_groups_of_three_and_four_beats_are_told_apart() -> None:
    def accented(group: int) -> Descriptors:
        clip = sounds.clicks(120)
        bar = np.ceil((sounds.times(15.0) - 0.19) / 0.5) % group == 1
        return beats(np.asarray(clip * np.where(bar, 1.0, 0.05), dtype=np.float32))

    three, four = accented(3), accented(4)
    assert three["beat_three"] > three["beat_four"] + 0.1
    assert four["beat_four"] > four["beat_three"] + 0.1
    assert three["periodicity_1"] > four["periodicity_1"] + 0.1, "three beats of 120 bpm: 40 bpm"
    assert four["periodicity_0"] > three["periodicity_0"] + 0.1, "four beats of 120 bpm: 30 bpm"


def test_too_few_onsets_are_said_to_be_far_apart() -> None:
    described = beats(sounds.sine(440.0))
    assert described["low_onset_rate"] < 1
    assert np.isfinite(list(described.values())).all()


def test_crest_of_a_sine_is_three_decibels_and_of_a_square_none() -> None:
    assert levels(sounds.sine(WHOLE_PERIODS_HZ))["crest"] == pytest.approx(20 * np.log10(np.sqrt(2)), abs=1e-3)
    square = np.resize(np.repeat(np.array([1, -1], dtype=np.float32), 16), 6 * 22_050)
    assert levels(square)["crest"] == pytest.approx(0.0, abs=0.01)


def test_two_levels_twenty_decibels_apart_have_that_range() -> None:
    clip = sounds.sine(WHOLE_PERIODS_HZ, seconds=20.0)
    clip[clip.size // 2 :] *= 0.1
    described = levels(clip)
    assert described["level_range"] == pytest.approx(20.0, abs=0.01)
    assert described["phrase_range"] == pytest.approx(20.0, abs=0.5)
    assert described["low_energy"] == pytest.approx(0.5, abs=0.02)


def test_energy_in_the_first_half_alone_has_its_middle_a_quarter_off() -> None:
    clip = sounds.noise(seconds=20.0)
    clip[clip.size // 2 :] = 0
    described = levels(clip)
    assert described["lopsided"] == pytest.approx(0.25, abs=0.01)
    assert described["pauses"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("rate_hz", "band"), [(0.7, 1), (1.5, 2), (3.0, 3), (6.0, 4)])
def test_pulsation_falls_in_the_octave_of_the_gate(rate_hz: float, band: int) -> None:
    described = levels(gated(sounds.noise(seconds=12.0), rate_hz))
    assert max(range(6), key=lambda index: described[f"pulse_{index}"]) == band


def test_hard_attacks_rise_faster_than_soft_ones() -> None:
    noise = sounds.noise(seconds=12.0)
    soft = np.asarray(noise * (0.55 - 0.45 * np.cos(2 * np.pi * 2 * sounds.times(12.0))), dtype=np.float32)
    assert levels(gated(noise, 2.0))["attack_p95"] > levels(soft)["attack_p95"]


def test_only_the_band_that_pumps_has_a_range() -> None:
    low = gated(sounds.noise(seconds=12.0, below_hz=60), 2.0, low=0.01) * 20
    steady = np.asarray(sounds.noise(seconds=12.0, seed=1), dtype=np.float32)
    described = levels(np.asarray(low + steady, dtype=np.float32))
    assert described["band_range_0"] > described["band_range_4"] + 10
