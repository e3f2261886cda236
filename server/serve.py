"""Runs the server: builds it, listens, follows CURRENT, and drains on a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from recommender.errors import InvalidArgument
from recommender.types import Profile
from server.address import Address, check_free, write_port
from server.holder import Holder, refuse_narrower
from server.interceptors import Guard
from server.pb import soundkin_pb2_grpc as pb_grpc
from server.service import NAME, SimilarityService

Health: TypeAlias = Any  # Any: Health, which the stubs do not know

OPTIONS = (
    ("grpc.so_reuseport", 0),  # otherwise a second server shares the port without an error
    ("grpc.max_receive_message_length", 1 << 20),
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

SIGNALS = (signal.SIGTERM, signal.SIGINT)
IMPATIENT_S = 1.0
"""A signal sooner after the first is the same wish told twice: timeout(1) tells the process and then its group."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve."""

    home: Path
    address: Address
    profile: Profile = Profile.PERSONAL
    """The use that is made of the answers; a generation built for less is not served."""
    port_file: Path | None = None
    """Written with the port once the server listens, removed when it stops."""
    lame_duck_s: float = 0.2
    """After a signal: how long to go on accepting while health says NOT_SERVING, so that balancers can turn away."""
    grace_s: float = 20.0
    """How long calls that run may take to finish after that."""
    poll_s: float = 1.0
    """How often to look at CURRENT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that listens."""

    port: int
    follower: asyncio.Task[None]
    """Follows CURRENT; ends only by failing."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal, a second later, ends it at once.

    Raises:
        Busy: another program has the port.
        InvalidArgument: the address cannot be listened on.
        LicenceRefused: the published generation was built for less than ``settings.profile``.
    """
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopping = _on_signals()
    async with started(settings) as running:
        _announce(settings.address, running.port)
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({stopped, running.follower}, return_when=asyncio.FIRST_COMPLETED)
        if running.follower.done():
            stopped.cancel()
            running.follower.result()
    _log.info("stopped")


def _on_signals() -> asyncio.Event:
    """Set by the first signal; one that comes :data:`IMPATIENT_S` later has its usual effect and ends the process."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def give_way() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def stop() -> None:
        if not stopping.is_set():
            loop.call_later(IMPATIENT_S, give_way)
        stopping.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    return stopping


def _announce(address: Address, port: int) -> None:
    _log.info("listening on %s", Address(host=address.host, port=port))
    if not address.is_loopback:
        _log.warning(
            "anyone who can reach %s may ask: there is no authentication yet, so put a firewall or a proxy before it",
            address.host,
        )


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Running]:
    """A server that listens for the block and drains after it. Raises what :func:`run` does when it cannot start."""
    refuse_narrower(settings.home, settings.profile)
    holder = Holder(settings.home, settings.profile)
    watched: Health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # exported under another name
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="search") as worker:
        server = _build(SimilarityService(holder, worker), watched)
        port = _listen(server, settings.address)
        await _set_health(watched, ready=False)
        await server.start()
        follower = asyncio.create_task(_follow(holder, watched, settings.poll_s))
        try:
            if settings.port_file is not None:
                write_port(settings.port_file, port)
            yield Running(port=port, follower=follower)
        finally:
            await _drain(server, watched, settings)
            follower.cancel()


def _build(service: SimilarityService, watched: Health) -> grpc.aio.Server:
    server = grpc.aio.server(interceptors=[Guard()], options=OPTIONS)
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


async def _follow(holder: Holder, watched: Health, poll_s: float) -> None:
    while True:
        await holder.refresh()
        await _set_health(watched, ready=holder.ready)
        await asyncio.sleep(poll_s)


async def _set_health(watched: Health, *, ready: bool) -> None:
    states = health_pb2.HealthCheckResponse
    for name in ("", NAME):
        await watched.set(name, states.SERVING if ready else states.NOT_SERVING)


async def _drain(server: grpc.aio.Server, watched: Health, settings: Settings) -> None:
    """NOT_SERVING, a moment for balancers to notice, then let running calls finish (reference/reliability.md 3.3)."""
    if settings.port_file is not None:
        settings.port_file.unlink(missing_ok=True)
    await watched.enter_graceful_shutdown()
    await asyncio.sleep(settings.lame_duck_s)
    await server.stop(settings.grace_s)
