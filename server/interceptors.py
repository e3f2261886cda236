"""Errors -> statuses, around every call: the one table of codes, google.rpc details, and a line in the access log."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from recommender import errors
from recommender.errors import AmbiguousName, InvalidArgument, NotFound, SoundkinError, Unavailable
from server.message_size import AUDIO_FIELDS, objection
from server.metrics import Metrics

DOMAIN = "soundkin.v1"
MAX_MESSAGE = 1_000
"""Bytes of UTF-8. Trailers hold 8 KiB, and a message travels in them twice, once with three bytes for one."""
MAX_DETAIL = 300
MAX_LABEL = 80
MAX_CANDIDATES = 10
RETRY_AFTER_S = 1
"""When to ask again a server without a generation: it looks for one each second."""

CODES: dict[type[SoundkinError], grpc.StatusCode] = {
    errors.SoundkinError: grpc.StatusCode.INTERNAL,
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidWeights: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidPageToken: grpc.StatusCode.INVALID_ARGUMENT,
    errors.SpaceMismatch: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AmbiguousName: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.NothingToServe: grpc.StatusCode.UNAVAILABLE,
    errors.EncoderUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.EncoderMissing: grpc.StatusCode.FAILED_PRECONDITION,
    errors.EncoderMismatch: grpc.StatusCode.FAILED_PRECONDITION,
    errors.GenerationCorrupt: grpc.StatusCode.DATA_LOSS,
    errors.PublishRefused: grpc.StatusCode.FAILED_PRECONDITION,
    errors.EmbeddingsCorrupt: grpc.StatusCode.DATA_LOSS,
    errors.CatalogError: grpc.StatusCode.INTERNAL,
    errors.WeightsMissing: grpc.StatusCode.FAILED_PRECONDITION,
    errors.FetchFailed: grpc.StatusCode.UNAVAILABLE,
    errors.WeightsRefused: grpc.StatusCode.DATA_LOSS,
    errors.KnownAnswerWrong: grpc.StatusCode.DATA_LOSS,
    errors.LicenceRefused: grpc.StatusCode.PERMISSION_DENIED,
    errors.DiskFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Busy: grpc.StatusCode.ABORTED,
    errors.DecoderStartFailed: grpc.StatusCode.INTERNAL,
    errors.EncoderEnded: grpc.StatusCode.INTERNAL,
    errors.EncoderLost: grpc.StatusCode.INTERNAL,
    errors.BadInput: grpc.StatusCode.INVALID_ARGUMENT,
}
"""Every class of :mod:`recommender.errors`; a test fails when one is missing."""

_PROBES = "/grpc.health."
"""Asked every few seconds by whoever watches the server; in the access log only when debugging."""

_log = logging.getLogger(__name__)

Behaviour: TypeAlias = Callable[[Any, Any], Awaitable[Any]]  # Any: whatever messages the method speaks; grpc's context
Handler: TypeAlias = Any  # Any: the stubs of grpc know no handler of an aio server


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How a call ends that cannot be answered."""

    code: grpc.StatusCode
    message: str
    details: tuple[Message, ...] = ()

    @property
    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        """The details as ``google.rpc.Status``, where every gRPC library looks for them."""
        status = status_pb2.Status(code=code_pb2.Code.Value(self.code.name), message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        return (("grpc-status-details-bin", status.SerializeToString()),)


def fault_of(error: SoundkinError) -> Fault:
    """What a client is told about ``error``."""
    message = shorten(str(error), MAX_MESSAGE)
    return Fault(code=CODES[type(error)], message=message, details=(_error_info(error), *_further(error)))


def incident(identifier: str) -> Fault:
    """An error nobody foresaw: an id to find it by in the server's log, and nothing else."""
    message = f"internal error, incident {identifier}; the log of the server says more"
    details = (error_details_pb2.RequestInfo(request_id=identifier),)
    return Fault(code=grpc.StatusCode.INTERNAL, message=message, details=details)


def reason(kind: type[SoundkinError]) -> str:
    """
    >>> reason(errors.AmbiguousName)
    'AMBIGUOUS_NAME'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).upper()


def shorten(text: str, most: int) -> str:
    """``text`` within ``most`` bytes of UTF-8, never cut inside a character.

    >>> shorten("naïve", 6), shorten("naïvely", 6)
    ('naïve', 'na…')
    """
    raw = text.encode(errors="replace")
    if len(raw) <= most:
        return raw.decode()
    return raw[: most - len("…".encode())].decode(errors="ignore") + "…"


def _error_info(error: SoundkinError) -> Message:
    candidates = error.candidates[:MAX_CANDIDATES] if isinstance(error, AmbiguousName) else ()
    metadata = {identifier: shorten(label, MAX_LABEL) for identifier, label in candidates}
    info: Message = error_details_pb2.ErrorInfo(reason=reason(type(error)), domain=DOMAIN, metadata=metadata)
    return info


def _further(error: SoundkinError) -> tuple[Message, ...]:
    if isinstance(error, InvalidArgument):
        problem = shorten(error.problem, MAX_DETAIL)
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=problem)
        return (error_details_pb2.BadRequest(field_violations=[violation]),)
    if isinstance(error, NotFound | AmbiguousName):
        wanted = shorten(error.wanted, MAX_DETAIL)
        return (error_details_pb2.ResourceInfo(resource_type=error.kind, resource_name=wanted),)
    if isinstance(error, Unavailable):
        return (error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)),)
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """Stands for a request whose bytes are no message, or too many."""

    fault: Fault


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # it cannot be subscripted at run time
    """Guards, measures and counts calls that have one reply; streams (health watch, reflection) pass as they are."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return once no call runs. A server that stops may be done before its cancelled calls are (grpc#37239)."""
        await self._idle.wait()

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]], details: grpc.HandlerCallDetails
    ) -> Handler:
        """Wrap the handler of the method that is called; None stays None, which is UNIMPLEMENTED."""
        handler = await continuation(details)
        method = str(details.method)
        if handler is None or handler.response_streaming:
            return handler
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._guarded(handler.stream_unary, method),
                _lenient(handler.request_deserializer, AUDIO_FIELDS.get(method)),
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._guarded(handler.unary_unary, method),
            _lenient(handler.request_deserializer, AUDIO_FIELDS.get(method)),
            handler.response_serializer,
        )

    def _guarded(self, behaviour: Behaviour, method: str) -> Behaviour:
        """``behaviour`` with its errors turned into statuses and its outcome told, without the request."""

        async def call(request: Any, context: Any) -> Any:
            started, code = time.perf_counter(), "CANCELLED"
            with self._counted():
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
                    self._tell(method, code, time.perf_counter() - started)

        return call

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._running += 1
        self._idle.clear()
        try:
            with self._metrics.in_flight():
                yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def _tell(self, method: str, code: str, seconds: float) -> None:
        """The access log and the metrics. ``method`` is one that is served: an unknown one has no handler."""
        level = logging.DEBUG if method.startswith(_PROBES) else logging.INFO
        _log.log(level, "%s %s %.1f ms", method, code, seconds * 1e3)
        self._metrics.call_ended(method.removeprefix("/"), code, seconds)


def _lenient(parse: Callable[[bytes], object], audio: int | None) -> Callable[[bytes], object]:
    """Parse what is not too large, or give :class:`_Refused`: grpc would answer with the text of the exception.

    Messages with audio, in the field ``audio``, are large, and grpc knows one bound for all methods.
    """

    def parse_or_mark(raw: bytes) -> object:
        problem = objection(raw, audio)
        if problem is not None:
            return _Refused(fault=Fault(code=grpc.StatusCode.RESOURCE_EXHAUSTED, message=problem))
        try:
            return parse(raw)
        except DecodeError:
            malformed = InvalidArgument("request", "its bytes are not a message of this method")
            return _Refused(fault=fault_of(malformed))

    return parse_or_mark


async def _outcome(behaviour: Behaviour, request: Any, context: Any) -> Any:
    """The reply, or the Fault it ended in."""
    if isinstance(request, _Refused):
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
        return incident(identifier)


def _name_of(code: grpc.StatusCode | int) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else code_pb2.Code.Name(code)
