"""Runs the server: listens, watches for newer generations, and stops without losing calls on a signal."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from pb import soundkin_pb2_grpc as pb_grpc
from recommender.errors import InvalidArgument, NothingToServe
from recommender.process_control import stop_event
from recommender.types import Use
from server.address import Address, check_free, write_port
from server.admission import Admission
from server.interceptors import PROBES, Guard
from server.limits import MAX_CLIP_BYTES, MAX_MESSAGE_BYTES
from server.metrics import Metrics, exposed
from server.reload.generation_watcher import POLL_S, GenerationWatcher, refuse_narrower_use
from server.rpc.encoder_client import EncoderClient
from server.service import MAX_STREAMS, NAME, SimilarityService
from server.shutdown import DrainTimes, Health, drain

NAMES = ("", NAME)
"""Names in the health service: the process and the gRPC service. Both are SERVING once a generation is loaded."""

AUDIO = f"/{NAME}/SimilarArtistsToAudio"
THREADS = {"calls": 512, "audio": MAX_STREAMS + 32, "probes": 2, "watch": 1}
"""Most threads of each kind; a thread starts when none is idle.

A call holds a thread from its first byte: while its client is silent, while it waits for its turn, and while it works.
Health checks have threads of their own and are answered whatever the others do. Streams of clips have some more than
are open at once, so that one too many is refused and does not wait.
"""

OPTIONS = (
    ("grpc.so_reuseport", 0),  # otherwise a second server shares the port without an error
    ("grpc.max_receive_message_length", MAX_CLIP_BYTES + MAX_MESSAGE_BYTES),  # without a clip 1 MiB: interceptors
    ("grpc.max_send_message_length", 4 << 20),
    ("grpc.max_metadata_size", 16 << 10),
    ("grpc.max_concurrent_streams", 1000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),  # clients ping every 10 s, and a ping may be early
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)
"""Limits of one connection. The 60 s and 20 s of keepalive find dead connections; clients may ping every 10 s, with or
without a call. Connections end after 10 minutes, so that load balancers can move clients."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a server."""

    home: Path
    address: Address
    use: Use = Use.PERSONAL
    """What the answers are used for. A generation that was built for a narrower use is not served."""
    port_file: Path | None = None
    """Written with the port once the server listens, removed when it stops."""
    drain_times: DrainTimes = field(default_factory=DrainTimes)
    """How long stopping may take."""
    poll_s: float = POLL_S
    """How often to look for a newer generation, in seconds."""
    wait: bool = False
    """Without a usable generation, listen and answer NOT_SERVING until there is one, instead of ending."""
    encoder: Address | None = None
    """Where `soundkin encoder serve` listens, which embeds audio clips; None: clips are refused."""
    metrics: Address | None = None
    """Where to serve the metrics page; None: nowhere."""
    show_paths: bool = False
    """Answer where the files of tracks are on this machine. Otherwise paths are not even kept in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that listens."""

    port: int
    metrics_port: int | None
    watching: Future[None]
    """Watches for newer generations. It ends by failing, or when the server stops."""
    left_at_work: threading.Event = field(default_factory=threading.Event)
    """Set at the end when work for cancelled calls still goes on, in threads that cannot be stopped."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let running calls finish. A later second signal ends the server at once.

    Raises:
        Busy: another program has the port.
        InvalidArgument: the address cannot be listened on.
        LicenceRefused: the published generation was built for a narrower use than ``settings.use``.
        NothingToServe: there is no usable generation, and ``settings.wait`` is not set.
    """
    stopping = stop_event()
    with started(settings) as running:
        _announce(settings, running)
        running.watching.add_done_callback(lambda done: stopping.set())
        stopping.wait()
        if running.watching.done():
            running.watching.result()
    _log.info("stopped")
    if running.left_at_work.is_set():
        logging.shutdown()
        os._exit(0)  # the usual end of the process would wait for those threads


def _announce(settings: Settings, running: Running) -> None:
    host = settings.address.host
    _log.info("listening on %s", replace(settings.address, port=running.port))
    if not settings.address.is_loopback:
        _log.warning(
            "anyone who can reach %s can use this server: there is no authentication, so use a firewall or a proxy",
            host,
        )
    if settings.metrics is not None and running.metrics_port is not None:
        _log.info("metrics on http://%s/metrics", replace(settings.metrics, port=running.metrics_port))


@contextmanager
def started(settings: Settings) -> Iterator[Running]:
    """A server that listens during the block and is stopped after it. Raises as :func:`run` when it cannot start."""
    refuse_narrower_use(settings.home, settings.use)
    metrics = Metrics()
    watcher = GenerationWatcher(settings.home, settings.use, metrics, show_paths=settings.show_paths)
    stopping = threading.Event()
    with ExitStack() as stack:
        metrics_port = stack.enter_context(exposed(metrics, settings.metrics))
        pools = {name: ThreadPoolExecutor(most, thread_name_prefix=name) for name, most in THREADS.items()}
        guard = Guard(metrics, {PROBES: pools["probes"], AUDIO: pools["audio"]})
        health_service = Health(pools["probes"])
        encoder = None if settings.encoder is None else stack.enter_context(closing(EncoderClient(settings.encoder)))
        service = SimilarityService(watcher, Admission(metrics), encoder, metrics)
        server = _build(service, health_service, guard, pools["calls"])
        port = _listen(server, settings.address)
        health_service.set_all(NAMES, ready=False)
        server.start()
        watching = pools["watch"].submit(_watch, watcher, health_service, settings, service, stopping)
        running = Running(port=port, metrics_port=metrics_port, watching=watching)
        try:
            if settings.port_file is not None:
                write_port(settings.port_file, port)
            yield running
        finally:
            if settings.port_file is not None:
                settings.port_file.unlink(missing_ok=True)
            idle = drain(server, health_service, guard, _drain_times(settings, watcher))
            stopping.set()
            if idle:
                pools["watch"].submit(watcher.close)
            else:
                running.left_at_work.set()
            for pool in pools.values():
                pool.shutdown(wait=idle)


def _drain_times(settings: Settings, watcher: GenerationWatcher) -> DrainTimes:
    """A server that was never SERVING has no clients, so it need not wait for load balancers."""
    return settings.drain_times if watcher.ready else replace(settings.drain_times, lame_duck_s=0.0)


def _build(service: SimilarityService, health_service: Health, guard: Guard, calls: ThreadPoolExecutor) -> grpc.Server:
    server = grpc.server(calls, interceptors=[guard], options=OPTIONS)
    pb_grpc.add_SimilarityServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
    reflection.enable_server_reflection((NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server


def _listen(server: grpc.Server, address: Address) -> int:
    check_free(address)
    try:
        return server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise InvalidArgument("listen", f"grpc cannot listen on {address}; choose another") from error


def _watch(
    watcher: GenerationWatcher,
    health_service: Health,
    settings: Settings,
    service: SimilarityService,
    stopping: threading.Event,
) -> None:
    while not stopping.is_set():
        watcher.refresh()
        health_service.set_all(NAMES, ready=watcher.ready)
        if not (watcher.ready or settings.wait):
            raise NothingToServe(watcher.problem)
        service.budget.trim()
        stopping.wait(settings.poll_s)
