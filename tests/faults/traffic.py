"""Requests at a steady rate, whatever becomes of them: how many failed, and which replies speak of two generations.

Every id and name in a made generation begins with its version ("g7-"), so a reply that mixes two shows it.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

from pb import soundkin_pb2 as pb
from pb import soundkin_pb2_grpc as pb_grpc
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_space

DEADLINE_S = 20.0
"""Long, for the tests may run on a busy machine: a late reply is not a lost one."""
ARTISTS = 300
LAYERS = ("low", "high")


@dataclass(slots=True)
class Seen:
    """What became of the requests."""

    versions: Counter[int] = field(default_factory=Counter)
    """Generation -> replies from it."""
    degraded: int = 0
    failed: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    asked: int = 0
    slowest_s: float = 0.0

    @property
    def answered(self) -> int:
        """Replies, good or mixed."""
        return self.versions.total()


def made_generation(version: int, *, tracks: int, dim: int) -> MadeCatalog:
    """A catalog whose every id, name and title says ``version``, and in which the same external ids are known.

    ``tracks * dim * 8`` bytes of track vectors, and others in each version.
    """
    drawn = np.random.default_rng(version).normal(size=(len(LAYERS), tracks, dim)).astype(np.float32)
    return MadeCatalog(
        artists=tuple(_artist(version, number, drawn) for number in range(ARTISTS)), space=make_space(LAYERS, dim=dim)
    )


def _artist(version: int, number: int, drawn: np.ndarray[Any, np.dtype[np.float32]]) -> MadeArtist:
    mine = range(number, drawn.shape[1], ARTISTS)
    return MadeArtist(
        id=f"g{version}-artist-{number:03}",
        name=f"g{version}-Artist {number}",
        external_ids={"mbid": f"m-{number}"},
        genres={f"g{version}-genre": 1.0},
        tracks=tuple(
            MadeTrack(
                id=f"g{version}-track-{track:06}",
                title=f"g{version}-Track {track}",
                vectors={layer: drawn[at, track] for at, layer in enumerate(LAYERS)},
            )
            for track in mine
        ),
    )


def requests(stub: Any, dim: int) -> Iterator[tuple[Any, Any]]:
    """Methods with what to ask them, over and over. Each can be answered from any of the made generations."""
    refs = [pb.ArtistRef(external_id=pb.ExternalId(namespace="mbid", value=f"m-{number}")) for number in range(ARTISTS)]
    vector = pb.SpaceVector(space=make_space(LAYERS, dim=dim).key, layer="low", values=[1.0] * dim)
    for a, b in itertools.cycle(itertools.pairwise(refs)):
        yield stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=[a], limit=10, explain=True)
        yield stub.CompareArtists, pb.CompareArtistsRequest(a=a, b=b)
        yield stub.GetArtist, pb.GetArtistRequest(artist=a)
        yield stub.SimilarTracks, pb.SimilarTracksRequest(vector=vector, limit=10)
        yield stub.ResolveArtists, pb.ResolveArtistsRequest(refs=[a, b])


def judge(seen: Seen, reply: Any) -> None:
    """Count ``reply``, and tell whether every word in it is of the generation it names."""
    version = reply.generation.version
    seen.versions[version] += 1
    seen.degraded += reply.generation.degraded
    spoken_of = set(re.findall(r"\bg(\d+)-", str(reply)))
    if spoken_of != {str(version)}:
        seen.mixed.append(f"version {version} speaks of {sorted(spoken_of)}")


@contextmanager
def traffic(port: int, *, rps: float, dim: int) -> Iterator[Seen]:
    """Ask the server on ``port`` ``rps`` times a second for the block; what was seen is complete after it."""
    seen, lock, stop, pending = Seen(), threading.Lock(), threading.Event(), threading.Semaphore(0)

    def ended(started: float) -> Callable[[Any], None]:
        def tell(future: Any) -> None:
            with lock:
                seen.slowest_s = max(seen.slowest_s, time.monotonic() - started)
                if future.code() is grpc.StatusCode.OK:
                    judge(seen, future.result())
                else:
                    seen.failed.append(f"{future.code().name}: {future.details()}")
            pending.release()

        return tell

    def ask(stub: Any) -> None:
        due = time.monotonic()
        for method, request in requests(stub, dim):
            if stop.wait(max(due - time.monotonic(), 0.0)):
                return
            due += 1 / rps
            seen.asked += 1
            method.future(request, timeout=DEADLINE_S).add_done_callback(ended(time.monotonic()))

    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        asking = threading.Thread(target=ask, args=(pb_grpc.SimilarityServiceStub(channel),))
        asking.start()
        try:
            yield seen
        finally:
            stop.set()
            asking.join()
            for _ in range(seen.asked):
                assert pending.acquire(timeout=2 * DEADLINE_S), "a request never ended"
