"""Filters pass and stop what they say; envelopes, echoes and rooms have the times they are given."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.demo.synth.effects import bandpass, decay, drive, echo, highpass, lowpass, morph, reverberate, swell
from indexer.demo.synth.oscillators import Sound, sine

RATE = 16_000


def _level(sound: Sound) -> float:
    """Root mean square of the second half, when a filter has settled."""
    return float(np.sqrt(np.mean(sound[len(sound) // 2 :] ** 2)))


def _gain(filtered: Sound, original: Sound) -> float:
    return _level(filtered) / _level(original)


def test_a_second_order_lowpass_is_at_minus_three_decibels_on_its_edge() -> None:
    tone = sine(1000.0, RATE, rate=RATE)
    assert _gain(lowpass(tone, 1000.0, rate=RATE), tone) == pytest.approx(0.5**0.5, abs=0.005)


def test_filters_pass_their_side_and_stop_the_other() -> None:
    low, high = sine(100.0, RATE, rate=RATE), sine(3000.0, RATE, rate=RATE)
    assert _gain(lowpass(low, 1000.0, rate=RATE), low) > 0.99
    assert _gain(lowpass(high, 1000.0, rate=RATE), high) < 0.15
    assert _gain(highpass(high, 1000.0, rate=RATE), high) > 0.98
    assert _gain(highpass(low, 1000.0, rate=RATE), low) < 0.015
    assert _gain(bandpass(high, 3000.0, width=2.0, rate=RATE), high) > 0.98
    assert _gain(bandpass(low, 3000.0, width=2.0, rate=RATE), low) < 0.1


def test_an_edge_above_half_the_rate_is_lowered_instead_of_failing() -> None:
    tone = sine(440.0, 8000, rate=8000)
    assert _gain(lowpass(tone, 20_000.0, rate=8000), tone) > 0.99
    assert _level(bandpass(tone, 5000.0, width=2.5, rate=8000)) < 0.2
    assert _level(highpass(tone, 6500.0, rate=8000)) < 0.2


def test_a_decay_reaches_one_over_e_after_its_time() -> None:
    assert decay(RATE, 0.25, rate=RATE)[RATE // 4] == pytest.approx(1 / np.e)


def test_a_swell_starts_and_ends_at_zero_and_holds_one_in_between() -> None:
    shape = swell(RATE, attack_s=0.1, release_s=0.2, rate=RATE)
    assert shape[0] == 0.0
    assert shape[800] == pytest.approx(0.5)
    assert shape[RATE // 2] == 1.0
    assert shape[-1] == pytest.approx(0.0, abs=1e-9)


def test_a_morph_is_dark_at_zero_and_bright_at_one() -> None:
    mixed = morph(np.array([1.0, 1.0, 1.0]), np.array([3.0, 3.0, 3.0]), np.array([0.0, 0.5, 1.0]))
    assert mixed.tolist() == [1.0, 2.0, 3.0]


def test_drive_keeps_a_peak_of_one_and_lifts_what_is_quiet() -> None:
    driven = drive(np.array([0.25, 1.0]), 2.0)
    assert driven[1] == pytest.approx(1.0)
    assert 0.25 < driven[0] < 1.0


def test_an_echo_repeats_after_its_delay_each_time_quieter() -> None:
    click = np.zeros(10)
    click[0] = 1.0
    assert echo(click, delay=3, feedback=0.5, repeats=2).tolist() == [0, 0, 0, 0.5, 0, 0, 0.25, 0, 0, 0]


def test_a_room_falls_by_sixty_decibels_in_its_time() -> None:
    click = np.zeros(2 * RATE)
    click[0] = 1.0
    room = reverberate(click, 1.0, source=np.random.default_rng(3), rate=RATE)
    early, late = room[:1600].std(), room[8000:9600].std()
    assert 20 * np.log10(late / early) == pytest.approx(-30.0, abs=1.5)
    assert np.abs(room[RATE + 200 :]).max() < 1e-3 * np.abs(room).max()
