"""Shorthands for server tests: requests, what an error carries, and waiting for a condition."""

from __future__ import annotations

import math
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

from indexer.build.scene_walk import OTHER_POWER, OWN_POWER, RESTART, STEPS
from pb import soundkin_pb2 as pb
from recommender.calibration.mix_scale import STRONG
from recommender.fusion.profiles import BASE, SLOPES
from recommender.signals.scene import HALF


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


def walked_alone(listing: float) -> float:
    """Value of the walk between two artists that are listed with each other and with nobody else.

    From one of them the only step is to the other, so the probability to be there is ``.85`` times that of not being
    there before.
    """
    there = 0.0
    for _ in range(STEPS):
        there = (1.0 - RESTART) * (1.0 - there)
    return float(listing**OWN_POWER * there * listing**-OTHER_POWER)


def by_evidence(
    *,
    cosine: float | None = None,
    walked: float | None = None,
    genre: float | None = None,
    collaboration: float | None = None,
    slopes: tuple[float, float, float, float] = SLOPES,
) -> float:
    """The score of a pair by the definition of ``evidence``, without calibration; None is "no opinion".

    The odds are those of an unrelated pair times e to the power of slope times strength, for each signal that speaks.
    """
    strengths = (
        None if cosine is None else math.log(1.0 + cosine / (1.0 - cosine) / STRONG),
        None if walked is None else math.log(1.0 + walked / HALF),
        genre,
        collaboration,
    )
    says = sum(slope * strength for slope, strength in zip(slopes, strengths, strict=True) if strength is not None)
    odds = BASE / (1.0 - BASE) * math.exp(says)
    return odds / (1.0 + odds)


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
