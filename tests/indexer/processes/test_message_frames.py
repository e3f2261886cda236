"""Messages between a decoder and its parent: whole, bounded, in time, and never more than the memory they share."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.processes.message_frames import MessageBounds, receive, send
from indexer.processes.shared_memory import SharedMemory, make_sealed_memory

BOUNDS = MessageBounds(head_bytes=100, body_bytes=1000)
LENGTHS = struct.Struct("<QQ?")
needs_sealed_memory = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has memory without a name")


@pytest.fixture
def pipes() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    made = make_sealed_memory(4096)
    assert made is not None
    yield made
    made.close()


def test_a_message_arrives_in_its_two_parts(pipes: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipes
    send(theirs.fileno(), (b"head", memoryview(b"body")))
    send(theirs.fileno(), b"alone")
    first, second = receive(ours.fileno(), BOUNDS), receive(ours.fileno(), BOUNDS)
    assert (bytes(first.head), bytes(first.body)) == (b"head", b"body")
    assert (bytes(second.head), bytes(second.body)) == (b"alone", b"")


@needs_sealed_memory
def test_a_body_that_fits_the_shared_memory_never_enters_the_pipe(
    pipes: tuple[socket.socket, socket.socket], memory: SharedMemory
) -> None:
    ours, theirs = pipes
    send(theirs.fileno(), (b"head", memoryview(b"body" * 200)), memory)
    raw = ours.recv(10_000, socket.MSG_PEEK)
    assert raw == LENGTHS.pack(4, 800, True) + b"head"
    assert bytes(receive(ours.fileno(), BOUNDS, memory=memory).body) == b"body" * 200


@needs_sealed_memory
def test_a_body_too_large_for_the_shared_memory_goes_through_the_pipe(
    pipes: tuple[socket.socket, socket.socket], memory: SharedMemory
) -> None:
    ours, theirs = pipes
    send(theirs.fileno(), (b"head", memoryview(bytes(4097))), memory)
    assert len(receive(ours.fileno(), MessageBounds(head_bytes=4, body_bytes=4097), memory=memory).body) == 4097


@pytest.mark.parametrize(
    ("head", "body", "shared"),
    [(101, 0, False), (4, 1001, False), (1 << 63, 0, False), (4, 1001, True), (4, (1 << 64) - 1, True)],
)
def test_a_message_that_claims_more_than_there_is_room_for_is_refused(
    pipes: tuple[socket.socket, socket.socket], head: int, body: int, shared: bool
) -> None:
    ours, theirs = pipes
    theirs.send(LENGTHS.pack(head, body, shared) + b"head")
    with pytest.raises(OSError, match="at most"):
        receive(ours.fileno(), BOUNDS)


@needs_sealed_memory
def test_a_message_that_claims_more_than_the_shared_memory_holds_is_refused(
    pipes: tuple[socket.socket, socket.socket], memory: SharedMemory
) -> None:
    ours, theirs = pipes
    theirs.send(LENGTHS.pack(4, 4097, True) + b"head")
    with pytest.raises(OSError, match="do not fit"):
        receive(ours.fileno(), MessageBounds(head_bytes=4, body_bytes=1 << 20), memory=memory)


def test_a_message_that_claims_shared_memory_where_there_is_none_is_refused(
    pipes: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pipes
    theirs.send(LENGTHS.pack(4, 8, True) + b"head")
    with pytest.raises(OSError, match="do not fit"):
        receive(ours.fileno(), BOUNDS)


@pytest.mark.parametrize("cut", [0, 5, 17, 19, 22])
def test_a_message_that_ends_early_is_an_end_of_file(pipes: tuple[socket.socket, socket.socket], cut: int) -> None:
    ours, theirs = pipes
    theirs.send((LENGTHS.pack(4, 4, False) + b"headbody")[:cut])
    theirs.close()
    with pytest.raises(EOFError):
        receive(ours.fileno(), BOUNDS)


def test_a_message_that_comes_in_drops_is_late_as_a_whole(pipes: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipes
    theirs.send(LENGTHS.pack(4, 0, False) + b"hea")
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        receive(ours.fileno(), BOUNDS, timeout_s=0.2)
    assert 0.15 < time.monotonic() - started < 5


@given(raw=st.binary(max_size=60))
def test_any_bytes_that_a_decoder_writes_are_a_message_within_bounds_or_refused(raw: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(raw)
        theirs.close()
        try:
            message = receive(ours.fileno(), BOUNDS)
        except (EOFError, OSError):
            return
    assert raw.startswith(LENGTHS.pack(len(message.head), len(message.body), False) + message.head + message.body)
