"""Runs around every call: turns errors into statuses, measures the call, and writes a line to the access log."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2

from recommender.errors import InvalidArgument, SoundkinError
from server.error_status import Fault, fault_of, unexpected_fault
from server.message_size import AUDIO_FIELDS, size_problem
from server.metrics import Metrics

_PROBES = "/grpc.health."
"""Health checks come every few seconds, so they are in the access log only at level debug."""

_log = logging.getLogger(__name__)

Behaviour: TypeAlias = Callable[[Any, Any], Awaitable[Any]]  # Any: messages of the method; grpc's context
Handler: TypeAlias = Any  # Any: grpc's stubs have no type for it


@dataclass(frozen=True, slots=True, kw_only=True)
class _RefusedRequest:
    """Takes the place of a request that is too large or whose bytes are not a message."""

    fault: Fault


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # it cannot be subscripted at run time
    """Handles errors, metrics and log of calls with one reply. Other calls (health Watch, reflection) pass through."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def wait_until_idle(self) -> None:
        """Return when no call runs. A stopped gRPC server may still have cancelled calls that run (grpc#37239)."""
        await self._idle.wait()

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]], details: grpc.HandlerCallDetails
    ) -> Handler:
        """Wrap the handler of the called method. None (UNIMPLEMENTED) stays None."""
        handler = await continuation(details)
        method = str(details.method)
        if handler is None or handler.response_streaming:
            return handler
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._wrapped(handler.stream_unary, method),
                _size_checked(handler.request_deserializer, AUDIO_FIELDS.get(method)),
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._wrapped(handler.unary_unary, method),
            _size_checked(handler.request_deserializer, AUDIO_FIELDS.get(method)),
            handler.response_serializer,
        )

    def _wrapped(self, behaviour: Behaviour, method: str) -> Behaviour:
        """``behaviour`` with errors turned into statuses. The outcome is logged and measured, but not the request."""

        async def call(request: Any, context: Any) -> Any:
            started, code = time.perf_counter(), "CANCELLED"
            with self._count_as_running():
                try:
                    outcome = await _outcome(behaviour, request, context)
                    code = outcome.code.name if isinstance(outcome, Fault) else "OK"
                    if isinstance(outcome, Fault):
                        await context.abort(outcome.code, outcome.message, outcome.trailers)
                    return outcome
                except grpc.aio.AbortError:
                    code = _name_of(context.code())
                    raise
                finally:
                    self._record(method, code, time.perf_counter() - started)

        return call

    @contextmanager
    def _count_as_running(self) -> Iterator[None]:
        self._running += 1
        self._idle.clear()
        try:
            with self._metrics.in_flight():
                yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def _record(self, method: str, code: str, seconds: float) -> None:
        """Write the access log and the metrics. ``method`` is one of the server's: an unknown method has no handler."""
        level = logging.DEBUG if method.startswith(_PROBES) else logging.INFO
        _log.log(level, "%s %s %.1f ms", method, code, seconds * 1e3)
        self._metrics.call_ended(method.removeprefix("/"), code, seconds)


def _size_checked(parse: Callable[[bytes], object], audio: int | None) -> Callable[[bytes], object]:
    """A parser that returns :class:`_RefusedRequest` for a bad request; grpc would send the text of an exception.

    The size is checked here because grpc has one limit for all methods, and only the field ``audio`` may be large.
    """

    def parse_or_mark(raw: bytes) -> object:
        problem = size_problem(raw, audio)
        if problem is not None:
            return _RefusedRequest(fault=Fault(code=grpc.StatusCode.RESOURCE_EXHAUSTED, message=problem))
        try:
            return parse(raw)
        except DecodeError:
            malformed = InvalidArgument("request", "its bytes are not a message of this method")
            return _RefusedRequest(fault=fault_of(malformed))

    return parse_or_mark


async def _outcome(behaviour: Behaviour, request: Any, context: Any) -> Any:
    """The reply, or the Fault in which the call ended."""
    if isinstance(request, _RefusedRequest):
        return request.fault
    try:
        return await behaviour(request, context)
    except SoundkinError as error:
        return fault_of(error)
    except grpc.aio.AbortError:
        raise
    except Exception:
        identifier = uuid.uuid4().hex[:12]
        _log.exception("incident %s", identifier)
        return unexpected_fault(identifier)


def _name_of(code: grpc.StatusCode | int) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else code_pb2.Code.Name(code)
