"""A file whose excerpt is silent is heard elsewhere; a file that is audible gives what it always gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.audio.audible_window import other_windows
from indexer.audio.decode import choose_excerpt, decode, decode_audible, probe
from indexer.audio.decoder_base import Excerpt, OneChannel, Sound, downmix
from indexer.audio.sound_range import find_sound
from recommender.errors import BadInput
from recommender.types import Waveform
from tests.indexer.audio.written_audio import Sound as Samples
from tests.indexer.audio.written_audio import melody, write

RATE_HZ = 8000


def audible(path: Path) -> Waveform:
    with path.open("rb") as file:
        return decode_audible(file, excerpt=choose_excerpt(probe(path).duration_s), sample_rate_hz=RATE_HZ)


def with_sound(total_s: int, *parts: tuple[int, int]) -> Samples:
    """Silence with sound in ``(start, end)`` seconds."""
    samples = np.zeros(total_s * RATE_HZ, np.float32)
    for start, end in parts:
        samples[start * RATE_HZ : end * RATE_HZ] = melody(end - start, rate_hz=RATE_HZ, seed=start)
    return samples


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a", "ogg"])
@pytest.mark.parametrize(
    ("parts", "start_s"),
    [
        (((50, 70), (170, 190)), 52),  # a quarter of 240 - 30 s, before three quarters
        (((10, 12), (170, 190)), 157),  # three quarters
        (((3, 12), (225, 240)), 3),  # neither: the first loud second
        (((230, 240),), 210),  # the last window that fits
    ],
)
def test_a_silent_middle_is_passed_over(
    tmp_path: Path, suffix: str, parts: tuple[tuple[int, int], ...], start_s: int
) -> None:
    path = write(tmp_path / f"a.{suffix}", with_sound(240, *parts), rate_hz=RATE_HZ)
    with pytest.raises(BadInput, match="silent"):
        decode(path, excerpt=choose_excerpt(240), sample_rate_hz=RATE_HZ)
    # A lossy codec may spread a faint noise into the second before the sound.
    starts_s = (start_s, start_s - 1) if suffix in ("m4a", "ogg") else (start_s,)
    windows = (Excerpt(start_ms=start * 1000, length_ms=30_000) for start in starts_s)
    expected = [decode(path, excerpt=window, sample_rate_hz=RATE_HZ) for window in windows]
    assert any(np.array_equal(audible(path), waveform) for waveform in expected)


@pytest.mark.parametrize("seconds", [8, 40])
@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a"])
def test_of_channels_that_cancel_the_loudest_is_taken(tmp_path: Path, suffix: str, seconds: int) -> None:
    left = melody(seconds, rate_hz=RATE_HZ)
    path = write(tmp_path / f"a.{suffix}", np.stack([left, -left], axis=1), rate_hz=RATE_HZ)
    start = choose_excerpt(seconds).start_ms * RATE_HZ // 1000
    waveform = audible(path)
    assert np.corrcoef(waveform, left[start : start + len(waveform)])[0, 1] > 0.98


def test_the_louder_of_two_channels_is_taken() -> None:
    block = np.array([[1.0, -2.0], [3.0, -4.0]], np.float32)
    assert OneChannel(1)(block).tolist() == [-2.0, -4.0]
    assert OneChannel(5)(block).tolist() == [-2.0, -4.0]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_an_audible_excerpt_is_not_touched(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", np.stack([melody(40), melody(40, seed=1)], axis=1))
    exact = decode(path, excerpt=choose_excerpt(probe(path).duration_s), sample_rate_hz=RATE_HZ)
    np.testing.assert_array_equal(audible(path), exact)


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_silence_everywhere_is_silent(tmp_path: Path, offset: float) -> None:
    path = write(tmp_path / "a.wav", np.full((100 * RATE_HZ, 2), offset, np.float32), rate_hz=RATE_HZ)
    with pytest.raises(BadInput, match="silent"):
        audible(path)


def test_a_click_alone_is_silent(tmp_path: Path) -> None:
    samples = with_sound(100)
    samples[5 * RATE_HZ] = 0.001
    with pytest.raises(BadInput, match="silent"):
        audible(write(tmp_path / "a.wav", samples, rate_hz=RATE_HZ))


def test_a_clip_has_no_other_windows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", with_sound(20), rate_hz=RATE_HZ)
    with path.open("rb") as file:
        sound = Sound(file=file, range=find_sound(file))
        assert list(other_windows(sound, choose_excerpt(20))) == []
        assert [mix for _, mix in other_windows(sound, Excerpt(start_ms=0, length_ms=10_000))] == [downmix, downmix]
