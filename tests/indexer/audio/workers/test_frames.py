"""Messages between a decoder and its parent: whole, bounded, in time, and never more than the memory they share."""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.audio.workers.frames import Room, receive, send
from indexer.audio.workers.shared_slot import Slot, make_slot

ROOM = Room(head_bytes=100, body_bytes=1000)
LENGTHS = struct.Struct("<QQ?")
needs_slot = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has memory without a name")


@pytest.fixture
def pipes() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def slot() -> Iterator[Slot]:
    made = make_slot(4096)
    assert made is not None
    yield made
    made.close()


def test_a_message_arrives_in_its_two_parts(pipes: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipes
    send(theirs.fileno(), (b"head", memoryview(b"body")))
    send(theirs.fileno(), b"alone")
    first, second = receive(ours.fileno(), ROOM), receive(ours.fileno(), ROOM)
    assert (bytes(first.head), bytes(first.body)) == (b"head", b"body")
    assert (bytes(second.head), bytes(second.body)) == (b"alone", b"")


@needs_slot
def test_a_body_that_fits_the_slot_never_enters_the_pipe(
    pipes: tuple[socket.socket, socket.socket], slot: Slot
) -> None:
    ours, theirs = pipes
    send(theirs.fileno(), (b"head", memoryview(b"body" * 200)), slot)
    raw = ours.recv(10_000, socket.MSG_PEEK)
    assert raw == LENGTHS.pack(4, 800, True) + b"head"
    assert bytes(receive(ours.fileno(), ROOM, slot=slot).body) == b"body" * 200


@needs_slot
def test_a_body_too_large_for_the_slot_goes_through_the_pipe(
    pipes: tuple[socket.socket, socket.socket], slot: Slot
) -> None:
    ours, theirs = pipes
    send(theirs.fileno(), (b"head", memoryview(bytes(4097))), slot)
    assert len(receive(ours.fileno(), Room(head_bytes=4, body_bytes=4097), slot=slot).body) == 4097


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
        receive(ours.fileno(), ROOM)


@needs_slot
def test_a_message_that_claims_more_than_the_slot_holds_is_refused(
    pipes: tuple[socket.socket, socket.socket], slot: Slot
) -> None:
    ours, theirs = pipes
    theirs.send(LENGTHS.pack(4, 4097, True) + b"head")
    with pytest.raises(OSError, match="do not fit"):
        receive(ours.fileno(), Room(head_bytes=4, body_bytes=1 << 20), slot=slot)


def test_a_message_that_claims_a_slot_where_there_is_none_is_refused(
    pipes: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pipes
    theirs.send(LENGTHS.pack(4, 8, True) + b"head")
    with pytest.raises(OSError, match="do not fit"):
        receive(ours.fileno(), ROOM)


@pytest.mark.parametrize("cut", [0, 5, 17, 19, 22])
def test_a_message_that_ends_early_is_an_end_of_file(pipes: tuple[socket.socket, socket.socket], cut: int) -> None:
    ours, theirs = pipes
    theirs.send((LENGTHS.pack(4, 4, False) + b"headbody")[:cut])
    theirs.close()
    with pytest.raises(EOFError):
        receive(ours.fileno(), ROOM)


def test_a_message_that_comes_in_drops_is_late_as_a_whole(pipes: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipes
    theirs.send(LENGTHS.pack(4, 0, False) + b"hea")
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        receive(ours.fileno(), ROOM, timeout_s=0.2)
    assert 0.15 < time.monotonic() - started < 5


@given(raw=st.binary(max_size=60))
def test_whatever_a_decoder_writes_is_a_message_within_bounds_or_refused(raw: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(raw)
        theirs.close()
        try:
            found = receive(ours.fileno(), ROOM)
        except (EOFError, OSError):
            return
    assert raw.startswith(LENGTHS.pack(len(found.head), len(found.body), False) + found.head + found.body)


@needs_slot
def test_a_slot_has_no_name_and_cannot_change_its_size(slot: Slot) -> None:
    assert os.readlink(f"/proc/self/fd/{slot.descriptor}").endswith("(deleted)")
    for size in (0, 4095, 4097):
        with pytest.raises(PermissionError):
            os.ftruncate(slot.descriptor, size)


@needs_slot
def test_what_does_not_fit_a_slot_is_not_put_there(slot: Slot) -> None:
    with pytest.raises(IndexError, match="4097 bytes; 4096 fit"):
        slot.put(memoryview(bytes(4097)))
