"""The figures for Prometheus: what is counted, by what, and that nothing a client sent is among them."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from msgspec import structs

from pb import soundkin_pb2 as pb
from server.call import CallEnded
from server.interceptors import Guard
from server.metrics import Metrics, Phase, Reason, Refusal
from server.service import NAME
from tests.factories import make_generation, write_generation
from tests.server.ask import by_id, by_name, eventually, refusal
from tests.server.conftest import MADE, Serve
from tests.server.fake_context import AbortedCall, FakeContext

INFO = pb.GetIndexInfoRequest()


def calls(method: str, code: str) -> str:
    """Name of the count of calls of ``method`` that ended in ``code``."""
    return f'soundkin_rpc_seconds_count{{code="{code}",method="{NAME}/{method}"}}'


def test_calls_are_counted_by_method_and_code(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    for _ in range(3):
        served.stub.GetIndexInfo(INFO)
    refusal(served.stub.GetArtist, pb.GetArtistRequest(artist=by_name("nobody")))
    refusal(served.stub.SimilarTracks, pb.SimilarTracksRequest(clip=pb.AudioClip(file=b"RIFF")))
    figures = served.figures()
    assert figures[calls("GetIndexInfo", "OK")] == 3
    assert figures[calls("GetArtist", "NOT_FOUND")] == 1
    assert figures[calls("SimilarTracks", "FAILED_PRECONDITION")] == 1
    assert figures["soundkin_rpc_in_flight"] == 0


def test_nothing_a_client_sent_is_on_the_page(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    refusal(served.stub.GetArtist, pb.GetArtistRequest(artist=by_id("canary")[0]))
    for method in (f"/{NAME}/Canary", "/canary.Service/Canary"):
        with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
            served.channel.unary_unary(method, None, None)(b"canary", metadata=(("canary", "canary"),))
    assert not [name for name in served.figures() if "canary" in name.lower()]
    assert len([name for name in served.figures() if name.startswith("soundkin_rpc_seconds_count")]) == 1


def test_the_page_tells_which_generation_answers_how_old_it_is_and_how_long_it_took(
    serve: Serve, tmp_path: Path
) -> None:
    served = serve(tmp_path)
    assert served.figures()["soundkin_generation_version"] == 0
    assert math.isnan(served.figures()["soundkin_generation_age_seconds"])
    write_generation(tmp_path, MADE, version=7)
    eventually(lambda: served.figures()["soundkin_generation_version"] == 7)
    figures = served.figures()
    age_s = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    assert figures["soundkin_generation_age_seconds"] == pytest.approx(age_s, abs=60)
    assert (figures["soundkin_generation_swaps_total"], figures["soundkin_degraded"]) == (1, 0)
    assert {phase: figures[f'soundkin_swap_seconds_count{{phase="{phase}"}}'] for phase in Phase} == dict.fromkeys(
        Phase, 1
    )


def test_every_reason_is_on_the_page_before_it_happens(serve: Serve, tmp_path: Path) -> None:
    figures = serve(tmp_path).figures()
    assert {figures[f'soundkin_generation_rejected_total{{reason="{reason}"}}'] for reason in Reason} == {0}


def test_the_memory_of_the_process_is_on_the_page(serve: Serve, tmp_path: Path) -> None:
    assert serve(tmp_path).figures()["process_resident_memory_bytes"] > 1e7


def test_two_servers_in_one_process_count_apart(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    one, other = serve(tmp_path), serve(tmp_path)
    one.stub.GetIndexInfo(INFO)
    assert one.figures()[calls("GetIndexInfo", "OK")] == 1
    assert calls("GetIndexInfo", "OK") not in other.figures()


def test_a_time_of_building_that_is_none_gives_no_age() -> None:
    metrics = Metrics()
    metrics.swapped(structs.replace(make_generation(MADE).manifest, built_at="yesterday"))
    age_s = metrics.registry.get_sample_value("soundkin_generation_age_seconds")
    assert age_s is not None
    assert math.isnan(age_s)


def _handler(guard: Guard, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``behaviour`` as the guard wraps it, under the name /test/Method."""
    made = grpc.unary_unary_rpc_method_handler(behaviour, bytes, bytes)
    details: Any = SimpleNamespace(method="/test/Method")
    return guard.intercept_service(lambda details: made, details).unary_unary  # type: ignore[no-any-return]


def test_a_call_that_runs_is_in_flight_and_the_guard_is_idle_when_the_last_is_done() -> None:
    metrics, begun, may_end = Metrics(), threading.Barrier(3), threading.Event()

    def slow(request: bytes, context: object) -> bytes:
        begun.wait(30)
        may_end.wait(30)
        if request:
            raise CallEnded
        return request

    guard = Guard(metrics)
    assert guard.wait_until_idle(30)
    call = _handler(guard, slow)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(call, request, FakeContext()) for request in (b"", b"x")]
        begun.wait(30)
        assert metrics.registry.get_sample_value("soundkin_rpc_in_flight") == 2
        assert not guard.wait_until_idle(0.01)
        may_end.set()
        assert guard.wait_until_idle(30)
        assert running[0].result(30) == b""
        with pytest.raises(AbortedCall):
            running[1].result(30)
    assert metrics.registry.get_sample_value("soundkin_rpc_in_flight") == 0
    ended = {code: {"method": "test/Method", "code": code} for code in ("OK", "CANCELLED")}
    counts = {code: metrics.registry.get_sample_value("soundkin_rpc_seconds_count", ended[code]) for code in ended}
    assert counts == {"OK": 1, "CANCELLED": 1}


def test_seconds_are_those_the_call_took() -> None:
    metrics = Metrics()

    def slow(request: bytes, context: object) -> bytes:
        time.sleep(0.05)
        return request

    call = _handler(Guard(metrics), slow)
    started = time.perf_counter()
    call(b"", FakeContext())
    took_s = time.perf_counter() - started
    seconds = metrics.registry.get_sample_value("soundkin_rpc_seconds_sum", {"method": "test/Method", "code": "OK"})
    assert seconds is not None
    assert 0.049 < seconds <= took_s


def test_the_page_on_operations_explains_every_figure_reason_and_stage() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(soundkin_\w+?)(?:_total)?(?:\{[a-z,]+\})?`", page))
    assert named == {family.name for family in Metrics().registry.collect() if family.name.startswith("soundkin_")}
    assert [word for word in (*Reason, *Phase, *Refusal) if f"`{word}`" not in page] == []
