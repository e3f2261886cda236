"""Stops the server without losing a call: health says NOT_SERVING, then running calls finish."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2

from server.interceptors import Guard

Request: TypeAlias = Any  # Any: health_pb2 has no types
Context: TypeAlias = Any  # Any: grpc's context, which the health service has no type for

CANCELLED_CALLS_S = 2.0
"""How long to wait, after the grace period, for the work of cancelled calls to end, in seconds."""

_log = logging.getLogger(__name__)


class Health(health.HealthServicer):
    """The health service, whose Watch calls hold no thread, and end when the server stops.

    A Watch call never ends by itself, so a stopping server would wait the whole grace period for it.
    """

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        """``pool``: threads that nothing else holds up."""
        super().__init__(experimental_non_blocking=True, experimental_thread_pool=pool)

    def set_all(self, names: tuple[str, ...], *, ready: bool) -> None:
        """Set each of ``names`` to SERVING or NOT_SERVING; who watches is told of changes only."""
        states = health_pb2.HealthCheckResponse
        status = states.SERVING if ready else states.NOT_SERVING
        for name in names:
            if self._server_status.get(name) != status:
                self.set(name, status)

    def end_watches(self) -> None:
        """End every Watch call, after its last change was sent."""
        with self._lock:
            watches: list[Callable[[object], None]] = [
                send for sends in self._send_response_callbacks.values() for send in sends
            ]
        for send in watches:
            send(None)  # how the health service itself ends a stream


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainTimes:
    """How long each step of stopping may take, in seconds."""

    lame_duck_s: float = 0.2
    """Continue to accept calls while health says NOT_SERVING, so that load balancers can notice."""
    grace_s: float = 20.0
    """After that, let running calls finish; then they are cancelled."""


def drain(server: grpc.Server, health_service: Health, guard: Guard, times: DrainTimes) -> bool:
    """Stop ``server``: health NOT_SERVING, a wait for load balancers to notice, then the end of running calls.

    False when the work of a cancelled call still goes on.
    """
    health_service.enter_graceful_shutdown()
    time.sleep(times.lame_duck_s)
    health_service.end_watches()
    server.stop(times.grace_s).wait()
    idle = guard.wait_until_idle(CANCELLED_CALLS_S)
    if not idle:
        _log.warning("the work of cancelled calls still goes on; the server stops anyway")
    return idle
