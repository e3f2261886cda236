"""Decoding: the right seconds, the right rate, the right number of samples, whatever the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.audio.decode import Excerpt, choose_excerpt, decode, looks_like_audio, probe
from recommender.errors import BadInput, InvalidArgument
from recommender.types import Waveform
from tests.indexer.audio.written_audio import RATE_HZ, Sound, melody, tone, write

FORMATS = (
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "FLOAT"),
    ("aiff", "PCM_16"),
    ("flac", "PCM_16"),
    ("mp3", None),
    ("ogg", "VORBIS"),
    ("m4a", None),
    ("aac", None),
)
SEEKABLE = (("wav", "PCM_16"), ("flac", "PCM_16"), ("mp3", None), ("ogg", "VORBIS"), ("m4a", None))
WHOLE = Excerpt(start_ms=0, length_ms=30_000)


def correlation_and_lag(waveform: Waveform, source: Sound) -> tuple[float, int]:
    """The best normalised cross-correlation of the two, and by how many samples ``waveform`` is late."""
    size = 2 * len(source)
    spectrum = np.fft.rfft(waveform, size) * np.conj(np.fft.rfft(source, size))
    crossed = np.fft.irfft(spectrum, size) / (np.linalg.norm(waveform) * np.linalg.norm(source))
    lag = int(np.argmax(crossed))
    return float(crossed[lag]), lag if lag < size // 2 else lag - size


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_every_format_gives_back_the_sound_it_was_given(tmp_path: Path, suffix: str, subtype: str | None) -> None:
    source = melody(31)
    path = write(tmp_path / f"a.{suffix}", np.stack([source, source], axis=1), subtype=subtype)
    waveform = decode(path, excerpt=WHOLE, sample_rate_hz=RATE_HZ)
    correlation, lag = correlation_and_lag(waveform, source[: len(waveform)])
    assert waveform.dtype == np.float32
    assert correlation > 0.99
    assert abs(lag) < 0.05 * RATE_HZ


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_thirty_seconds_are_exact_and_a_tone_keeps_its_pitch(tmp_path: Path, suffix: str, subtype: str | None) -> None:
    path = write(tmp_path / f"a.{suffix}", tone(997, 32), subtype=subtype)
    for rate_hz in (22_050, 24_000):
        waveform = decode(path, excerpt=choose_excerpt(probe(path).duration_s), sample_rate_hz=rate_hz)
        assert waveform.shape == (30 * rate_hz,)
        peak_hz = np.argmax(np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))) / 30
        assert peak_hz == pytest.approx(997, abs=0.05)
        assert float(np.abs(waveform).max()) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_probe_tells_the_length_within_a_codec_frame_or_two(tmp_path: Path, suffix: str, subtype: str | None) -> None:
    path = write(tmp_path / f"a.{suffix}", np.stack([melody(12)] * 2, axis=1), subtype=subtype)
    info = probe(path)
    assert info.duration_s == pytest.approx(12, abs=0.05)
    assert (info.sample_rate_hz, info.channels) == (RATE_HZ, 2)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_a_clip_of_thirty_seconds_is_taken_whole(tmp_path: Path, suffix: str, subtype: str | None) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(30), subtype=subtype)
    excerpt = choose_excerpt(probe(path).duration_s)
    assert excerpt.start_ms == 0
    assert excerpt.length_ms == pytest.approx(30_000, abs=50)
    waveform = decode(path, excerpt=excerpt, sample_rate_hz=24_000)
    assert len(waveform) == round(excerpt.length_ms * 24)


@pytest.mark.parametrize(("suffix", "subtype"), SEEKABLE)
def test_the_middle_of_a_long_file_is_what_a_full_decode_has_there(
    tmp_path: Path, suffix: str, subtype: str | None
) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(66), subtype=subtype)
    whole = decode(path, excerpt=Excerpt(start_ms=0, length_ms=65_000), sample_rate_hz=RATE_HZ)
    middle = choose_excerpt(66)
    assert middle == Excerpt(start_ms=18_000, length_ms=30_000)
    waveform = decode(path, excerpt=middle, sample_rate_hz=RATE_HZ)
    np.testing.assert_allclose(waveform, whole[18 * RATE_HZ : 48 * RATE_HZ], atol=1e-4)


def test_an_mp3_of_varying_bit_rate_without_a_frame_count_keeps_its_length(tmp_path: Path) -> None:
    quiet_then_loud = np.concatenate([np.zeros(30 * RATE_HZ, np.float32), melody(30)])
    path = tmp_path / "a.mp3"
    import soundfile

    with soundfile.SoundFile(path, "w", RATE_HZ, 1, format="MP3", bitrate_mode="VARIABLE") as file:
        file.write(quiet_then_loud)
    counted = path.read_bytes()
    first_frame = counted.index(b"\xff\xfb", 4)
    assert b"Xing" in counted[:first_frame]
    path.write_bytes(counted[first_frame:])
    assert probe(path).duration_s == pytest.approx(60, abs=0.1)


def test_a_flac_that_was_streamed_without_its_length_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", melody(12))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of "total samples" in the STREAMINFO block (RFC 9639, section 8.2)
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert probe(path).duration_s == pytest.approx(12, abs=1e-3)
    excerpt = choose_excerpt(probe(path).duration_s)
    assert len(decode(path, excerpt=excerpt, sample_rate_hz=RATE_HZ)) == pytest.approx(12 * RATE_HZ, abs=50)


def test_a_streamed_wav_with_an_open_size_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", melody(6))
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert probe(path).duration_s == pytest.approx(6, abs=1e-3)


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a"])
def test_one_silent_channel_halves_the_other(tmp_path: Path, suffix: str) -> None:
    left = melody(6)
    path = write(tmp_path / f"a.{suffix}", np.stack([left, np.zeros_like(left)], axis=1))
    waveform = decode(path, excerpt=Excerpt(start_ms=0, length_ms=5_500), sample_rate_hz=RATE_HZ)
    assert float(waveform.std()) == pytest.approx(float(left.std()) / 2, rel=0.02)


def test_channels_in_antiphase_cancel_and_are_silent(tmp_path: Path) -> None:
    left = melody(6)
    path = write(tmp_path / "a.wav", np.stack([left, -left], axis=1))
    with pytest.raises(BadInput, match="silent"):
        decode(path, excerpt=choose_excerpt(6), sample_rate_hz=22_050)


@pytest.mark.parametrize(
    ("duration_s", "start_ms", "length_ms"),
    [
        (5.0, 0, 5_000),
        (12.3456, 0, 12_345),
        (29.999_95, 0, 29_999),
        (30.0, 0, 30_000),
        (30.5, 0, 30_000),
        (30.6, 0, 30_000),
        (31.999, 0, 30_000),
        (32.0, 1_000, 30_000),
        (185.0, 77_000, 30_000),
        (21_600.0, 10_785_000, 30_000),
    ],
)
def test_the_excerpt_is_the_middle_thirty_seconds(duration_s: float, start_ms: int, length_ms: int) -> None:
    assert choose_excerpt(duration_s) == Excerpt(start_ms=start_ms, length_ms=length_ms)


@pytest.mark.parametrize(
    ("duration_s", "reason"), [(4.99, "too_short"), (float("nan"), "too_short"), (21_601, "too_long")]
)
def test_no_excerpt_is_chosen_of_what_is_too_short_or_too_long(duration_s: float, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        choose_excerpt(duration_s)
    assert caught.value.reason == reason


@pytest.mark.parametrize(("start_ms", "length_ms"), [(-1, 1000), (0, 0)])
def test_an_excerpt_that_has_no_meaning_is_refused(start_ms: int, length_ms: int) -> None:
    with pytest.raises(InvalidArgument, match="excerpt"):
        Excerpt(start_ms=start_ms, length_ms=length_ms)


def test_a_rate_that_no_encoder_has_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", melody(8))
    with pytest.raises(InvalidArgument, match="sample_rate_hz"):
        decode(path, excerpt=WHOLE, sample_rate_hz=1)


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "mp3", "ogg", "m4a", "aac"])
def test_audio_is_told_by_its_first_bytes_whatever_its_name(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    unnamed = path.rename(tmp_path / "a.xyz")
    assert looks_like_audio(unnamed)
    assert looks_like_audio(unnamed.read_bytes()[:4096])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"#EXTM3U\n",
        b"\x89PNG\r\n\x1a\n",
        "text in UTF-16".encode("utf-16"),
        b"RIFF\0\0\0\0AVI ",
        b"\xff" * 64,
    ],
)
def test_other_bytes_do_not_look_like_audio(content: bytes) -> None:
    assert not looks_like_audio(content)


def test_a_format_we_do_not_decode_still_looks_like_audio() -> None:
    assert looks_like_audio(b"DSD " + bytes(60))


def test_an_mp3_behind_a_large_tag_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", melody(6))
    picture = bytes(200_000)
    size = bytes((len(picture) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x04\0\0" + size + picture + path.read_bytes())
    assert probe(path).container == "mp3"
    assert len(decode(path, excerpt=Excerpt(start_ms=0, length_ms=5_500), sample_rate_hz=22_050)) == 121_275
