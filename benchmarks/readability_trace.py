"""Records which files one SimilarArtists request enters in the server of a tree, over gRPC.

Server, home and commands are those of the tree; only the request is sent by this checkout, so that trees with other
modules can be compared. ``soundkin demo`` makes the home; the seed is its artist with most tracks, the limit is 5,
without explanation.

Counted, on the commit a5b8e6a with CPython 3.11:

- files entered by the answering thread: 30. The thread with most calls; the event loop, which guards, counts and hands
  over, is left out. With it: 36.
- calls over a file border, in all threads: 271. A call event of ``sys.setprofile`` whose frame and whose immediate
  caller's frame are in different files of the project. A generator or coroutine that is resumed counts again; a
  comprehension is a frame of its own file; generated stubs are no files of the project, nor is what the standard
  library calls back.

The same request gives the same calls; only the look at CURRENT, once a second, may fall into a recording. So each
request is asked ``TIMES`` times and the recording with fewest calls counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import grpc

from benchmarks.measurement import ONE_THREAD
from benchmarks.readability_recorder import Call
from pb import soundkin_pb2 as pb

RECORDER = Path(__file__).with_name("readability_recorder.py")
METHOD = "/soundkin.v1.SimilarityService/SimilarArtists"
SEED = "Hettie Larkhollow"
TIMES = 5
START_S = 60.0
PLAIN = pb.SimilarArtistsRequest(seeds=[pb.ArtistRef(name=SEED)], limit=5)
EXPLAINED = pb.SimilarArtistsRequest(seeds=[pb.ArtistRef(name=SEED)], limit=20, explain=True)


class NotServed(Exception):
    """The demo or the server of a tree did not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The files and calls of one request."""

    answering: tuple[str, ...]
    """Files the answering thread entered, sorted."""
    entered: tuple[str, ...]
    """Files any thread entered, sorted."""
    borders: dict[str, int]
    """``caller -> callee`` -> calls over that border, most first."""

    @property
    def crossings(self) -> int:
        """Calls over a file border."""
        return sum(self.borders.values())

    def by_file(self) -> list[tuple[str, int, int]]:
        """Every file entered with the calls over a border into it and out of it, most first."""
        into, out = Counter[str](), Counter[str]()
        for border, calls in self.borders.items():
            caller, callee = border.split(" -> ")
            into[callee] += calls
            out[caller] += calls
        return sorted(((file, into[file], out[file]) for file in self.entered), key=lambda row: -row[1] - row[2])


def trace_of(calls: Sequence[Call]) -> Trace:
    """Summary of a recording."""
    threads = Counter(thread for thread, _, _ in calls)
    busiest = max(threads, key=lambda thread: threads[thread], default="")
    borders = Counter(f"{caller} -> {callee}" for _, caller, callee in calls if caller and caller != callee)
    return Trace(
        answering=tuple(sorted({callee for thread, _, callee in calls if thread == busiest})),
        entered=tuple(sorted({callee for _, _, callee in calls})),
        borders=dict(borders.most_common()),
    )


def traces(tree: Path, home: Path) -> tuple[Trace, Trace]:
    """The demo's request, and one with limit 20 and every explanation, to the tree's server on ``home``.

    A home without a published generation is filled by the tree's ``soundkin demo`` first, which takes most of a minute.
    """
    if not (home / "CURRENT").exists():
        make_home(tree, home)
    with recorded_server(tree, home) as (server, port):
        return _trace(server, port, PLAIN), _trace(server, port, EXPLAINED)


def make_home(tree: Path, home: Path) -> None:
    """Run the tree's demo in ``home``."""
    home.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-P", "-m", "soundkin", "demo", "--home", str(home)]
    done = subprocess.run(words, cwd=home, env=environment(tree), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotServed(f"the demo of {tree} failed: {done.stderr.strip()[-2000:]}")


def environment(tree: Path) -> dict[str, str]:
    """This environment with the modules of ``tree`` and without the user's settings."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDKIN_")}
    return others | ONE_THREAD | {"PYTHONPATH": str(tree)}


@contextmanager
def recorded_server(tree: Path, home: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The tree's server under the recorder for the block, and its port."""
    port_file, log = home / "readability.port", home / "readability.log"
    port_file.unlink(missing_ok=True)
    serve = ("serve", "--home", str(home), "--listen", "127.0.0.1:0", "--port-file", str(port_file))
    words = [sys.executable, "-P", str(RECORDER), str(tree), *serve]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            words,
            cwd=home,
            env=environment(tree),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        ) as server,
    ):
        try:
            yield server, _port(server, port_file, log)
        finally:
            server.terminate()


def _port(server: subprocess.Popen[str], port_file: Path, log: Path) -> int:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        if port_file.exists() and (text := port_file.read_text()):
            return int(text)
        time.sleep(0.05)
    raise NotServed(f"the server did not start: {log.read_text(errors='replace').strip()[-2000:]}")


def _trace(server: subprocess.Popen[str], port: int, request: pb.SimilarArtistsRequest) -> Trace:
    asked: bytes = request.SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        ask = channel.unary_unary(METHOD, None, None)
        _warm(ask, asked)
        recordings = [_recorded(server, ask, asked) for _ in range(TIMES)]
    return trace_of(min(recordings, key=len))


def _warm(ask: grpc.UnaryUnaryMultiCallable[bytes, bytes], request: bytes) -> None:
    """Send the request until the server has loaded its generation and answered once."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            ask(request, timeout=START_S, wait_for_ready=True)
        except grpc.RpcError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _recorded(
    server: subprocess.Popen[str], ask: grpc.UnaryUnaryMultiCallable[bytes, bytes], request: bytes
) -> list[Call]:
    if server.stdin is None or server.stdout is None:
        raise NotServed("the recorder has no pipes")
    _send(server.stdin, "start")
    server.stdout.readline()
    ask(request, timeout=START_S)
    time.sleep(0.05)  # the reply is out before the guard has written its line in the log
    _send(server.stdin, "stop")
    return [(str(thread), str(caller), str(callee)) for thread, caller, callee in json.loads(server.stdout.readline())]


def _send(pipe: IO[str], word: str) -> None:
    pipe.write(f"{word}\n")
    pipe.flush()
