"""Bytes that are no gRPC, sent to the port of a server that others use."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pb import soundkin_pb2 as pb
from tests.factories import write_generation
from tests.server.ask import eventually
from tests.server.conftest import MADE, Served, serving

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000040000000000")
INFO = pb.GetIndexInfoRequest()


def headers_frame(path: bytes) -> bytes:
    """A HEADERS frame of a call of ``path``, with literal fields that are in no table."""

    def field(name: bytes, value: bytes) -> bytes:
        return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value

    block = b"\x83\x86" + field(b":path", path) + field(b":authority", b"x")
    block += field(b"content-type", b"application/grpc") + field(b"te", b"trailers")
    return len(block).to_bytes(3, "big") + b"\x01\x04" + (1).to_bytes(4, "big") + block


def send(port: int, raw: bytes) -> None:
    """Open a connection, send, read a little of what comes, and leave."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.settimeout(0.2)
        try:
            connection.sendall(raw)
            connection.recv(4096)
        except OSError:
            return


def mutated(raw: bytes, drawn: random.Random) -> bytes:
    """``raw`` with some bytes altered, left out or put in."""
    changed = bytearray(raw)
    for _ in range(drawn.randint(1, 8)):
        place = drawn.randrange(len(changed))
        match drawn.randrange(3):
            case 0:
                changed[place] ^= 1 << drawn.randrange(8)
            case 1:
                del changed[place : place + drawn.randint(1, 4)]
            case _:
                changed[place:place] = drawn.randbytes(drawn.randint(1, 8))
        if not changed:
            changed = bytearray(drawn.randbytes(4))
    return bytes(changed)


class Client:
    """A client that asks on and on, in a thread of its own, without trying again."""

    def __init__(self, served: Served) -> None:
        self.answered, self.failed = 0, list[str]()
        self._served, self._enough = served, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Client:
        self._thread.start()
        eventually(lambda: self.answered > 0)
        return self

    def __exit__(self, *raised: object) -> None:
        self._enough.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._enough.is_set():
            try:
                self._served.stub.GetIndexInfo(INFO, timeout=10)
                self.answered += 1
            except grpc.RpcError as error:
                self.failed.append(str(error))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    write_generation(tmp_path, MADE)
    with serving(tmp_path) as running:
        yield running


def test_a_path_that_is_not_utf_8_is_answered_and_harms_nobody(served: Served) -> None:
    with Client(served) as client:
        for _ in range(20):
            send(served.port, PREFACE + SETTINGS + headers_frame(b"/soundkin.v1.SimilarityService/Get\xff"))
        so_far = client.answered
        eventually(lambda: client.answered > so_far)
    assert client.failed == []
    check = health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest())
    assert check.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("sequences", [150, pytest.param(100_000, marks=pytest.mark.faults)])
def test_altered_frames_harm_nobody(sequences: int, served: Served) -> None:
    drawn = random.Random(7)
    whole = PREFACE + SETTINGS + headers_frame(b"/soundkin.v1.SimilarityService/GetIndexInfo")
    whole += bytes.fromhex("000005000100000001") + bytes(5)
    with Client(served) as client:
        for _ in range(sequences):
            send(served.port, mutated(whole, drawn))
        so_far = client.answered
        eventually(lambda: client.answered > so_far)
    assert client.failed == []
    assert served.stub.GetIndexInfo(INFO).artists == len(MADE.artists)


def test_calls_that_never_send_their_message_do_not_keep_others_from_an_answer(served: Served) -> None:
    silent = []
    for _ in range(40):
        connection = socket.create_connection(("127.0.0.1", served.port), timeout=5)
        connection.sendall(PREFACE + SETTINGS + headers_frame(b"/soundkin.v1.SimilarityService/SimilarArtists"))
        silent.append(connection)
    assert served.stub.GetIndexInfo(INFO, timeout=10).artists == len(MADE.artists)
    for connection in silent:
        connection.close()
