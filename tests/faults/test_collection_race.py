"""Publishing and collecting without pause under readers that hold what they read: nobody ever misses a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.maintain.collect import CollectOptions, collect
from recommender.generation.open_generation import VERSIONS
from tests.faults.homes import add_tracks, build_and_publish, served

ROOT = Path(__file__).resolve().parents[2]
READERS = 4


@contextmanager
def readers(home: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Programs that read ``home`` for the block."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.faults.reading", home]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) for _ in range(READERS)]  # type: ignore[call-overload]  # the pipes by name
    try:
        for reader in started:
            assert reader.stdout.readline() == "ready\n", reader.stderr.read()
        yield started
    finally:
        for reader in started:
            reader.kill()
            reader.wait()
            for pipe in (reader.stdin, reader.stdout, reader.stderr):
                pipe.close()


def stop(reader: subprocess.Popen[str]) -> dict[str, int]:
    """What a reader counted."""
    said, complaints = reader.communicate("stop\n", timeout=60)
    assert reader.returncode == 0, complaints
    counted: dict[str, int] = json.loads(said)
    return counted


@pytest.mark.parametrize("publishes", [30, pytest.param(300, marks=pytest.mark.faults)])
def test_collection_never_takes_what_a_reader_has_open(publishes: int, tmp_path: Path) -> None:
    home = tmp_path / "home"
    add_tracks(home, range(6))
    build_and_publish(home)
    freed, deferred = 0, 0
    with readers(home) as started:
        for _ in range(publishes):
            build_and_publish(home)
            done = collect(home, CollectOptions(keep=1, min_age_hours=0))
            freed += len(done.removed)
            deferred += len(done.leased)
        counted: Counter[str] = Counter()
        for reader in started:
            counted.update(stop(reader))
    print(f"{publishes} publishes, {freed} collected, {deferred} deferred by a lease; 4 readers: {dict(counted)}")
    assert served(home) == publishes + 1
    assert counted["errors"] == 0
    assert counted["opened"] >= READERS
    collect(home, CollectOptions(keep=1, min_age_hours=0))
    assert len(list((home / VERSIONS).iterdir())) == 1
