"""Asks a server for similar artists over loopback and times each answer, for ``benchmarks/recommend.py``.

The server runs in the process that has the generation; the client in one of its own, so that neither's Python slows
the other's.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import grpc

from pb import soundkin_pb2 as pb
from pb import soundkin_pb2_grpc as pb_grpc
from recommender.ranking.artists import Recommender
from server.admission import Admission
from server.interceptors import Guard
from server.metrics import Metrics
from server.reload.loaded_generation import Snapshot
from server.service import SimilarityService

WARM_UP = 20


def ask_service(recommender: Recommender, requests: Sequence[pb.SimilarArtistsRequest]) -> list[float]:
    """Milliseconds that a client waits for the answer to each request. Raises CalledProcessError when one is refused.

    Requests are parsed before the clock starts.
    """
    metrics = Metrics()
    watcher: Any = SimpleNamespace(snapshot=lambda: Snapshot(recommender=recommender))  # Any: what the service uses
    server = grpc.server(ThreadPoolExecutor(4), interceptors=[Guard(metrics)])
    service = SimilarityService(watcher, Admission(metrics), None, metrics)
    pb_grpc.add_SimilarityServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        written = [base64.b64encode(each.SerializeToString()).decode("ascii") for each in requests]
        asked = json.dumps({"port": port, "requests": written})
        command = [sys.executable, "-m", "benchmarks.recommend_client"]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True, timeout=3600)
        found: list[float] = json.loads(done.stdout)
        return found
    finally:
        server.stop(None).wait()


def main() -> None:
    """Ask what standard input says, and print the milliseconds as JSON."""
    asked = json.loads(sys.stdin.read())
    address = f"127.0.0.1:{asked['port']}"
    requests = [pb.SimilarArtistsRequest.FromString(base64.b64decode(each)) for each in asked["requests"]]
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = pb_grpc.SimilarityServiceStub(channel)
        for request in requests[:WARM_UP]:
            stub.SimilarArtists(request)
        times = []
        for request in requests:
            started = time.perf_counter()
            stub.SimilarArtists(request)
            times.append(1e3 * (time.perf_counter() - started))
    print(json.dumps(times))


if __name__ == "__main__":
    main()
