"""One writer: the second is told at once who the first is, and a killed one holds nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.files.locks import exclusive, require_free
from recommender.errors import Busy

ROOT = Path(__file__).resolve().parents[3]
HOLD = (
    "import sys; from pathlib import Path; from indexer.files.locks import exclusive\n"
    "with exclusive(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds ``LOCK``."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "LOCK")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_holder_is_named(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    named = f"process {holder.pid} on {socket.gethostname()}"
    with pytest.raises(Busy, match=named), exclusive(tmp_path / "LOCK"):
        pass
    with pytest.raises(Busy, match=named):
        require_free(tmp_path / "LOCK")


def test_a_killed_holder_holds_nothing(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    require_free(tmp_path / "LOCK")
    with exclusive(tmp_path / "LOCK"):
        pass


def test_a_lock_that_nobody_ever_took_is_free_and_is_not_made(tmp_path: Path) -> None:
    require_free(tmp_path / "LOCK")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_a_byte_left_keeps_nobody_from_the_lock(tmp_path: Path) -> None:
    full = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); {HOLD}"
    command = [sys.executable, "-c", full, str(tmp_path / "LOCK")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, input="", text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "held\n"), done.stderr
    assert (tmp_path / "LOCK").read_bytes() == b""


@pytest.mark.parametrize("command", ["build", "publish", "rollback", "collect"])
def test_a_second_command_exits_75_within_a_second_and_names_the_holder(
    command: str, tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    def run() -> float:
        before = os.times().children_user + os.times().children_system
        words = [sys.executable, "soundkin.py", command, "--home", str(tmp_path)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 75
        assert f"process {holder.pid} on" in done.stderr
        return os.times().children_user + os.times().children_system - before

    assert min(run() for _ in range(3)) < 1
