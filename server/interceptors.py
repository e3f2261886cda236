"""Runs around every call: turns errors into statuses, measures the call, and writes a line to the access log."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from pb import soundkin_pb2 as pb
from recommender import errors
from recommender.errors import AmbiguousName, InvalidArgument, NotFound, SoundkinError, Suggestion, Unavailable
from server.limits import AUDIO_FIELDS, size_problem
from server.metrics import Metrics

DOMAIN = "soundkin.v1"
MAX_MESSAGE = 1_000
"""Bytes of UTF-8 of an error message. Trailers have room for 8 KiB, and the message is in them twice: as it is, and
percent-encoded, which takes up to three bytes for one."""
MAX_DETAIL = 300
"""Bytes of a text in the details."""
MAX_LABEL = 80
"""Bytes of the label of a candidate."""
MAX_CANDIDATES = 10
"""Candidates of an ambiguous name that are listed."""
RETRY_AFTER_S = 1
"""Seconds after which a client may try again when the server is unavailable: it looks for a generation every second."""

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
"""Error class -> status, for every class of :mod:`recommender.errors`; a test fails when one is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The status with which a failed call ends."""

    code: grpc.StatusCode
    message: str
    details: tuple[Message, ...] = ()

    @property
    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        """The details as a ``google.rpc.Status``, in the trailer where gRPC libraries look for it."""
        status = status_pb2.Status(code=code_pb2.Code.Value(self.code.name), message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        return (("grpc-status-details-bin", status.SerializeToString()),)


def fault_of(error: SoundkinError) -> Fault:
    """The status and details that a client gets for ``error``."""
    message = shorten(str(error), MAX_MESSAGE)
    return Fault(code=CODES[type(error)], message=message, details=(_error_info(error), *_other_details(error)))


def unexpected_fault(identifier: str) -> Fault:
    """The status of an unexpected error: an id with which to find it in the server's log, and nothing else."""
    message = f"internal error, incident {identifier}; the server's log has the details under this id"
    details = (error_details_pb2.RequestInfo(request_id=identifier),)
    return Fault(code=grpc.StatusCode.INTERNAL, message=message, details=details)


def reason(kind: type[SoundkinError]) -> str:
    """The reason of an error class in ``google.rpc.ErrorInfo``: its name in upper case.

    >>> reason(errors.AmbiguousName)
    'AMBIGUOUS_NAME'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).upper()


def shorten(text: str, max_bytes: int) -> str:
    """``text`` cut to ``max_bytes`` bytes of UTF-8, never inside a character.

    >>> shorten("naïve", 6), shorten("naïvely", 6)
    ('naïve', 'na…')
    """
    raw = text.encode(errors="replace")
    if len(raw) <= max_bytes:
        return raw.decode()
    return raw[: max_bytes - len("…".encode())].decode(errors="ignore") + "…"


def _error_info(error: SoundkinError) -> Message:
    candidates = error.candidates[:MAX_CANDIDATES] if isinstance(error, AmbiguousName) else ()
    metadata = {identifier: shorten(label, MAX_LABEL) for identifier, label in candidates}
    info: Message = error_details_pb2.ErrorInfo(reason=reason(type(error)), domain=DOMAIN, metadata=metadata)
    return info


def _other_details(error: SoundkinError) -> tuple[Message, ...]:
    if isinstance(error, InvalidArgument):
        problem = shorten(error.problem, MAX_DETAIL)
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=problem)
        return (error_details_pb2.BadRequest(field_violations=[violation]),)
    if isinstance(error, NotFound | AmbiguousName):
        wanted = shorten(error.wanted, MAX_DETAIL)
        resource = error_details_pb2.ResourceInfo(resource_type=error.kind, resource_name=wanted)
        suggested = to_suggestions(error.suggestions, max_bytes=MAX_LABEL) if isinstance(error, NotFound) else []
        return (resource, pb.Suggestions(suggestions=suggested)) if suggested else (resource,)
    if isinstance(error, Unavailable):
        return (error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)),)
    return ()


def to_suggestions(suggestions: Iterable[Suggestion], *, max_bytes: int = MAX_MESSAGE) -> list[pb.Suggestion]:
    """Those that an unknown name may mean, as messages. Names and titles are cut to ``max_bytes`` each."""
    messages = []
    for one in suggestions:
        artist = pb.ArtistSummary(id=one.artist_id, name=shorten(one.artist_name, max_bytes))
        message = pb.Suggestion(artist=artist, score=one.score, why=one.why)
        if one.track_id:
            track = pb.TrackSummary(id=one.track_id, title=shorten(one.title, max_bytes), artist=artist)
            message.track.CopyFrom(track)
        messages.append(message)
    return messages


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
