"""Leases: what is read is not collected, and what was collected is not read."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from recommender.errors import GenerationCorrupt
from recommender.generation.lease import LEASE, Lease, try_exclusive


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "v00000001"
    made.mkdir()
    (made / LEASE).touch(mode=0o444)
    made.chmod(0o555)
    return made


def is_free(folder: Path) -> bool:
    with try_exclusive(folder) as free:
        return free


def test_a_folder_is_free_until_a_reader_takes_it_and_again_once_all_have_given_it_back(folder: Path) -> None:
    assert is_free(folder)
    first, second = Lease.take(folder), Lease.take(folder)
    assert not is_free(folder)
    first.release()
    assert not is_free(folder)
    second.release()
    second.release()
    assert is_free(folder)


def test_leaving_the_block_gives_the_lease_back(folder: Path) -> None:
    with Lease.take(folder):
        assert not is_free(folder)
    assert is_free(folder)


def test_a_folder_without_a_lease_file_is_free_and_cannot_be_taken(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / LEASE).unlink()
    assert is_free(folder)
    with pytest.raises(GenerationCorrupt, match="LEASE: cannot be opened"):
        Lease.take(folder)


def test_a_folder_that_is_gone_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(GenerationCorrupt, match="v00000009"):
        Lease.take(tmp_path / "v00000009")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_reader_that_waited_for_the_collector_learns_that_the_folder_is_gone(folder: Path, replaced: bool) -> None:
    caught: list[GenerationCorrupt] = []

    def read() -> None:
        try:
            Lease.take(folder)
        except GenerationCorrupt as error:
            caught.append(error)

    reader = threading.Thread(target=read)
    with try_exclusive(folder) as free:
        assert free
        reader.start()
        wait_for_a_waiter(folder)
        folder.rename(folder.with_name("trash.v00000001"))
        if replaced:
            folder.mkdir()
            (folder / LEASE).touch()
    reader.join(10)
    word = "replaced" if replaced else "collected"
    assert [word in error.problem for error in caught] == [True]


def wait_for_a_waiter(folder: Path) -> None:
    """Until the kernel lists a process that waits for the LEASE of ``folder``."""
    inode = str((folder / LEASE).stat().st_ino)
    locks = Path("/proc/locks")
    if not locks.exists():
        pytest.skip("only Linux lists who waits for a lock")
    for _ in range(1000):
        if any("->" in line and f":{inode} " in line for line in locks.read_text().splitlines()):
            return
        threading.Event().wait(0.01)
    pytest.fail("nobody came to wait for the lease")


def test_a_killed_reader_holds_nothing(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from recommender.generation.lease import Lease\n"
        "lease = Lease.take(Path(sys.argv[1])); print('taken', flush=True); sys.stdin.read()"
    )
    root = Path(__file__).resolve().parents[3]
    reader = subprocess.Popen(
        [sys.executable, "-c", program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    )
    with reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"taken\n"
        assert not is_free(folder)
        os.kill(reader.pid, signal.SIGKILL)
    assert is_free(folder)


def test_the_lease_is_not_inherited_by_programs_that_are_started(folder: Path) -> None:
    with Lease.take(folder):
        child = subprocess.Popen(["sleep", "30"])
    try:
        with (folder / LEASE).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        child.kill()
        child.wait()
