"""Every format gets the length that a full decode gives, and can be decoded; whatever its header or wrapping."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.audio.decode import choose_excerpt, decode, probe
from tests.indexer.audio.written_formats import (
    SECONDS,
    Wrap,
    Written,
    ape_tag,
    decoded_seconds,
    id3,
    with_data_size,
    with_flac_total,
    with_xing_frames,
    without_first_frame,
)

TOLERANCE_S = 0.05
FRAGMENTS = (("movflags", "frag_keyframe+empty_moov+default_base_moof"), ("frag_duration", "1000000"))


def sndfile(container: str, codec: str, *, rate_hz: int = 44_100, channels: int = 2, vary: bool = False) -> Written:
    return Written(container, codec, rate_hz, channels, library="sndfile", vary=vary)


FORMATS = [
    *(sndfile("MP3", "MPEG_LAYER_III", rate_hz=hz) for hz in (8000, 11_025, 16_000, 22_050, 24_000, 32_000, 48_000)),
    sndfile("MP3", "MPEG_LAYER_III", channels=1),
    sndfile("MP3", "MPEG_LAYER_III", vary=True),
    Written("mp3", "libmp3lame"),
    Written("mp3", "libmp3lame", channels=1, rate_hz=22_050),
    Written("mp3", "libmp3lame", options=(("write_xing", "0"),), gapless=False),
    Written("mp2", "mp2", gapless=False),
    Written("mp2", "mp2", rate_hz=24_000, channels=1, gapless=False),
    *(sndfile("WAV", kind) for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")),
    sndfile("WAV", "IMA_ADPCM"),
    sndfile("WAV", "MS_ADPCM"),
    sndfile("WAV", "GSM610", rate_hz=8000, channels=1),
    Written("wav", "adpcm_yamaha", gapless=False),
    Written("wav", "libmp3lame", gapless=False),
    *(sndfile(container, "PCM_16") for container in ("WAVEX", "RF64", "W64", "AIFF", "CAF", "AU")),
    sndfile("AIFF", "FLOAT"),
    sndfile("AIFF", "PCM_24"),
    sndfile("AU", "ULAW", channels=1),
    *(sndfile("CAF", f"ALAC_{bits}") for bits in (16, 24)),
    Written("aiff", "pcm_mulaw"),
    Written("caf", "pcm_s24be"),
    Written("caf", "pcm_alaw"),
    Written("w64", "pcm_s24le"),
    sndfile("FLAC", "PCM_16"),
    sndfile("FLAC", "PCM_24", rate_hz=96_000),
    sndfile("FLAC", "PCM_S8", channels=1),
    Written("flac", "flac"),
    sndfile("OGG", "VORBIS"),
    sndfile("OGG", "VORBIS", rate_hz=22_050, channels=1),
    sndfile("OGG", "OPUS", rate_hz=48_000),
    sndfile("OGG", "OPUS", rate_hz=24_000, channels=1),
    Written("ogg", "libopus", rate_hz=48_000),
    Written("ogg", "flac"),
    Written("ogg", "vorbis"),
    Written("adts", "aac", gapless=False),
    Written("adts", "aac", rate_hz=24_000, gapless=False),
    Written("adts", "aac", rate_hz=16_000, channels=1, gapless=False),
    *(Written("mp4", codec) for codec in ("aac", "alac", "flac")),
    Written("ipod", "aac", channels=1, rate_hz=22_050),
    Written("mov", "pcm_s16le"),
    Written("mp4", "libopus", rate_hz=48_000),
    Written("mp4", "libmp3lame", gapless=False),
    Written("mp4", "ac3", rate_hz=48_000, gapless=False),
    Written("mp4", "aac", options=FRAGMENTS, gapless=False),
    Written("webm", "libopus", rate_hz=48_000),
    Written("webm", "vorbis", gapless=False),
    *(Written("matroska", codec, gapless=False) for codec in ("flac", "aac", "libmp3lame", "pcm_s16le", "ac3")),
    Written("asf", "wmav2", gapless=False),
    Written("asf", "wmav1", gapless=False),
    Written("wv", "wavpack"),
    Written("tta", "tta"),
    Written("ac3", "ac3", rate_hz=48_000, gapless=False),
    Written("eac3", "eac3", rate_hz=48_000, gapless=False),
]
MP3, VBR = sndfile("MP3", "MPEG_LAYER_III"), sndfile("MP3", "MPEG_LAYER_III", vary=True)
FLAC, WAV = sndfile("FLAC", "PCM_16"), sndfile("WAV", "PCM_16")
VORBIS, OPUS = sndfile("OGG", "VORBIS"), sndfile("OGG", "OPUS", rate_hz=48_000)
ODD: list[tuple[str, Written, Wrap]] = [
    ("mp3 behind zeros", MP3, lambda content: bytes(64_000) + content),
    ("mp3 behind an ID3 tag and zeros", MP3, lambda content: id3() + bytes(9000) + content),
    ("mp3 behind TAG", MP3, lambda content: id3() + b"TAG" + bytes(125) + content),
    ("mp3 before tags", MP3, lambda content: content + ape_tag(bytes(500)) + b"TAG" + bytes(125)),
    ("mp3 with four times the frames", MP3, with_xing_frames(4)),
    ("mp3 with a tenth of the frames", MP3, with_xing_frames(0.1)),
    ("mp3 vbr with a tenth of the frames", VBR, with_xing_frames(0.1)),
    ("mp3 vbr without count", VBR, without_first_frame),
    ("mp3 before junk", MP3, lambda content: content + bytes(range(256)) * 40),
    ("flac behind ID3", FLAC, lambda content: id3() + content),
    ("flac before an APE tag", FLAC, lambda content: content + ape_tag(bytes(90))),
    ("flac without total", FLAC, with_flac_total(0)),
    ("flac with half the total", FLAC, with_flac_total(123_480)),
    ("flac with twice the total", FLAC, with_flac_total(493_920)),
    ("wav behind ID3", WAV, lambda content: id3() + content),
    ("wav of size 0", WAV, with_data_size(0)),
    ("wav streamed", WAV, with_data_size(0xFFFFFFFF)),
    ("wav streamed by another", WAV, with_data_size(0x7FFFFFFF)),
    ("wav of a small size", WAV, with_data_size(1000)),
    ("ogg behind ID3", VORBIS, lambda content: id3() + content),
    ("opus behind ID3", OPUS, lambda content: id3() + content),
]
JOINED: list[tuple[str, Written, Written, bytes]] = [
    ("mp3", MP3, MP3, b""),
    ("mp3 with ID3 between", MP3, MP3, id3()),
    ("mp3 with a tag between", MP3, VBR, b"TAG" + bytes(125) + id3(bytes(200_000))),
    ("mp3 of two rates", MP3, sndfile("MP3", "MPEG_LAYER_III", rate_hz=48_000), b""),
    ("vorbis", VORBIS, VORBIS, b""),
    ("vorbis of two rates", VORBIS, sndfile("OGG", "VORBIS", rate_hz=22_050, channels=1), b""),
    ("opus", OPUS, OPUS, b""),
    ("vorbis and opus", VORBIS, OPUS, b""),
    ("flac in ogg", Written("ogg", "flac"), Written("ogg", "flac"), b""),
]


def check(path: Path, content: bytes, seconds: float) -> None:
    path.write_bytes(content)
    info = probe(path)
    assert info.duration_s == pytest.approx(seconds, abs=TOLERANCE_S)
    waveform = decode(path, excerpt=choose_excerpt(info.duration_s), sample_rate_hz=8000)
    assert len(waveform) == pytest.approx(seconds * 8000, abs=TOLERANCE_S * 8000 + 8)


@pytest.mark.parametrize("how", FORMATS, ids=lambda how: f"{how.container}-{how.codec}-{how.rate_hz}-{how.channels}")
def test_a_format_has_the_length_of_a_full_decode_and_of_its_source(tmp_path: Path, how: Written) -> None:
    content = how.content()
    check(tmp_path / "a", content, SECONDS if how.gapless else decoded_seconds(content))


@pytest.mark.parametrize(("how", "wrap"), [case[1:] for case in ODD], ids=[case[0] for case in ODD])
def test_an_odd_file_has_the_length_of_its_sound(tmp_path: Path, how: Written, wrap: Wrap) -> None:
    check(tmp_path / "a", wrap(how.content()), SECONDS)


@pytest.mark.parametrize(("first", "second", "between"), [c[1:] for c in JOINED], ids=[c[0] for c in JOINED])
def test_joined_files_have_the_length_of_both(tmp_path: Path, first: Written, second: Written, between: bytes) -> None:
    """The second mp3 keeps what its encoder added: the header frame, and up to three frames of padding."""
    content = first.content() + between + second.content(seed=1)
    added_s = 0.08 if first.container == "MP3" else 0.0
    path = tmp_path / "a"
    path.write_bytes(content)
    info = probe(path)
    assert 2 * SECONDS - 0.01 <= info.duration_s <= 2 * SECONDS + added_s + 0.01
    waveform = decode(path, excerpt=choose_excerpt(info.duration_s), sample_rate_hz=8000)
    assert float(waveform[-8000 * 5 :].std()) > 0.05


def test_there_are_sixty_formats() -> None:
    assert len(FORMATS) >= 60
