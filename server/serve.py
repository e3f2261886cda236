"""Runs the server: listens, watches for newer generations, and stops without losing calls on a signal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from pb import soundkin_pb2_grpc as pb_grpc
from recommender.errors import InvalidArgument, NothingToServe
from recommender.process_control import on_stop_signals
from recommender.types import Use
from server.address import Address, check_free, write_port
from server.interceptors import Guard
from server.limits import MAX_CLIP_BYTES, MAX_MESSAGE_BYTES
from server.metrics import Metrics, exposed
from server.reload.generation_watcher import POLL_S, GenerationWatcher, refuse_narrower_use
from server.rpc.encoder_client import EncoderClient
from server.service import NAME, SimilarityService
from server.shutdown import DrainTimes, Health, drain

NAMES = ("", NAME)
"""Names in the health service: the process and the gRPC service. Both are SERVING once a generation is loaded."""

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
    watch_task: asyncio.Task[None]
    """Watches for newer generations. It ends only by failing."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let running calls finish. A later second signal ends the server at once.

    Raises:
        Busy: another program has the port.
        InvalidArgument: the address cannot be listened on.
        LicenceRefused: the published generation was built for a narrower use than ``settings.use``.
        NothingToServe: there is no usable generation, and ``settings.wait`` is not set.
    """
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopping = on_stop_signals()
    async with started(settings) as running:
        _announce(settings, running)
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({stopped, running.watch_task}, return_when=asyncio.FIRST_COMPLETED)
        if running.watch_task.done():
            stopped.cancel()
            running.watch_task.result()
    _log.info("stopped")


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


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Running]:
    """A server that listens during the block and is stopped after it. Raises as :func:`run` when it cannot start."""
    refuse_narrower_use(settings.home, settings.use)
    metrics = Metrics()
    watcher = GenerationWatcher(settings.home, settings.use, metrics, show_paths=settings.show_paths)
    guard, health_service = Guard(metrics), Health()
    with (
        exposed(metrics, settings.metrics) as metrics_port,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="search") as worker,
    ):
        encoder = None if settings.encoder is None else EncoderClient(settings.encoder)
        server = _build(SimilarityService(watcher, worker, encoder), health_service, guard)
        port = _listen(server, settings.address)
        await health_service.set_all(NAMES, ready=False)
        await server.start()
        watch_task = asyncio.create_task(_watch(watcher, health_service, settings))
        try:
            if settings.port_file is not None:
                write_port(settings.port_file, port)
            yield Running(port=port, metrics_port=metrics_port, watch_task=watch_task)
        finally:
            if settings.port_file is not None:
                settings.port_file.unlink(missing_ok=True)
            await drain(server, health_service, guard, _drain_times(settings, watcher))
            watch_task.cancel()
            await watcher.close()
            if encoder is not None:
                await encoder.close()


def _drain_times(settings: Settings, watcher: GenerationWatcher) -> DrainTimes:
    """A server that was never SERVING has no clients, so it need not wait for load balancers."""
    return settings.drain_times if watcher.ready else replace(settings.drain_times, lame_duck_s=0.0)


def _build(service: SimilarityService, health_service: Health, guard: Guard) -> grpc.aio.Server:
    server = grpc.aio.server(interceptors=[guard], options=OPTIONS)
    pb_grpc.add_SimilarityServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
    reflection.enable_server_reflection((NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server


def _listen(server: grpc.aio.Server, address: Address) -> int:
    check_free(address)
    try:
        return server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise InvalidArgument("listen", f"grpc cannot listen on {address}; choose another") from error


async def _watch(watcher: GenerationWatcher, health_service: Health, settings: Settings) -> None:
    while True:
        await watcher.refresh()
        await health_service.set_all(NAMES, ready=watcher.ready)
        if not (watcher.ready or settings.wait):
            raise NothingToServe(watcher.problem)
        await asyncio.sleep(settings.poll_s)
