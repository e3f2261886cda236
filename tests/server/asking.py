"""Shorthands for requests, and what an error carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from server.pb import soundkin_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a call failed."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    field: str


def by_id(*identifiers: str) -> list[pb.ArtistRef]:
    """References by our own ids."""
    return [pb.ArtistRef(id=identifier) for identifier in identifiers]


def by_name(name: str) -> pb.ArtistRef:
    """A reference by name."""
    return pb.ArtistRef(name=name)


def weights(**given: float) -> pb.SignalWeights:
    """``audio=1.0`` and so on."""
    entries = [pb.SignalWeight(signal=pb.Signal.Value(f"SIGNAL_{name.upper()}"), weight=w) for name, w in given.items()]
    return pb.SignalWeights(weights=entries)


def refusal(call: Callable[[Any], object], request: object) -> Refusal:
    """What ``call`` refuses ``request`` with; fails when it answers."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    error: Any = caught.value
    status = rpc_status.from_call(error)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details if status else ():
        detail.Unpack(info)
        detail.Unpack(bad)
    return Refusal(
        code=error.code(),
        message=error.details(),
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        field=bad.field_violations[0].field if bad.field_violations else "",
    )
