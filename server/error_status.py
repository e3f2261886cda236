"""The gRPC status of every error: the one table of codes, and the google.rpc details that clients read."""

from __future__ import annotations

import re
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from recommender import errors
from recommender.errors import AmbiguousName, InvalidArgument, NotFound, SoundkinError, Unavailable

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
        return (error_details_pb2.ResourceInfo(resource_type=error.kind, resource_name=wanted),)
    if isinstance(error, Unavailable):
        return (error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)),)
    return ()
