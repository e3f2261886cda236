"""Stops a server without losing a call: first nobody new is sent to it, then the calls that run come to their end."""

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

LAST_S = 2.0
"""How long to wait, after the grace is over, for calls that were cancelled and still hold something."""

_log = logging.getLogger(__name__)


class Health(health.aio.HealthServicer):  # type: ignore[misc, name-defined]  # untyped, and exported under another name
    """The health of the server by service name, with watches that end when the server does.

    A watch never ends by itself, and a server that stops would wait its whole grace for one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ending = asyncio.Event()

    async def Watch(self, request: Request, context: Context) -> None:  # noqa: N802 - the name in the contract
        """Write each change to the client until it hangs up or :meth:`end_watches`."""
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
        """SERVING or NOT_SERVING, for each of ``names``."""
        states = health_pb2.HealthCheckResponse
        for name in names:
            await self.set(name, states.SERVING if ready else states.NOT_SERVING)

    def end_watches(self) -> None:
        """Every watch ends, after it has told what it had to tell."""
        self._ending.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a drain may take, in seconds."""

    lame_duck_s: float = 0.2
    """Go on accepting while health says NOT_SERVING, so that balancers can turn away."""
    grace_s: float = 20.0
    """After that, let calls that run finish; then they are cancelled."""


async def drain(server: grpc.aio.Server, watched: Health, guard: Guard, patience: Patience) -> None:
    """NOT_SERVING, a moment for balancers to notice, then the end of the running calls (reliability.md 3.3)."""
    await watched.enter_graceful_shutdown()
    await asyncio.sleep(patience.lame_duck_s)
    watched.end_watches()
    await server.stop(patience.grace_s)
    try:
        await asyncio.wait_for(guard.idle(), LAST_S)
    except TimeoutError:
        _log.warning("calls that were cancelled still run; stopping all the same")
