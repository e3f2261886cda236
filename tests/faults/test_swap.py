"""Generations that change under traffic, a corrupt one and a killed publish among them: nobody notices."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from indexer.files.failpoints import VARIABLE
from indexer.files.home import STAGING
from indexer.publish.publish import point_to
from pb import soundkin_pb2 as pb
from recommender.generation.open_generation import VERSIONS, folder_name, index_file, read_manifest
from tests.factories import write_generation
from tests.faults.homes import publish, served
from tests.faults.traffic import Seen, judge, made_generation, traffic
from tests.server.ask import figures

ROOT = Path(__file__).resolve().parents[2]
START_S = 60
SOON_S = 60
TRACKS, DIM = 3_000, 2_048
BYTES = TRACKS * DIM * 4 * 2
"""Of the track vectors of a made generation: 49 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A server in a process of its own."""

    process: psutil.Process
    port: int
    metrics_port: int

    def figure(self, name: str) -> float:
        """A figure from its page of metrics."""
        return figures(self.metrics_port)[name]

    @property
    def resident(self) -> int:
        """Bytes of memory it holds, mapped files counted."""
        return int(self.process.memory_info().rss)


@contextmanager
def server(home: Path) -> Iterator[Program]:
    """``soundkin serve`` on ``home`` for the block; it must end well."""
    port_file, log = home / "port", home / "server.log"
    command = [sys.executable, "soundkin.py", "serve", "--home", str(home), "--listen=127.0.0.1:0", "--metrics-port=0"]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [*command, "--port-file", str(port_file), "--log-level=warning"], cwd=ROOT, stderr=stderr
        ) as process,
    ):
        try:
            until(port_file.exists, START_S)
            port = int(port_file.read_text())
            found = psutil.Process(process.pid)
            (metrics_port,) = {c.laddr.port for c in found.net_connections("tcp") if c.status == "LISTEN"} - {port}
            yield Program(process=found, port=port, metrics_port=metrics_port)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def until(holds: Callable[[], bool], seconds: float = SOON_S) -> None:
    """Wait until ``holds``; fails when it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


def stage(home: Path, version: int) -> Path:
    """A made generation where a build would leave it."""
    folder = write_generation(home / "making", made_generation(version, tracks=TRACKS, dim=DIM), version=version)
    (home / STAGING).mkdir(exist_ok=True)
    return folder.rename(home / STAGING / folder.name)


def publish_corrupt(home: Path, version: int) -> None:
    """One that was published well, and of which one bit was turned before anybody could open it."""
    folder = stage(home, version)
    _, digest = read_manifest(folder)
    file = folder / index_file(1, "tracks")
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)[0]
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte ^ 1]))
    folder.rename(home / VERSIONS / folder.name)
    point_to(home, version, digest)


def publish_and_die(home: Path, version: int) -> None:
    """A publish that is killed when the folder has its name and CURRENT does not point to it yet."""
    stage(home, version)
    environment = {**os.environ, VARIABLE: "publish.frozen:kill", "SOUNDKIN_HOME": str(home)}
    done = subprocess.run([sys.executable, "soundkin.py", "publish"], cwd=ROOT, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (home / VERSIONS / folder_name(version)).exists()
    assert served(home) != version


def publish_well(home: Path, version: int) -> None:
    """Through the gate, and then nothing older is kept but for the one that is being left."""
    stage(home, version)
    publish(home)
    for folder in sorted((home / VERSIONS).iterdir())[:-2]:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_reply_that_speaks_of_two_generations_is_seen() -> None:
    seen, one, other = Seen(), pb.ArtistSummary(id="g1-artist", name="g1-A"), pb.ArtistSummary(id="g2-artist", name="A")
    judge(seen, pb.CompareArtistsResponse(generation=pb.Generation(version=1), a=one, b=one))
    assert seen.mixed == []
    judge(seen, pb.CompareArtistsResponse(generation=pb.Generation(version=1), a=one, b=other))
    judge(seen, pb.CompareArtistsResponse(generation=pb.Generation(version=2), a=one, b=one))
    assert seen.mixed == ["version 1 speaks of ['1', '2']", "version 2 speaks of ['1']"]


def swap(home: Path, program: Program, seen: Seen, version: int, *, harm: str) -> int:
    """Publish, after what ``harm`` says went wrong, until a reply is from the new generation; its version."""
    if harm == "corrupt":
        publish_corrupt(home, version)
        until(
            lambda: program.figure('soundkin_generation_rejected_total{reason="checksum"}') == 1 and seen.degraded > 0
        )
        version += 1
    if harm == "killed":
        publish_and_die(home, version)
        version += 1
    publish_well(home, version)
    until(lambda: program.figure("soundkin_generation_version") == version and seen.versions[version] > 0)
    return version


@pytest.mark.parametrize(
    ("swaps", "rps"), [pytest.param(5, 30, id="5"), pytest.param(30, 100, id="30", marks=pytest.mark.faults)]
)
def test_swaps_under_traffic_lose_nothing_mix_nothing_and_give_the_memory_back(
    swaps: int, rps: int, tmp_path: Path
) -> None:
    publish_well(tmp_path, 1)
    harms = {swaps // 3: "corrupt", 2 * swaps // 3: "killed"}
    version = most = 1
    with server(tmp_path) as program:
        with traffic(program.port, rps=rps, dim=DIM) as seen:
            until(lambda: seen.answered > 3 * rps)
            resident, descriptors = program.resident, program.process.num_fds()
            for number in range(swaps):
                version = swap(tmp_path, program, seen, version + 1, harm=harms.get(number, ""))
                most = max(most, program.resident)
        until(lambda: program.figure("soundkin_generations_loaded") == 1)
        print(
            f"{swaps} swaps at {rps} requests/s: "
            f"{seen.asked} asked, {len(seen.failed)} failed, {len(seen.mixed)} mixed, "
            f"from {len(seen.versions)} generations, {seen.degraded} degraded, slowest {seen.slowest_s:.2f} s; "
            f"memory {resident / 1e6:.0f} MB at first, {most / 1e6:.0f} at most, {program.resident / 1e6:.0f} after; "
            f"a generation has {BYTES / 1e6:.0f}"
        )
        assert program.figure("soundkin_generation_swaps_total") == swaps + 1
        until(lambda: program.resident - resident < 0.5 * BYTES)
        assert program.process.num_fds() <= descriptors + 2
    assert (seen.failed, seen.mixed) == ([], [])
    assert seen.answered == seen.asked
    assert len(seen.versions) == swaps + 1
    assert version == swaps + 3
    assert seen.degraded > 0
