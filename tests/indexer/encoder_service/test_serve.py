"""The encoder as a program: what it answers, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from indexer.encoder_service.serve import PREFIX, scratch
from indexer.encoder_service.service import MAX_CLIP_BYTES, MAX_CLIPS, MAX_REQUEST_BYTES, NAME
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from pb import encoder_pb2 as pb
from pb import encoder_pb2_grpc as pb_grpc
from server import limits
from tests.encoder_process import ROOT, channel_to, encoder_process, music, wait_until_decoding


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of an encoder that tests share."""
    with encoder_process(tmp_path_factory.mktemp("encoder")) as (_, port):
        yield port


@pytest.fixture(scope="module")
def channel(port: int) -> Iterator[grpc.Channel]:
    """To the same."""
    with channel_to(port) as channel:
        yield channel


def encode(channel: grpc.Channel, *files: bytes) -> pb.EncodeResponse:
    request = pb.EncodeRequest(clips=[pb.ClipToEncode(file=file) for file in files])
    reply: pb.EncodeResponse = pb_grpc.EncoderServiceStub(channel).Encode(request)
    return reply


def refused(channel: grpc.Channel, *files: bytes) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        encode(channel, *files)
    error: Any = caught.value  # Any: an RpcError of a call that ended is also its Call
    return error.code().name, error.details()


def test_the_reply_names_the_space_and_holds_a_vector_a_layer_or_a_reason(channel: grpc.Channel) -> None:
    space = DescriptorEncoder().space
    reply = encode(channel, music("folk", 1), b"junk", music("techno", 2))
    assert (reply.space, reply.encoder, tuple(reply.layers), reply.dim) == (
        space.key,
        space.name,
        space.layer_names,
        space.dim,
    )
    assert [clip.reason for clip in reply.clips] == ["", "not_audio", ""]
    folk, nothing, techno = (np.frombuffer(clip.vectors, dtype="<f4") for clip in reply.clips)
    assert (folk.size, nothing.size, techno.size) == (len(space.layers) * space.dim, 0, len(space.layers) * space.dim)
    assert np.isfinite(folk).all()
    assert not np.array_equal(folk, techno)


def test_a_clip_has_the_same_vectors_whatever_is_sent_beside_it(channel: grpc.Channel) -> None:
    beside = encode(channel, music("techno", 2), b"junk", music("folk", 1)).clips[2]
    assert beside.vectors == encode(channel, music("folk", 1)).clips[0].vectors


def test_requests_out_of_bounds_are_refused_and_the_next_is_answered(channel: grpc.Channel) -> None:
    assert refused(channel)[0] == "INVALID_ARGUMENT"
    code, why = refused(channel, *[b"x"] * (MAX_CLIPS + 1))
    assert (code, f"at most {MAX_CLIPS}" in why) == ("INVALID_ARGUMENT", True)
    code, why = refused(channel, bytes(MAX_CLIP_BYTES + 1))
    assert (code, "at most 16 MiB a clip" in why) == ("INVALID_ARGUMENT", True)
    assert refused(channel, *[bytes(MAX_CLIP_BYTES)] * 4, b"x")[0] == "INVALID_ARGUMENT"
    assert refused(channel, *[bytes(MAX_CLIP_BYTES)] * 5)[0] == "RESOURCE_EXHAUSTED"
    assert encode(channel, b"junk").clips[0].reason == "not_audio"


def test_what_the_server_lets_through_the_encoder_takes() -> None:
    assert (limits.MAX_CLIPS, limits.MAX_CLIP_BYTES, limits.MAX_AUDIO_BYTES) == (
        MAX_CLIPS,
        MAX_CLIP_BYTES,
        MAX_REQUEST_BYTES,
    )


def test_health_says_that_it_serves(channel: grpc.Channel) -> None:
    for service in ("", NAME):
        check = health_pb2.HealthCheckRequest(service=service)
        assert health_pb2_grpc.HealthStub(channel).Check(check).status == health_pb2.HealthCheckResponse.SERVING


def test_a_signal_lets_the_request_that_runs_finish_and_leaves_nothing_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with encoder_process(tmp_path, temporary=temporary) as (process, port), channel_to(port) as channel:
        encode(channel, b"junk")
        children = psutil.Process(process.pid).children(recursive=True)
        clips = [pb.ClipToEncode(file=music("folk", seed, seconds=30.0)) for seed in range(3)]
        running = pb_grpc.EncoderServiceStub(channel).Encode.future(pb.EncodeRequest(clips=clips))
        wait_until_decoding(temporary, clips=3)
        process.send_signal(signal.SIGTERM)
        assert [clip.reason for clip in running.result(60).clips] == [""] * 3
        assert process.wait(30) == 0
    assert children
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert list(tmp_path.glob("*.port")) == []


def test_a_decoder_that_is_killed_is_replaced(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with encoder_process(tmp_path, temporary=temporary) as (process, port), channel_to(port) as channel:
        encode(channel, b"junk")
        for child in psutil.Process(process.pid).children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        first, second = encode(channel, music("folk", 1)), encode(channel, music("folk", 1))
        assert first.clips[0].reason in ("", "decoder_crashed")
        assert second.clips[0].reason == ""


def test_an_address_that_is_taken_means_later(port: int) -> None:
    words = ("encoder", "serve", "--listen", f"127.0.0.1:{port}", "--workers", "1")
    done = subprocess.run(
        [sys.executable, "soundkin.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (75, False)
    assert f"127.0.0.1:{port} is held by another program (--listen takes another port)" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "nowhere"), "'nowhere' is not HOST:PORT"),
        (("--listen", ":1"), "':1' is not HOST:PORT"),
        (("--listen", "127.0.0.1:65536"), "'127.0.0.1:65536' is not HOST:PORT"),
        (("--listen", "192.0.2.1:7781"), "cannot listen on 192.0.2.1:7781: it is no address of this machine"),
        (("--listen", f"{'x' * 64}:1"), "it is no address of this machine"),
        (("--listen", "127.0.0.1:0", "--port-file", "/nowhere/port"), "--port-file: /nowhere/port cannot be written"),
    ],
)
def test_where_it_cannot_listen_or_say_so_is_wrong_use(words: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "soundkin.py", "encoder", "serve", "--workers", "1", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_a_licence_that_does_not_allow_the_use_is_refused_before_anything_is_loaded() -> None:
    words = ("encoder", "serve", "--encoder", "mert-v1-95m", "--profile", "commercial")
    done = subprocess.run(
        [sys.executable, "soundkin.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "does not allow" in done.stderr) == (1, True)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the system has for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(temporary: Path) -> Path:
    """A folder with a clip, as a process leaves it that was killed."""
    folder = temporary / f"{PREFIX}left" / "request"
    folder.mkdir(parents=True)
    (folder / "0").write_bytes(b"somebody's music")
    return folder.parent


def test_the_folder_goes_with_all_that_is_in_it_and_its_descriptor(temporary: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    with scratch() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "clip").write_bytes(b"x")
    assert list(temporary.iterdir()) == []
    assert len(os.listdir("/dev/fd")) == before


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(temporary: Path) -> None:
    with scratch() as living:
        (living / "clip").write_bytes(b"x")
        dead = left(temporary)
        with scratch() as folder:
            assert sorted(temporary.iterdir()) == sorted((living, folder))
            assert (living / "clip").exists()
        assert not dead.exists()


def test_nothing_is_followed_and_nothing_else_is_touched(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    (temporary / f"{PREFIX}link").symlink_to(precious)
    (left(temporary) / "link").symlink_to(precious)
    (temporary / f"{PREFIX}file").write_bytes(b"x")
    with scratch():
        pass
    assert sorted(path.name for path in temporary.iterdir()) == ["precious", f"{PREFIX}file", f"{PREFIX}link"]
    assert (precious / "file").exists()
