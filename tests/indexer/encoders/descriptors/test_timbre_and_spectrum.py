"""Timbre and spectral shape against librosa's own functions and against arithmetic."""

from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import pytest

from indexer.encoders.descriptors.clip_analysis import (
    FRAME,
    HOP,
    MEL_BANDS,
    SAMPLE_RATE_HZ,
    analyse,
    bin_hz,
    stft_magnitude,
)
from indexer.encoders.descriptors.spectrum import (
    balance_db,
    bandwidth_hz,
    centroid_hz,
    contrast_db,
    flatness,
    rolloff_hz,
    spectral_shape,
)
from indexer.encoders.descriptors.timbre import mfcc, timbre
from tests.indexer.encoders.descriptors import sounds


@pytest.fixture(scope="module")
def magnitude() -> np.ndarray:
    """Of music-like sound: a chord loop over noise, ``[frame, bin]``."""
    clip = sounds.chords(((60, 64, 67), (57, 60, 64)), seconds=5.0) + 0.1 * sounds.noise(seconds=5.0, below_hz=3000)
    return analyse(clip.astype(np.float32)).magnitude.astype(np.float64)


def test_the_spectrum_is_librosas() -> None:
    clip = sounds.chords(((60, 64, 67),), seconds=5.0)
    expected = np.abs(librosa.stft(clip, n_fft=FRAME, hop_length=HOP, window="hann", center=False)).T
    np.testing.assert_allclose(stft_magnitude(clip), expected, atol=1e-4)


def test_mel_levels_are_librosas() -> None:
    sound = analyse(sounds.noise(below_hz=2000))
    mel = librosa.feature.melspectrogram(S=np.square(sound.magnitude).T, sr=SAMPLE_RATE_HZ, n_mels=MEL_BANDS)
    np.testing.assert_allclose(sound.mel_db.T, librosa.power_to_db(mel, ref=np.max, top_db=80), atol=1e-3)


def test_cepstral_coefficients_are_librosas() -> None:
    sound = analyse(sounds.noise(below_hz=2000))
    expected = librosa.feature.mfcc(S=sound.mel_db.T.astype(np.float64), n_mfcc=14)[1:].T
    np.testing.assert_allclose(mfcc(sound), expected, atol=1e-6)


def test_timbre_means_are_over_the_frames_that_can_be_heard() -> None:
    sounding = sounds.noise(seconds=6.0, below_hz=2000)
    with_silence = np.concatenate([sounding, np.zeros_like(sounding)])
    alone, padded = timbre(analyse(sounding)), timbre(analyse(with_silence))
    for number in range(1, 14):
        assert padded[f"mfcc_{number}_mean"] == pytest.approx(alone[f"mfcc_{number}_mean"], abs=2.0)


def test_a_steady_sound_has_less_change_than_a_restless_one() -> None:
    steady = timbre(analyse(sounds.sine(440.0)))
    restless = timbre(analyse(sounds.chords(((60,), (90,)), each_s=0.1)))
    for number in (1, 2, 3, 4):
        assert restless[f"mfcc_{number}_change"] > 2 * steady[f"mfcc_{number}_change"]


def test_centroid_bandwidth_rolloff_and_flatness_are_librosas(magnitude: np.ndarray) -> None:
    options: dict[str, Any] = {  # Any: keyword arguments of several types
        "S": magnitude.T,
        "sr": SAMPLE_RATE_HZ,
        "n_fft": FRAME,
    }
    middle = centroid_hz(magnitude)
    np.testing.assert_allclose(middle, librosa.feature.spectral_centroid(**options)[0])
    np.testing.assert_allclose(bandwidth_hz(magnitude, middle), librosa.feature.spectral_bandwidth(**options)[0])
    for share in (0.5, 0.85):
        expected = librosa.feature.spectral_rolloff(**options, roll_percent=share)[0]
        np.testing.assert_allclose(rolloff_hz(magnitude, share), expected)
    np.testing.assert_allclose(flatness(magnitude), librosa.feature.spectral_flatness(S=magnitude.T, amin=1e-30)[0])


def test_a_flat_spectrum_has_its_centre_in_the_middle_and_a_third_of_a_twelfth_as_variance() -> None:
    flat = np.ones((1, FRAME // 2 + 1))
    middle = centroid_hz(flat)
    assert middle[0] == pytest.approx(SAMPLE_RATE_HZ / 4)
    assert bandwidth_hz(flat, middle)[0] == pytest.approx(SAMPLE_RATE_HZ / 2 / np.sqrt(12), rel=1e-2)
    assert flatness(flat)[0] == pytest.approx(1.0)
    assert contrast_db(flat)[0] == pytest.approx(np.zeros(7))


def test_white_noise_is_as_flat_as_theory_says() -> None:
    """Periodogram bins of noise are exponential: mean log is minus Euler's constant, so flatness is exp(-0.5772)."""
    sound = analyse(sounds.noise(seconds=20.0))
    assert flatness(sound.magnitude.astype(np.float64)).mean() == pytest.approx(np.exp(-np.euler_gamma), abs=0.01)


def test_contrast_is_the_strongest_over_the_weakest_tenth() -> None:
    spectrum = np.ones((1, FRAME // 2 + 1))
    band = np.flatnonzero((bin_hz() >= 3200) & (bin_hz() < 6400))
    spectrum[0, band[: round(0.1 * band.size)]] = 100.0
    contrast = contrast_db(spectrum)[0]
    assert contrast[5] == pytest.approx(40.0)
    assert np.delete(contrast, 5) == pytest.approx(np.zeros(6))


def test_balance_of_white_noise_is_the_width_of_the_bands() -> None:
    sound = analyse(sounds.noise(seconds=20.0))
    balance = balance_db(sound.magnitude.astype(np.float64))
    assert balance[7] == pytest.approx(10 * np.log10(4000 / 11_025), abs=0.1)
    assert balance[5] == pytest.approx(10 * np.log10(1000 / 11_025), abs=0.2)


def test_zero_crossings_of_a_tone_are_twice_its_frequency() -> None:
    described = spectral_shape(analyse(sounds.sine(1000.0)))
    assert 2 ** described["zero_crossings_mean"] == pytest.approx(2001, rel=0.01)
    assert described["zero_crossings_spread"] < 0.01


def test_brighter_noise_has_the_higher_centroid_and_rolloff() -> None:
    dark, middling, bright = (
        spectral_shape(analyse(sounds.noise(below_hz=below_hz))) for below_hz in (500, 2000, None)
    )
    for name in ("centroid_mean", "rolloff_85_mean", "rolloff_50_mean", "zero_crossings_mean"):
        assert dark[name] < middling[name] < bright[name]
