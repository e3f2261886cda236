"""Stops the server without losing a call: health says NOT_SERVING, then running calls finish."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2

from server.interceptors import Guard

Request: TypeAlias = Any  # Any: health_pb2 has no types
Context: TypeAlias = Any  # Any: grpc.aio's context, which the stubs give the health service no type for

CANCELLED_CALLS_S = 2.0
"""How long to wait, after the grace period, for cancelled calls to end, in seconds."""

_log = logging.getLogger(__name__)


class Health(health.aio.HealthServicer):  # type: ignore[misc, name-defined]  # untyped, and exported under another name
    """The health service, with Watch calls that end when the server stops.

    A Watch call never ends by itself, so a stopping server would wait the whole grace period for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ending = asyncio.Event()

    async def Watch(self, request: Request, context: Context) -> None:  # noqa: N802 - the name in the contract
        """Send each change to the client until it disconnects or :meth:`end_watches` is called."""
        watching = asyncio.create_task(super().Watch(request, context))
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({watching, ending}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
        finally:
            watching.cancel()
            ending.cancel()
            await asyncio.gather(watching, ending, return_exceptions=True)

    async def set_all(self, names: tuple[str, ...], *, ready: bool) -> None:
        """Set each of ``names`` to SERVING or NOT_SERVING."""
        states = health_pb2.HealthCheckResponse
        for name in names:
            await self.set(name, states.SERVING if ready else states.NOT_SERVING)

    def end_watches(self) -> None:
        """End every Watch call, after its last change was sent."""
        self._ending.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainTimes:
    """How long each step of stopping may take, in seconds."""

    lame_duck_s: float = 0.2
    """Continue to accept calls while health says NOT_SERVING, so that load balancers can notice."""
    grace_s: float = 20.0
    """After that, let running calls finish; then they are cancelled."""


async def drain(server: grpc.aio.Server, health_service: Health, guard: Guard, times: DrainTimes) -> None:
    """Stop ``server``: health NOT_SERVING, a wait for load balancers to notice, then the end of running calls."""
    await health_service.enter_graceful_shutdown()
    await asyncio.sleep(times.lame_duck_s)
    health_service.end_watches()
    await server.stop(times.grace_s)
    try:
        await asyncio.wait_for(guard.wait_until_idle(), CANCELLED_CALLS_S)
    except TimeoutError:
        _log.warning("cancelled calls still run; the server stops anyway")
