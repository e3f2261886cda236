"""Memory that two processes see: what is put in is what is seen, as it grows, with memfds and without; or sealed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from indexer.processes.shared_memory import SharedMemory, make_growing_memory, make_sealed_memory

needs_sealed_memory = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has memory without a name")


@pytest.fixture(params=["memfd", "file"])
def growing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SharedMemory:
    if request.param == "file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif not hasattr(os, "memfd_create"):
        pytest.skip("this system has no memfd_create")
    return make_growing_memory()


@pytest.fixture
def sealed() -> Iterator[SharedMemory]:
    memory = make_sealed_memory(4096)
    assert memory is not None
    yield memory
    memory.close()


def test_bytes_are_seen_on_the_other_side_where_they_were_put(growing: SharedMemory) -> None:
    other_side = SharedMemory(os.dup(growing.descriptor))
    growing.reserve(9)
    growing.put(memoryview(b"abcd"))
    growing.view(9)[7:9] = b"yz"
    other_side.map(growing.size)
    assert bytes(other_side.view(9)) == b"abcd\0\0\0yz"
    growing.close()
    other_side.close()


def test_it_grows_and_never_shrinks_and_an_older_view_stays_good(growing: SharedMemory) -> None:
    growing.reserve(8)
    before = growing.view(8)
    growing.reserve(4000)
    growing.reserve(12)
    assert growing.size == 4000
    growing.put(memoryview(b"12345678"))
    assert bytes(before) == b"12345678"
    growing.close()


def test_there_is_nothing_to_see_before_there_is_room(growing: SharedMemory) -> None:
    with pytest.raises(BufferError):
        growing.view(1)
    growing.close()


@needs_sealed_memory
def test_sealed_memory_has_no_name_and_cannot_change_its_size(sealed: SharedMemory) -> None:
    assert os.readlink(f"/proc/self/fd/{sealed.descriptor}").endswith("(deleted)")
    for size in (0, 4095, 4097):
        with pytest.raises(PermissionError):
            os.ftruncate(sealed.descriptor, size)


@needs_sealed_memory
def test_what_does_not_fit_the_memory_is_not_put_there(sealed: SharedMemory) -> None:
    with pytest.raises(IndexError, match="4097 bytes; 4096 fit"):
        sealed.put(memoryview(bytes(4097)))
