"""The program itself: starting, the port file, a port in use, and the drain on a signal."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from pb import soundkin_pb2 as pb
from pb import soundkin_pb2_grpc as pb_grpc
from recommender.errors import InvalidArgument
from server.address import Address, parse_address
from server.serve import OPTIONS
from server.serve_command import serve
from tests.factories import write_generation
from tests.server.ask import eventually
from tests.server.conftest import MADE, Served

_HEADERS = b"\x83\x86\x00\x05:path\x02/x\x00\x02te\x05wrong"
MALFORMED = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
MALFORMED += len(_HEADERS).to_bytes(3, "big") + bytes.fromhex("010500000001") + _HEADERS
"""The beginning of a call whose header ``te`` has a value that it may not have."""
ROOT = Path(__file__).resolve().parents[2]
START_S = 30


@contextmanager
def program(home: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """``soundkin serve`` on ``home``, killed at the end if it still runs."""
    command = [sys.executable, "soundkin.py", "serve", "--home", str(home), *options]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(path: Path) -> int:
    """The port, once the file is there."""
    deadline = time.monotonic() + START_S
    while not path.exists():
        assert time.monotonic() < deadline, "no port file"
        time.sleep(0.02)
    return int(path.read_text())


def wait_for_the_end_to_be_told(health: health_pb2_grpc.HealthStub) -> None:
    """Until health says that the server is about to go."""
    eventually(
        lambda: health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    )


def test_a_signal_turns_health_off_goes_on_answering_and_then_stops(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    port_file = tmp_path / "port"
    options = ("--listen", "127.0.0.1:0", "--port-file", str(port_file), "--lame-duck", "5")
    with program(tmp_path, *options) as process:
        address = f"127.0.0.1:{wait_for(port_file)}"
        with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            stub, health = pb_grpc.SimilarityServiceStub(channel), health_pb2_grpc.HealthStub(channel)
            assert stub.GetIndexInfo(pb.GetIndexInfoRequest()).artists == 6
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
            wait_for_the_end_to_be_told(health)
            assert stub.GetIndexInfo(pb.GetIndexInfoRequest()).artists == 6
        assert process.wait(START_S) == 0
        assert not port_file.exists()


def test_malformed_headers_leave_no_line_in_the_log(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    port_file = tmp_path / "port"
    with program(tmp_path, "--listen=127.0.0.1:0", f"--port-file={port_file}", "--lame-duck=0") as process:
        port = wait_for(port_file)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(MALFORMED)
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            assert pb_grpc.SimilarityServiceStub(channel).GetIndexInfo(pb.GetIndexInfoRequest()).artists == 6
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=START_S)
    assert "hpack" not in said
    assert "Error" not in said


def test_a_client_may_ping_every_ten_seconds_without_a_call() -> None:
    """Go clients do. gRPC closes the connection of one that pings more often than this, or without leave."""
    options = dict(OPTIONS)
    assert options["grpc.http2.min_ping_interval_without_data_ms"] < 10_000
    assert options["grpc.keepalive_permit_without_calls"] == 1


def test_a_second_signal_a_second_later_ends_the_drain(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    options = ("--listen", "127.0.0.1:0", "--port-file", str(port_file), "--lame-duck", "60")
    write_generation(tmp_path, MADE)
    with program(tmp_path, *options) as process:
        address = f"127.0.0.1:{wait_for(port_file)}"
        with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            assert pb_grpc.SimilarityServiceStub(channel).GetIndexInfo(pb.GetIndexInfoRequest()).artists == 6
            process.send_signal(signal.SIGTERM)
            wait_for_the_end_to_be_told(health_pb2_grpc.HealthStub(channel))  # the second counts from when it was heard
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == -signal.SIGTERM


def test_a_port_in_use_is_one_clear_line(made: Served, tmp_path: Path) -> None:
    with program(tmp_path, "--listen", f"127.0.0.1:{made.port}") as process:
        _, said = process.communicate(timeout=START_S)
    assert process.returncode == 75
    assert said.count("\n") == 1
    assert f"127.0.0.1:{made.port} is held by another program" in said


def test_a_generation_built_for_less_than_the_use_is_not_served(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    port_file = tmp_path / "port"
    with program(tmp_path, "--profile", "commercial", "--listen=127.0.0.1:0", f"--port-file={port_file}") as process:
        _, said = process.communicate(timeout=START_S)
    assert process.returncode == 1
    assert said.startswith("soundkin: generation v00000001 is licensed for personal use")
    assert said.count("\n") == 1
    assert not port_file.exists()


def test_listening_beyond_this_machine_warns_that_there_is_no_authentication(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    with program(tmp_path, "--listen", "0.0.0.0:0", "--port-file", str(port_file), "--wait") as process:
        wait_for(port_file)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=START_S)
    assert process.returncode == 0
    assert "no authentication" in said


@pytest.mark.parametrize("text", ["", "50051", ":50051", "host:", "host:x", "host:65536", "::1:5", "[host:5", "h:²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is not HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("::", False),
        ("192.0.2.1", False),
        ("example.org", False),
    ],
)
def test_only_loopback_is_taken_for_loopback(host: str, is_loopback: bool) -> None:
    assert Address(host=host, port=1).is_loopback is is_loopback


def test_a_home_in_which_nothing_was_published_ends_the_server_with_78(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    with program(tmp_path, "--listen=127.0.0.1:0", f"--port-file={port_file}", "--lame-duck=60") as process:
        _, said = process.communicate(timeout=START_S)
    assert process.returncode == 78
    assert said.splitlines()[-1].startswith(f"soundkin: nothing is published in {tmp_path}; run soundkin scan, embed")
    assert "--wait" in said.splitlines()[-1]
    assert not port_file.exists()


def test_with_nothing_that_verifies_the_server_ends_with_78_and_says_what_is_wrong(tmp_path: Path) -> None:
    for version in (1, 2):
        folder = write_generation(tmp_path, MADE, version=version)
        (folder / "genres.utf8.npy").unlink()
    with program(tmp_path, "--listen=127.0.0.1:0") as process:
        _, said = process.communicate(timeout=START_S)
    assert process.returncode == 78
    assert [line.count("rejected (checksum)") for line in said.splitlines()].count(1) == 2
    assert "soundkin: no generation can be served: generation v00000002: " in said.splitlines()[-1]
    assert "build and publish it again" in said.splitlines()[-1]


def test_a_server_told_to_wait_stays_up_until_something_is_published(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    with program(tmp_path, "--listen=127.0.0.1:0", f"--port-file={port_file}", "--wait") as process:
        address = f"127.0.0.1:{wait_for(port_file)}"
        with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            health, check = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest()
            time.sleep(1.5)
            assert health.Check(check).status == health_pb2.HealthCheckResponse.NOT_SERVING
            write_generation(tmp_path, MADE)
            eventually(lambda: health.Check(check).status == health_pb2.HealthCheckResponse.SERVING)
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == 0


def test_an_open_watch_of_health_sees_the_end_coming_and_does_not_hold_it_up(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    port_file = tmp_path / "port"
    options = ("--listen=127.0.0.1:0", f"--port-file={port_file}", "--lame-duck=0.5", "--grace=60")
    with program(tmp_path, *options) as process:
        address = f"127.0.0.1:{wait_for(port_file)}"
        with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=2 * START_S)
            states = (answer.status for answer in watching)
            while next(states) != health_pb2.HealthCheckResponse.SERVING:
                pass
            process.send_signal(signal.SIGTERM)
            assert list(states) == [health_pb2.HealthCheckResponse.NOT_SERVING]
            assert process.wait(START_S) == 0


def test_figures_are_served_only_when_asked_for_and_only_to_this_machine(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    port_file = tmp_path / "port"
    with program(tmp_path, "--listen=127.0.0.1:0", f"--port-file={port_file}", "--metrics-port=0") as process:
        wait_for(port_file)
        listening = [c.laddr for c in psutil.Process(process.pid).net_connections("tcp") if c.status == "LISTEN"]
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=START_S)
    assert len(listening) == 2
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    announced = re.search(r"metrics on http://127\.0\.0\.1:(\d+)/metrics", said)
    assert announced is not None
    assert int(announced[1]) in {address.port for address in listening}


def test_without_the_option_nothing_but_grpc_listens(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    port_file = tmp_path / "port"
    with program(tmp_path, "--listen=127.0.0.1:0", f"--port-file={port_file}") as process:
        port = wait_for(port_file)
        listening = [c.laddr.port for c in psutil.Process(process.pid).net_connections("tcp") if c.status == "LISTEN"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=START_S)
    assert listening == [port]


def test_a_port_of_figures_in_use_is_one_clear_line(made: Served, tmp_path: Path) -> None:
    with program(tmp_path, "--listen=127.0.0.1:0", f"--metrics-port={made.metrics_port}") as process:
        _, said = process.communicate(timeout=START_S)
    assert process.returncode == 75
    assert said.count("\n") == 1
    assert f"127.0.0.1:{made.metrics_port} is held by another program (--metrics-port takes another port)" in said


def test_reflection_lists_the_services(made: Served) -> None:
    services = ProtoReflectionDescriptorDatabase(made.channel).get_services()
    assert sorted(services) == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "soundkin.v1.SimilarityService",
    ]


def test_a_method_found_by_reflection_can_be_called(made: Served) -> None:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(made.channel))
    service = pool.FindServiceByName("soundkin.v1.SimilarityService")
    assert {method.name for method in service.methods} >= {"SimilarArtists", "RankArtists", "BatchRankArtists"}
    method = service.methods_by_name["SimilarArtists"]
    asked, answered = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = made.channel.unary_unary(
        f"/{service.full_name}/{method.name}",
        request_serializer=asked.SerializeToString,
        response_deserializer=answered.FromString,
    )
    request = asked()
    request.seeds.add().name = "ay"  # type: ignore[attr-defined]  # made from the descriptor
    reply = call(request)
    assert [scored.artist.name for scored in reply.artists] == ["Bee", "Cé"]


def test_paths_of_files_are_shown_only_when_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shows(*words: str) -> object:
        return serve.make_context("serve", ["--home", str(tmp_path), *words]).params["show_paths"]

    assert (shows(), shows("--show-paths")) == (False, True)
    monkeypatch.setenv("SOUNDKIN_SHOW_PATHS", "1")
    assert shows() is True
