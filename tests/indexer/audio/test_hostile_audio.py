"""Files that lie, are cut, are not audio or are not files: each gets its reason, and quickly."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from indexer.audio.decode import Excerpt, choose_excerpt, decode, probe
from indexer.audio.safe_open import MAX_FILE_BYTES
from indexer.audio.workers.pool import DecodeJob, DecoderPool, InspectJob
from recommender.errors import BadInput
from tests.indexer.audio.written_audio import RATE_HZ, melody, write

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "malformed"
QUICK_S = 3.0
"""Of the processor: how long it takes by the clock depends on what else runs."""
HUNG_S = 60.0


def reason_of(path: Path) -> str:
    """The reason for which probing, and else decoding, refuses the file; "" when it does not."""
    started, busy = time.monotonic(), time.process_time()
    try:
        excerpt = choose_excerpt(probe(path).duration_s)
        decode(path, excerpt=excerpt, sample_rate_hz=22_050)
    except BadInput as error:
        return error.reason if error.detail else "no detail"
    finally:
        assert time.process_time() - busy < QUICK_S
        assert time.monotonic() - started < HUNG_S
    return ""


def cut(path: Path, part: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


def wav_header(*, rate_hz: int = RATE_HZ, channels: int = 1, data_bytes: int) -> bytes:
    """A canonical 44-byte header of 16-bit PCM."""
    block = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, (rate_hz * block) & 0xFFFFFFFF, block & 0xFFFF, 16)
    riff = struct.pack("<4sI4s4sI", b"RIFF", (36 + data_bytes) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16)
    return riff + form + struct.pack("<4sI", b"data", data_bytes & 0xFFFFFFFF)


@pytest.mark.parametrize(("suffix", "seconds"), [("wav", 4.9), ("flac", 1.0), ("mp3", 4.0), ("ogg", 0.1), ("m4a", 4.0)])
def test_less_than_five_seconds_are_too_short(tmp_path: Path, suffix: str, seconds: float) -> None:
    assert reason_of(write(tmp_path / f"a.{suffix}", melody(seconds))) == "too_short"


@pytest.mark.parametrize(("suffix", "offset"), [("wav", 0.0), ("mp3", 0.0), ("m4a", 0.0), ("wav", 0.5), ("flac", 0.5)])
def test_silence_is_silent_even_with_a_constant_offset(tmp_path: Path, suffix: str, offset: float) -> None:
    assert reason_of(write(tmp_path / f"a.{suffix}", np.full(8 * RATE_HZ, offset, np.float32))) == "silent"


def test_the_quietest_music_of_16_bits_is_not_silent(tmp_path: Path) -> None:
    quiet = melody(8) * np.float32(10 ** (-50 / 20))  # -20 dBFS - 50 dB = -70 dBFS
    assert reason_of(write(tmp_path / "a.wav", quiet)) == ""


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("count", [1, 100_000])
def test_samples_that_are_no_numbers_are_non_finite(tmp_path: Path, value: float, count: int) -> None:
    sound = melody(8)
    sound[1000 : 1000 + count] = value
    assert reason_of(write(tmp_path / "a.wav", sound, subtype="FLOAT")) == "non_finite"


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize("part", [0.4, 0.8])
def test_a_clip_that_was_cut_off_is_truncated(tmp_path: Path, suffix: str, part: float) -> None:
    assert reason_of(cut(write(tmp_path / f"a.{suffix}", melody(30)), part)) == "truncated"


def test_an_m4a_that_lost_the_index_at_its_end_is_a_decode_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", melody(10))
    content = path.read_bytes()
    index = content.index(b"moov") - 4
    size = int.from_bytes(content[index : index + 4], "big")
    path.write_bytes(content[:index] + content[index + size :])
    assert reason_of(path) == "decode_error"


def test_a_file_of_many_hours_is_too_long_though_it_is_small(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = 7 * 3600 * 8000
    path.write_bytes(wav_header(rate_hz=8000, data_bytes=2 * samples))
    os.truncate(path, 44 + 2 * samples)  # a hole in the file: no disk is used
    assert reason_of(path) == "too_long"


def test_a_file_larger_than_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(data_bytes=100))
    os.truncate(path, MAX_FILE_BYTES + 1)
    assert reason_of(path) == "unsupported"


@pytest.mark.parametrize("rate_hz", [1, 3999, 384_001, 4_000_000_000])
def test_absurd_sample_rates_are_refused(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(rate_hz=rate_hz, data_bytes=200_000) + bytes(200_000))
    assert reason_of(path) in ("unsupported", "decode_error")


@pytest.mark.parametrize("channels", [0, 9, 65_535])
def test_absurd_channel_counts_are_refused(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(channels=channels, data_bytes=200_000) + bytes(200_000))
    assert reason_of(path) in ("unsupported", "decode_error")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not_audio"),
        (b"just text, renamed", "not_audio"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.mp3\n", "not_audio"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n", "not_audio"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not_audio"),
        (b"ID3\x04\0\0\0\0\0\x05tag..#EXTM3U\nhttp://127.0.0.1:9/\n", "not_audio"),
        (b"ID3\x04\0\0\x7f\x7f\x7f\x7f", "not_audio"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "not_audio"),
        (b"fLaC" + bytes(100), "decode_error"),
        (b"OggS" + bytes(100), "decode_error"),
        (b"RIFF\xff\xff\xff\xffWAVE", "decode_error"),
        (b"\0\0\0\x18ftypM4A " + bytes(40), "decode_error"),
        (b"DSD " + bytes(40), "unsupported"),
        (b"MThd" + bytes(40), "unsupported"),
        (b"wvpk" + bytes(40), "not_audio"),
    ],
)
def test_what_is_not_audio_is_never_tried(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert reason_of(path) == reason


def test_a_film_without_sound_is_not_audio(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(path, "w", format="mp4") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")
            target.mux(stream.encode(picture))
        target.mux(stream.encode(None))
    assert reason_of(path) == "not_audio"


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.symlink_to(write(path.parent / "target.wav", melody(6)))


def _dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _endless_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize("make", [_folder, _pipe, _link, _dangling_link, _endless_link, _nothing])
def test_only_regular_files_are_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "x.mp3"
    make(path)
    assert reason_of(path) == "not_a_file"


def test_a_socket_is_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("x.mp3")
        assert reason_of(tmp_path / "x.mp3") == "not_a_file"


@pytest.mark.parametrize("path", ["/dev/zero", "a\0b", "x" * 5000])
def test_devices_and_impossible_names_are_refused(path: str) -> None:
    assert reason_of(Path(path)) in ("not_a_file", "unreadable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_we_may_not_read_is_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", melody(6))
    path.chmod(0)
    assert reason_of(path) == "unreadable"


@pytest.mark.parametrize("name", ["-rf.wav", "a\nb.wav", "坂本龍一.wav", "'; DROP TABLE.wav", "a" * 250 + ".wav"])
def test_odd_names_are_only_names(tmp_path: Path, name: str) -> None:
    write(tmp_path / "plain.wav", melody(6)).rename(tmp_path / name)
    assert reason_of(tmp_path / name) == ""


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=2, timeout_s=20) as running:
        yield running


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_damaged_files_decode_or_have_a_reason(tmp_path: Path, pool: DecoderPool, suffix: str) -> None:
    content = write(tmp_path / f"good.{suffix}", melody(6)).read_bytes()
    random = np.random.default_rng(7)
    paths = []
    for number in range(30):
        damaged = bytearray(content)
        reach = min(len(damaged), 200 if number % 2 else len(damaged))
        for position in random.integers(0, reach, 12):
            damaged[position] = int(random.integers(256))
        paths.append(tmp_path / f"{number}.{suffix}")
        paths[-1].write_bytes(damaged)
    jobs = [DecodeJob(path=path, excerpt=Excerpt(start_ms=0, length_ms=5500), sample_rate_hz=22_050) for path in paths]
    for outcome in pool.run(jobs):
        assert (outcome.value is None) != (outcome.error is None)
        if outcome.value is not None:
            assert np.isfinite(outcome.value).all()


def test_every_malformed_file_decodes_or_has_a_reason(pool: DecoderPool) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    paths = sorted(path for path in SHARED.rglob("*") if path.is_file())
    inspected = list(pool.run(InspectJob(path=path) for path in paths))
    assert [outcome.job.path for outcome in inspected] == paths
    usable = [(outcome.job.path, outcome.value.info) for outcome in inspected if outcome.value is not None]
    jobs = [
        DecodeJob(path=path, excerpt=choose_excerpt(info.duration_s), sample_rate_hz=22_050) for path, info in usable
    ]
    decoded = list(pool.run(jobs))
    errors = [outcome.error for outcome in inspected] + [outcome.error for outcome in decoded]
    reasons = {error.reason for error in errors if error is not None}
    assert any(outcome.value is not None for outcome in decoded)
    assert not reasons & {"decoder_crashed", "decoder_timeout", "decoder_memory"}
