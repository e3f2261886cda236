"""Runs the server: builds it, listens, follows CURRENT, and drains on a signal."""

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
from server.reload.generation_watcher import Holder, refuse_narrower
from server.rpc.encoder_client import EncoderClient
from server.service import NAME, SimilarityService
from server.shutdown import Health, Patience, drain

NAMES = ("", NAME)
"""What health speaks of: the process, and the service. Both are SERVING once a generation is loaded."""

OPTIONS = (
    ("grpc.so_reuseport", 0),  # otherwise a second server shares the port without an error
    ("grpc.max_receive_message_length", MAX_CLIP_BYTES + MAX_MESSAGE_BYTES),  # without a clip 1 MiB: interceptors
    ("grpc.max_send_message_length", 4 << 20),
    ("grpc.max_metadata_size", 16 << 10),
    ("grpc.max_concurrent_streams", 1000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)
"""Bounds on one connection (reference/reliability.md 3.1). Clients keep their own keepalive at 60 s or more."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve."""

    home: Path
    address: Address
    use: Use = Use.PERSONAL
    """The use that is made of the answers; a generation built for less is not served."""
    port_file: Path | None = None
    """Written with the port once the server listens, removed when it stops."""
    patience: Patience = field(default_factory=Patience)
    """How long a drain may take."""
    poll_s: float = 1.0
    """How often to look at CURRENT."""
    wait: bool = False
    """With no generation that can be served, listen and answer NOT_SERVING until there is one; else end."""
    encoder: Address | None = None
    """Where `soundkin encoder serve` listens, which hears clips; None: they cannot be heard."""
    metrics: Address | None = None
    """Where to serve the figures for Prometheus; None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that listens."""

    port: int
    metrics_port: int | None
    follower: asyncio.Task[None]
    """Follows CURRENT; ends only by failing."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal, a second later, ends it at once.

    Raises:
        Busy: another program has the port.
        InvalidArgument: the address cannot be listened on.
        LicenceRefused: the published generation was built for less than ``settings.profile``.
        NothingToServe: no generation can be served, and ``settings.wait`` is not set.
    """
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopping = on_stop_signals()
    async with started(settings) as running:
        _announce(settings, running)
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({stopped, running.follower}, return_when=asyncio.FIRST_COMPLETED)
        if running.follower.done():
            stopped.cancel()
            running.follower.result()
    _log.info("stopped")


def _announce(settings: Settings, running: Running) -> None:
    host = settings.address.host
    _log.info("listening on %s", replace(settings.address, port=running.port))
    if not settings.address.is_loopback:
        _log.warning(
            "anyone who can reach %s may ask: there is no authentication yet, so put a firewall or a proxy before it",
            host,
        )
    if settings.metrics is not None and running.metrics_port is not None:
        _log.info("metrics on http://%s/metrics", replace(settings.metrics, port=running.metrics_port))


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Running]:
    """A server that listens for the block and drains after it. Raises what :func:`run` does when it cannot start."""
    refuse_narrower(settings.home, settings.use)
    metrics = Metrics()
    holder, guard, watched = Holder(settings.home, settings.use, metrics), Guard(metrics), Health()
    with (
        exposed(metrics, settings.metrics) as metrics_port,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="search") as worker,
    ):
        encoder = None if settings.encoder is None else EncoderClient(settings.encoder)
        server = _build(SimilarityService(holder, worker, encoder), watched, guard)
        port = _listen(server, settings.address)
        await watched.set_all(NAMES, ready=False)
        await server.start()
        follower = asyncio.create_task(_follow(holder, watched, settings))
        try:
            if settings.port_file is not None:
                write_port(settings.port_file, port)
            yield Running(port=port, metrics_port=metrics_port, follower=follower)
        finally:
            if settings.port_file is not None:
                settings.port_file.unlink(missing_ok=True)
            await drain(server, watched, guard, _patience(settings, holder))
            follower.cancel()
            await holder.close()
            if encoder is not None:
                await encoder.close()


def _patience(settings: Settings, holder: Holder) -> Patience:
    """Who never answered has nobody to turn away."""
    return settings.patience if holder.ready else replace(settings.patience, lame_duck_s=0.0)


def _build(service: SimilarityService, watched: Health, guard: Guard) -> grpc.aio.Server:
    server = grpc.aio.server(interceptors=[guard], options=OPTIONS)
    pb_grpc.add_SimilarityServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(watched, server)
    reflection.enable_server_reflection((NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server


def _listen(server: grpc.aio.Server, address: Address) -> int:
    check_free(address)
    try:
        return server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise InvalidArgument("listen", f"grpc cannot listen on {address}; choose another") from error


async def _follow(holder: Holder, watched: Health, settings: Settings) -> None:
    while True:
        await holder.refresh()
        await watched.set_all(NAMES, ready=holder.ready)
        if not (holder.ready or settings.wait):
            raise NothingToServe(holder.problem)
        await asyncio.sleep(settings.poll_s)
