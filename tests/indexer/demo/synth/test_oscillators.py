"""Waves have the pitch and the harmonics they are asked for, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.demo.synth.oscillators import Sound, cycles_of, harmonic_wave, saw, sine, square

RATE = 32_000


def _magnitudes(sound: Sound) -> Sound:
    """Amplitude of each whole frequency in Hz, for one second of sound."""
    return np.abs(np.fft.rfft(sound)) * 2 / len(sound)


def test_a_saw_has_harmonics_that_fall_as_one_over_k() -> None:
    lines = _magnitudes(saw(500.0, RATE, rate=RATE))[500:14_001:500]
    assert lines / lines[0] == pytest.approx(1 / np.arange(1, 29), rel=0.01)


def test_a_saw_has_nothing_between_its_harmonics() -> None:
    lines = _magnitudes(saw(1370.0, RATE, rate=RATE))
    between = np.delete(lines, np.arange(0, len(lines), 1370))
    assert between.max() < 1e-3 * lines[1370]


def test_a_square_has_only_odd_harmonics() -> None:
    lines = _magnitudes(square(400.0, RATE, rate=RATE))
    assert lines[800] < 1e-6
    assert lines[1200] / lines[400] == pytest.approx(1 / 3, rel=0.01)


def test_a_rising_pitch_passes_its_mean_number_of_periods() -> None:
    cycles = cycles_of(np.linspace(100.0, 200.0, RATE), RATE, rate=RATE)
    assert cycles[0] == 0.0
    assert cycles[-1] == pytest.approx(150.0, abs=0.01)


def test_a_table_wave_of_one_harmonic_is_a_sine() -> None:
    wave = harmonic_wave(cycles_of(441.0, RATE, rate=RATE), (1.0,))
    assert np.abs(wave - sine(441.0, RATE, rate=RATE)).max() < 1e-5
