"""Shorthands for server tests: requests, what an error carries, and waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pb import soundkin_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a call failed."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    field: str
    retry_s: int


def by_id(*identifiers: str) -> list[pb.ArtistRef]:
    """References by our own ids."""
    return [pb.ArtistRef(id=identifier) for identifier in identifiers]


def by_name(name: str) -> pb.ArtistRef:
    """A reference by name."""
    return pb.ArtistRef(name=name)


def weights(**given: float) -> pb.SignalWeights:
    """``audio=1.0`` and so on."""
    entries = [pb.SignalWeight(signal=f"SIGNAL_{name.upper()}", weight=w) for name, w in given.items()]
    return pb.SignalWeights(weights=entries)


def refusal(call: Callable[[Any], object], request: object) -> Refusal:
    """What ``call`` refuses ``request`` with; fails when it answers."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    error: Any = caught.value
    status = rpc_status.from_call(error)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details if status else ():
        detail.Unpack(info)
        detail.Unpack(bad)
        detail.Unpack(retry)
    return Refusal(
        code=error.code(),
        message=error.details(),
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        field=bad.field_violations[0].field if bad.field_violations else "",
        retry_s=retry.retry_delay.seconds,
    )


def figures(port: int) -> dict[str, float]:
    """The page of metrics on ``port``: name with labels -> value."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until ``holds``, half a minute at most: a machine may be busy."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)
