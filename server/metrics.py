"""What the server counts and measures, for Prometheus. No label holds anything a client sent.

The page is served only when asked for (``soundkin serve --metrics-port``), on a port of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from recommender.generation.manifest import Manifest
from server.address import Address, check_free

RPC_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SWAP_BUCKETS_S = (0.01, 0.1, 1.0, 5.0, 15.0, 60.0, 300.0)
"""A stage of a load reads up to tens of gigabytes."""


class Metrics:
    """The figures of one server, in a registry of its own. Each name is explained by its help text on the page."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._measure_calls(self.registry)
        self._measure_generations(self.registry)
        self._built_at_s = math.nan

    def _measure_calls(self, registry: CollectorRegistry) -> None:
        self._rpc_seconds = Histogram(
            "soundkin_rpc_seconds",
            "Seconds a call took, by method and gRPC status; streams of replies (health Watch, reflection) left out.",
            ("method", "code"),
            buckets=RPC_BUCKETS_S,
            registry=registry,
        )
        self._in_flight = Gauge("soundkin_rpc_in_flight", "Calls that run at this moment.", registry=registry)

    def _measure_generations(self, registry: CollectorRegistry) -> None:
        self._version = Gauge(
            "soundkin_generation_version", "Version of the generation that answers; 0 for none.", registry=registry
        )
        age = Gauge(
            "soundkin_generation_age_seconds",
            "Seconds since the generation that answers was built; NaN for none.",
            registry=registry,
        )
        age.set_function(self._age_s)
        self._loaded = Gauge(
            "soundkin_generations_loaded",
            "Generations in memory: 2 while a newer one takes over and the last calls of the older end.",
            registry=registry,
        )
        self._degraded = Gauge(
            "soundkin_degraded", "1 while what CURRENT points to could not be used, else 0.", registry=registry
        )
        self._swaps = Counter(
            "soundkin_generation_swaps", "Generations that took over, the first included.", registry=registry
        )
        self._rejected = Counter(
            "soundkin_generation_rejected",
            "Generations that may not answer, by reason.",
            ("reason",),
            registry=registry,
        )
        for reason in Reason:
            self._rejected.labels(reason.value)  # so that each is on the page, as 0, before it first happens
        self._swap_seconds = Histogram(
            "soundkin_swap_seconds",
            "Seconds each stage of loading a generation took, of stages that ended well.",
            ("phase",),
            buckets=SWAP_BUCKETS_S,
            registry=registry,
        )

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """A call runs for the block."""
        with self._in_flight.track_inprogress():
            yield

    def call_ended(self, method: str, code: str, seconds: float) -> None:
        """``method`` is one that this server has, ``code`` the name of a gRPC status."""
        self._rpc_seconds.labels(method, code).observe(seconds)

    def phase_ended(self, phase: Phase, seconds: float) -> None:
        """A stage of a load went well. May be called from any thread."""
        self._swap_seconds.labels(phase.value).observe(seconds)

    def swapped(self, manifest: Manifest) -> None:
        """The generation of ``manifest`` answers from now on."""
        self._built_at_s = _timestamp(manifest.built_at)
        self._version.set(manifest.version)
        self._swaps.inc()

    def rejected(self, reason: Reason) -> None:
        """A generation may not answer."""
        self._rejected.labels(reason.value).inc()

    def holding(self, loaded: int, *, degraded: bool) -> None:
        """So many generations are in memory, and the newest published is, or is not, the one that answers."""
        self._loaded.set(loaded)
        self._degraded.set(degraded)

    def _age_s(self) -> float:
        return time.time() - self._built_at_s


def _timestamp(built_at: str) -> float:
    """Seconds since 1970; NaN for what is no time, which is no reason not to serve the generation that says it."""
    try:
        return datetime.fromisoformat(built_at).timestamp()
    except ValueError:
        return math.nan


@contextmanager
def exposed(metrics: Metrics, address: Address | None) -> Iterator[int | None]:
    """Serve the page on ``address`` for the block, at any path; its port. Nothing happens without an address.

    Raises:
        Busy: another program listens there.
        InvalidArgument: it is no address of this machine.
    """
    if address is None:
        yield None
        return
    check_free(address, option="--metrics-port")
    server, thread = start_http_server(address.port, address.host, metrics.registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Phase(StrEnum):
    """Stages of a load, in order."""

    LEASE = "lease"
    IDENTITY = "identity"
    """The manifest is the one that was published."""
    MANIFEST = "manifest"
    LICENCE = "licence"
    CHECKSUM = "checksum"
    OPEN = "open"
    WARM = "warm"
    GOLDEN = "golden"


class Reason(StrEnum):
    """What a rejection is counted under, in the log and in the metrics."""

    CHECKSUM = "checksum"
    """A file is not what was published: missing, extra or altered."""
    GOLDEN = "golden"
    """A recorded query is answered otherwise than when it was built."""
    LICENCE = "licence"
    """It was built for a narrower use."""
    UNREADABLE = "unreadable"
    """The pointer, the folder or a file cannot be read or opened."""
    FORMAT = "format"
    """Its manifest is not one that this release reads."""
