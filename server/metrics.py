"""The server's metrics for Prometheus. No label has text from a client.

The page is served only with ``soundkin serve --metrics-port``, on its own port.
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
"""Up to minutes, because a stage of a load may read tens of gigabytes."""


class Phase(StrEnum):
    """Stages of loading a generation, in order."""

    LEASE = "lease"
    IDENTITY = "identity"
    """The manifest is checked to be the published one."""
    MANIFEST = "manifest"
    LICENCE = "licence"
    CHECKSUM = "checksum"
    OPEN = "open"
    WARM = "warm"
    GOLDEN = "golden"


class Reason(StrEnum):
    """Reasons of a rejected generation, in the log and in the metrics."""

    CHECKSUM = "checksum"
    """A file is not as it was published: missing, unexpected or altered."""
    GOLDEN = "golden"
    """A recorded query is answered otherwise than when it was built."""
    LICENCE = "licence"
    """It was built for a narrower use."""
    UNREADABLE = "unreadable"
    """The pointer, the folder or a file cannot be read or opened."""
    FORMAT = "format"
    """This release cannot read its manifest."""


class Refusal(StrEnum):
    """Why a call was refused before its work began."""

    QUEUE = "queue"
    """Too many wait for their turn."""
    DEADLINE = "deadline"
    """The turn would come too late for the client's deadline."""
    BATCHES = "batches"
    """Too many batches are answered at once."""
    AUDIO = "audio"
    """Too many streams of clips are open, or too many bytes of clips are held."""


class Metrics:
    """The metrics of one server, in their own registry. The page has a help text for each."""

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
        self._waiting = Gauge(
            "soundkin_queue_waiting", "Requests that wait for their turn to compute.", registry=registry
        )
        self._refused = Counter(
            "soundkin_refused", "Calls refused before their work began, by reason.", ("reason",), registry=registry
        )
        for reason in Refusal:
            self._refused.labels(reason.value)

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
        """Count a call as running during the block."""
        with self._in_flight.track_inprogress():
            yield

    def call_ended(self, method: str, code: str, seconds: float) -> None:
        """Record a call that ended. ``method`` is one of the server's methods, ``code`` the name of a gRPC status."""
        self._rpc_seconds.labels(method, code).observe(seconds)

    def refused(self, reason: Refusal) -> None:
        """Count a call that was refused because of load."""
        self._refused.labels(reason.value).inc()

    def waiting(self, count: int) -> None:
        """Set how many requests wait for their turn."""
        self._waiting.set(count)

    def phase_ended(self, phase: Phase, seconds: float) -> None:
        """Record a stage of a load that succeeded. May be called from any thread."""
        self._swap_seconds.labels(phase.value).observe(seconds)

    def swapped(self, manifest: Manifest) -> None:
        """Record that the generation of ``manifest`` is served from now on."""
        self._built_at_s = _timestamp(manifest.built_at)
        self._version.set(manifest.version)
        self._swaps.inc()

    def rejected(self, reason: Reason) -> None:
        """Count a generation that cannot be served."""
        self._rejected.labels(reason.value).inc()

    def set_loaded(self, loaded: int, *, degraded: bool) -> None:
        """Set the number of generations in memory, and whether the served one is not the one in CURRENT."""
        self._loaded.set(loaded)
        self._degraded.set(degraded)

    def _age_s(self) -> float:
        return time.time() - self._built_at_s


def _timestamp(built_at: str) -> float:
    """Seconds since 1970; NaN for text that is not a time, because that is no reason to refuse a generation."""
    try:
        return datetime.fromisoformat(built_at).timestamp()
    except ValueError:
        return math.nan


@contextmanager
def exposed(metrics: Metrics, address: Address | None) -> Iterator[int | None]:
    """Serve the metrics page on ``address`` during the block, at any path. Yields the port; None without an address.

    Raises:
        Busy: another program listens there.
        InvalidArgument: the address is not one of this machine.
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
