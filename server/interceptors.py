"""Runs around every call: turns errors into statuses, measures the call, and writes a line to the access log."""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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
from server.call import CallEnded
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
    errors.Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
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


PROBES = "/grpc.health."
"""Health checks come every few seconds, so they are in the access log only at level debug."""

_log = logging.getLogger(__name__)

Behaviour: TypeAlias = Callable[[Any, Any], Any]  # Any: messages of the method; grpc's context
Handler: TypeAlias = Any  # Any: grpc's stubs have no type for it


@dataclass(frozen=True, slots=True, kw_only=True)
class _RefusedRequest:
    """Takes the place of a request that is too large or whose bytes are not a message."""

    fault: Fault


class Guard(grpc.ServerInterceptor):  # type: ignore[type-arg]  # it cannot be subscripted at run time
    """Handles errors, metrics and log of calls with one reply. Other calls (health Watch, reflection) pass through."""

    def __init__(self, metrics: Metrics, pools: Mapping[str, ThreadPoolExecutor] | None = None) -> None:
        """``pools``: start of a method's path -> threads that its calls run in, where these are not the server's."""
        self._metrics = metrics
        self._pools = pools or {}
        self._wrapped: dict[str, Handler] = {}
        self._running = 0
        self._idle = threading.Condition()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Return True when no call runs, False after ``timeout_s`` seconds in which some did.

        A stopped gRPC server has cancelled its calls, but the work for them may go on.
        """
        with self._idle:
            return self._idle.wait_for(lambda: not self._running, timeout_s)

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Handler], handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Wrap the handler of the called method, once a method. None (UNIMPLEMENTED) stays None.

        This runs in the one thread that accepts calls.
        """
        method = str(handler_call_details.method)
        known = self._wrapped.get(method)
        if known is not None:
            return known
        handler = continuation(handler_call_details)
        if handler is None or handler.response_streaming:
            return handler
        parse = _size_checked(handler.request_deserializer, AUDIO_FIELDS.get(method))
        if handler.request_streaming:
            call = self._wrap(handler.stream_unary, method)
            made = grpc.stream_unary_rpc_method_handler(call, parse, handler.response_serializer)
        else:
            call = self._wrap(handler.unary_unary, method)
            made = grpc.unary_unary_rpc_method_handler(call, parse, handler.response_serializer)
        self._wrapped[method] = made
        return made

    def _wrap(self, behaviour: Behaviour, method: str) -> Behaviour:
        """``behaviour`` with errors turned into statuses. The outcome is logged and measured, but not the request."""

        def call(request: Any, context: Any) -> Any:
            started = time.perf_counter()
            with self._count_as_running():
                outcome = _outcome(behaviour, request, context)
            code = outcome.code.name if isinstance(outcome, Fault) else _name_of(context.code())
            self._record(method, code, time.perf_counter() - started)
            if isinstance(outcome, Fault):
                context.set_trailing_metadata(outcome.trailers)
                context.abort(outcome.code, outcome.message)
            return outcome

        pools = [pool for start, pool in self._pools.items() if method.startswith(start)]
        if pools:
            call.experimental_thread_pool = pools[0]  # type: ignore[attr-defined]  # where grpc looks for it
        return call

    @contextmanager
    def _count_as_running(self) -> Iterator[None]:
        with self._idle:
            self._running += 1
        try:
            with self._metrics.in_flight():
                yield
        finally:
            with self._idle:
                self._running -= 1
                if not self._running:
                    self._idle.notify_all()

    def _record(self, method: str, code: str, seconds: float) -> None:
        """Write the access log and the metrics. ``method`` is one of the server's: an unknown method has no handler."""
        level = logging.DEBUG if method.startswith(PROBES) else logging.INFO
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


ENDED = Fault(code=grpc.StatusCode.CANCELLED, message="the client has gone, or its deadline has passed")
"""Nobody reads it."""


def _outcome(behaviour: Behaviour, request: Any, context: Any) -> Any:
    """The reply, or the Fault in which the call ended."""
    if isinstance(request, _RefusedRequest):
        return request.fault
    try:
        return behaviour(request, context)
    except CallEnded:
        return ENDED
    except SoundkinError as error:
        return fault_of(error)
    except Exception:
        if not context.is_active():  # reading a stream whose client has gone fails with grpc's own exception
            return ENDED
        identifier = uuid.uuid4().hex[:12]
        _log.exception("incident %s", identifier)
        return unexpected_fault(identifier)


def _name_of(code: grpc.StatusCode | None) -> str:
    """Name of the status that a method set itself, as the health service does for an unknown name; OK for None."""
    return "OK" if code is None else code.name
