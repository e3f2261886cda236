"""Clips are reproducible, within bounds, at the tempo of their style, and told apart by ear."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from indexer.demo.synth import SAMPLE_RATE_HZ, STYLES, render, tempo_bpm
from indexer.demo.synth.styles import BY_NAME
from recommender.errors import InvalidArgument
from recommender.types import Waveform

Curve = npt.NDArray[np.float64]
FRAMES_A_SECOND = 200
SEEDS = (1000, 1001, 1002)


@cache
def _clip(style: str, seed: int) -> Waveform:
    return render(style, seed=seed, seconds=12.0)


def _spectrogram(clip: Waveform, frame: int, hop: int) -> Curve:
    frames = np.lib.stride_tricks.sliding_window_view(clip.astype(np.float64), frame)[::hop]
    return np.abs(np.fft.rfft(frames * np.hanning(frame), axis=1))


def _beat_strength(clip: Waveform, bpm: float) -> float:
    """Autocorrelation of the onset curve one beat apart, as a share of its energy; best of the nearest lags."""
    hop = SAMPLE_RATE_HZ // FRAMES_A_SECOND
    loudness = np.log1p(1000 * _spectrogram(clip, 640, hop))
    onsets = np.maximum(np.diff(loudness, axis=0), 0).sum(axis=1)
    onsets -= onsets.mean()
    lag = round(60 * FRAMES_A_SECOND / bpm)
    return max(float(onsets[step:] @ onsets[:-step] / (onsets @ onsets)) for step in (lag - 1, lag, lag + 1))


def _picture(clip: Waveform) -> Curve:
    """Level and movement of 24 bands, 40 Hz to 14 kHz, in decibels: ``[48]``."""
    spectrum = _spectrogram(clip, 2048, 1024) ** 2
    edges = np.geomspace(40, 14_000, 25) / SAMPLE_RATE_HZ * 2048
    bands = [spectrum[:, int(low) : max(int(high), int(low) + 1)].sum(axis=1) for low, high in pairwise(edges)]
    decibels = 10 * np.log10(np.stack(bands) + 1e-6)
    return np.concatenate([decibels.mean(axis=1), decibels.std(axis=1)])


def test_there_are_eight_styles() -> None:
    assert len(STYLES) == len(set(STYLES)) == 8


@pytest.mark.parametrize("style", STYLES)
def test_the_same_style_and_seed_give_the_same_samples(style: str) -> None:
    first = render(style, seed=7, seconds=6.0)
    assert first.tobytes() == render(style, seed=7, seconds=6.0).tobytes()


@pytest.mark.parametrize("style", STYLES)
def test_another_seed_gives_another_clip(style: str) -> None:
    first, second = (_clip(style, seed).astype(np.float64) for seed in SEEDS[:2])
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.5


@pytest.mark.parametrize("style", STYLES)
def test_a_clip_is_mono_float32_of_the_length_asked_for_and_never_clips(style: str) -> None:
    for seed in SEEDS:
        clip = _clip(style, seed)
        assert clip.dtype == np.float32
        assert clip.shape == (12 * SAMPLE_RATE_HZ,)
        assert 0.2 < np.abs(clip).max() < 0.8
        assert abs(float(clip.mean())) < 1e-3


@pytest.mark.parametrize("style", STYLES)
def test_a_clip_is_as_loud_as_its_style_less_what_the_peaks_lose(style: str) -> None:
    level = float(np.sqrt(np.mean(_clip(style, SEEDS[0]).astype(np.float64) ** 2)))
    assert 0.85 * BY_NAME[style].loudness < level <= BY_NAME[style].loudness


@pytest.mark.parametrize("style", STYLES)
def test_no_second_of_a_clip_is_silent(style: str) -> None:
    seconds = _clip(style, SEEDS[0]).reshape(12, SAMPLE_RATE_HZ).astype(np.float64)
    assert np.sqrt((seconds**2).mean(axis=1)).min() > 0.005


@pytest.mark.parametrize("style", [style for style in STYLES if style != "ambient"])
def test_the_onsets_repeat_at_the_tempo_and_not_off_it(style: str) -> None:
    for seed in SEEDS:
        bpm = tempo_bpm(style, seed=seed)
        low, high = BY_NAME[style].tempo_bpm
        assert low <= bpm <= high
        on = max(_beat_strength(_clip(style, seed), bpm / beats) for beats in (1, 2, 4))
        off = max(_beat_strength(_clip(style, seed), bpm / beats) for beats in (1.1, 2.15, 4.15))
        assert on > 0.35
        assert on > off + 0.25


def test_drum_and_bass_is_at_174_beats_a_minute() -> None:
    strengths = {bpm: _beat_strength(_clip("drum_and_bass", SEEDS[0]), bpm / 2) for bpm in range(140, 211, 2)}
    assert max(strengths, key=strengths.__getitem__) == 174


def test_ambient_has_no_beat_that_techno_has() -> None:
    ambient = max(_beat_strength(_clip("ambient", SEEDS[0]), bpm) for bpm in range(60, 180, 4))
    bpm = tempo_bpm("techno", seed=SEEDS[0])
    assert ambient < 0.5 * _beat_strength(_clip("techno", SEEDS[0]), bpm / 2)


def test_the_nearest_clip_by_spectrum_is_of_the_same_style() -> None:
    """Eight styles by three seeds; chance is 2 in 23."""
    names = [style for style in STYLES for _ in SEEDS]
    pictures = np.stack([_picture(_clip(style, seed)) for style in STYLES for seed in SEEDS])
    pictures = (pictures - pictures.mean(axis=0)) / pictures.std(axis=0)
    distances = np.linalg.norm(pictures[:, None] - pictures[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    right = [names[row] == names[int(nearest)] for row, nearest in enumerate(distances.argmin(axis=1))]
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_any_usual_sample_rate_keeps_the_tempo_and_the_length(rate: int) -> None:
    for style in STYLES:
        clip = render(style, seed=3, seconds=1.5, sample_rate_hz=rate)
        assert clip.shape == (round(1.5 * rate),)
        assert np.isfinite(clip).all()
        assert np.abs(clip).max() > 0.05


def test_another_sample_rate_plays_the_same_tune() -> None:
    """The envelopes of one clip at two rates rise and fall together; those of two seeds do not."""

    def envelope(seed: int, rate: int) -> Curve:
        clip = render("vocal_pop", seed=seed, seconds=8.0, sample_rate_hz=rate)
        return np.asarray(np.abs(clip.reshape(400, -1)).mean(axis=1), dtype=np.float64)

    reference = envelope(4, 32_000)
    assert np.corrcoef(reference, envelope(4, 16_000))[0, 1] > 0.95
    assert np.corrcoef(reference, envelope(5, 32_000))[0, 1] < 0.6


def test_a_style_that_does_not_exist_is_refused_with_the_list() -> None:
    with pytest.raises(InvalidArgument, match=r"polka.*techno"):
        render("polka", seed=0, seconds=1.0)


@pytest.mark.parametrize(
    ("seed", "seconds", "rate", "field"),
    [
        (-1, 1.0, 32_000, "seed"),
        (0, 0.0, 32_000, "seconds"),
        (0, -2.0, 32_000, "seconds"),
        (0, float("nan"), 32_000, "seconds"),
        (0, float("inf"), 32_000, "seconds"),
        (0, 1.0, 4_000, "sample_rate_hz"),
    ],
)
def test_a_request_without_meaning_names_its_field(seed: int, seconds: float, rate: int, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        render("techno", seed=seed, seconds=seconds, sample_rate_hz=rate)
    assert caught.value.field == field
