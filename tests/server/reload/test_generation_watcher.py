"""The watcher: a server without a generation, a newer one, and one that cannot be used."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from msgspec import structs

from pb import soundkin_pb2 as pb
from recommender.generation.manifest import Golden
from recommender.generation.open_generation import CURRENT, MANIFEST, VERSIONS, read_manifest
from recommender.types import Use
from server.metrics import Metrics, Phase, Reason
from server.reload import load_generation
from server.reload.generation_watcher import GenerationWatcher
from server.service import NAME
from tests.factories import MadeArtist, MadeCatalog, point_to, write_generation
from tests.server.ask import by_name, eventually, refusal
from tests.server.conftest import MADE, Serve, Served, serving

INFO = pb.GetIndexInfoRequest()
States = health_pb2.HealthCheckResponse


def state(served: Served, name: str) -> int:
    stub = health_pb2_grpc.HealthStub(served.channel)
    found: int = stub.Check(health_pb2.HealthCheckRequest(service=name)).status
    return found


def generation(served: Served) -> tuple[int, bool]:
    answered = served.stub.GetIndexInfo(INFO).generation
    return answered.version, answered.degraded


def rejections(served: Served) -> dict[str, float]:
    """Reason -> how many generations were rejected for it, where there were any."""
    name = "soundkin_generation_rejected_total"
    found = {reason: served.figures()[f'{name}{{reason="{reason}"}}'] for reason in Reason}
    return {reason.value: count for reason, count in found.items() if count}


def spoil(folder: Path) -> None:
    """Flip one bit of one file."""
    file = next(iter(sorted(folder.glob("*.npy"))))
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)


def test_a_server_without_a_generation_is_unavailable_and_says_what_to_do(serve: Serve, tmp_path: Path) -> None:
    served = serve(tmp_path)
    refused = refusal(served.stub.GetIndexInfo, INFO)
    assert (refused.code.name, refused.reason) == ("UNAVAILABLE", "UNAVAILABLE")
    assert "soundkin scan, embed, build and publish" in refused.message
    assert refused.retry_s == 1
    assert [state(served, name) for name in ("", NAME)] == [States.NOT_SERVING] * 2


def test_health_turns_to_serving_when_the_first_generation_is_published(serve: Serve, tmp_path: Path) -> None:
    served = serve(tmp_path)
    assert state(served, NAME) == States.NOT_SERVING
    write_generation(tmp_path, MADE)
    eventually(lambda: state(served, NAME) == States.SERVING)
    assert state(served, "") == States.SERVING
    assert generation(served) == (1, False)


def test_who_watches_health_is_told_of_the_change(serve: Serve, tmp_path: Path) -> None:
    served = serve(tmp_path)
    watching = health_pb2_grpc.HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest(service=NAME), timeout=60)
    assert next(watching).status == States.NOT_SERVING
    write_generation(tmp_path, MADE)
    assert next(watching).status == States.SERVING
    watching.cancel()


def test_health_of_an_unknown_service_is_not_found(made: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        state(made, "no.such.Service")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_server_just_started_answers_its_first_request(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    assert generation(serve(tmp_path)) == (1, False)


def test_a_newer_generation_takes_over_without_a_restart(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    assert generation(served) == (1, False)
    write_generation(tmp_path, MadeCatalog(artists=(MadeArtist(id="n", name="New"),)), version=2)
    eventually(lambda: generation(served) == (2, False))
    assert served.stub.GetArtist(pb.GetArtistRequest(artist=by_name("new"))).artist.id == "n"
    assert refusal(served.stub.GetArtist, pb.GetArtistRequest(artist=by_name("ay"))).code.name == "NOT_FOUND"


@pytest.mark.parametrize("stage", ["verify", "open_verified", "warm"])
def test_the_old_generation_answers_while_the_new_one_is_verified_opened_and_warmed(
    stage: str, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    assert generation(served) == (1, False)
    work, begun, may_end = getattr(load_generation, stage), threading.Event(), threading.Event()

    def held_up(*given: Any) -> Any:  # Any: whatever the stage takes and gives
        begun.set()
        may_end.wait(60)
        return work(*given)

    monkeypatch.setattr(load_generation, stage, held_up)
    write_generation(tmp_path, MADE, version=2)
    try:
        assert begun.wait(20)
        assert served.stub.GetIndexInfo(INFO, timeout=10).generation.version == 1
        assert not may_end.is_set()
    finally:
        may_end.set()
    eventually(lambda: generation(served) == (2, False))


def test_a_corrupt_generation_is_refused_and_the_old_one_goes_on(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    assert generation(served) == (1, False)
    corrupt = write_generation(tmp_path / "elsewhere", MADE, version=2)
    spoil(corrupt)
    corrupt.rename(tmp_path / VERSIONS / corrupt.name)  # never whole in the home that is served
    point_to(tmp_path, 2)
    eventually(lambda: generation(served) == (1, True))
    time.sleep(0.2)
    assert generation(served) == (1, True)
    assert caplog.text.count("v00000002") == 1
    assert "rejected (checksum)" in caplog.text
    assert "generation v00000001 is still served" in caplog.text
    assert rejections(served) == {"checksum": 1}
    assert state(served, NAME) == States.SERVING
    write_generation(tmp_path, MADE, version=3)
    eventually(lambda: generation(served) == (3, False))


def test_going_back_to_the_generation_that_answers_ends_the_alarm(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    assert generation(served) == (1, False)
    (tmp_path / CURRENT).write_text("{")
    eventually(lambda: generation(served) == (1, True))
    assert rejections(served) == {"unreadable": 1}
    point_to(tmp_path, 1)
    eventually(lambda: generation(served) == (1, False))


def test_a_corrupt_first_generation_leaves_the_server_unavailable(serve: Serve, tmp_path: Path) -> None:
    spoil(write_generation(tmp_path, MADE))
    served = serve(tmp_path)
    refused = refusal(served.stub.GetIndexInfo, INFO)
    assert refused.code.name == "UNAVAILABLE"
    assert "v00000001" in refused.message
    write_generation(tmp_path, MADE, version=2)
    eventually(lambda: state(served, "") == States.SERVING)


class Overtaken(Metrics):
    """Publishes version 2 the moment a load of what was there before begins."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._home: Path | None = home

    def phase_ended(self, phase: Phase, seconds: float) -> None:
        super().phase_ended(phase, seconds)
        if self._home is not None:
            point_to(self._home, 2)
            self._home = None


def test_a_first_generation_that_is_replaced_while_it_is_found_corrupt_is_followed_at_once(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE, version=2)
    spoil(write_generation(tmp_path, MADE, version=1))

    watcher = GenerationWatcher(tmp_path, Use.PERSONAL, Overtaken(tmp_path))
    watcher.refresh()
    try:
        assert (watcher.ready, watcher.problem) == (True, "")
    finally:
        watcher.close()


def test_a_generation_built_for_less_than_the_use_is_refused_and_the_old_one_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_generation(tmp_path, replace(MADE, use="commercial"))
    with serving(tmp_path, use=Use.NONCOMMERCIAL) as served:
        assert generation(served) == (1, False)
        write_generation(tmp_path, MADE, version=2)
        eventually(lambda: generation(served) == (1, True))
        assert "generation v00000002 is licensed for personal use" in caplog.text
        assert rejections(served) == {"licence": 1}
        write_generation(tmp_path, replace(MADE, use="noncommercial"), version=3)
        eventually(lambda: generation(served) == (3, False))


def test_a_first_generation_built_for_less_leaves_the_server_unavailable(tmp_path: Path) -> None:
    with serving(tmp_path, use=Use.COMMERCIAL) as served:
        write_generation(tmp_path, MADE)
        eventually(lambda: "personal use" in refusal(served.stub.GetIndexInfo, INFO).message)
        assert state(served, NAME) == States.NOT_SERVING


def test_a_corrupt_current_at_the_start_falls_back_to_the_newest_older_one_that_verifies(
    serve: Serve, tmp_path: Path
) -> None:
    for version in (1, 2, 3, 4):
        folder = write_generation(tmp_path, MADE, version=version)
        if version in (3, 4):
            spoil(folder)
    served = serve(tmp_path)
    assert generation(served) == (2, True)
    assert state(served, NAME) == States.SERVING
    assert rejections(served) == {"checksum": 2}
    write_generation(tmp_path, MADE, version=5)
    eventually(lambda: generation(served) == (5, False))


def test_a_version_newer_than_current_is_not_fallen_back_to(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE, version=1)
    spoil(write_generation(tmp_path, MADE, version=2))
    write_generation(tmp_path, MADE, version=3)
    point_to(tmp_path, 2)
    assert generation(serve(tmp_path)) == (1, True)


def test_a_pointer_that_cannot_be_read_at_the_start_falls_back_to_the_newest_that_verifies(
    serve: Serve, tmp_path: Path
) -> None:
    for version in (1, 2):
        write_generation(tmp_path, MADE, version=version)
    (tmp_path / CURRENT).write_text("not a pointer")
    served = serve(tmp_path)
    assert generation(served) == (2, True)
    assert rejections(served) == {"unreadable": 1}
    point_to(tmp_path, 2)
    eventually(lambda: generation(served) == (2, False))
    assert served.figures()["soundkin_generation_swaps_total"] == 1


def test_a_fallback_is_held_to_the_use_like_any_other(tmp_path: Path) -> None:
    write_generation(tmp_path, replace(MADE, use="commercial"), version=1)
    write_generation(tmp_path, MADE, version=2)
    spoil(write_generation(tmp_path, replace(MADE, use="commercial"), version=3))
    with serving(tmp_path, use=Use.COMMERCIAL) as served:
        assert generation(served) == (1, True)
        assert rejections(served) == {"checksum": 1, "licence": 1}


def test_a_current_that_vanishes_leaves_what_answers_answering(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    assert generation(served) == (1, False)
    (tmp_path / CURRENT).unlink()
    eventually(lambda: generation(served) == (1, True))
    point_to(tmp_path, 1)
    eventually(lambda: generation(served) == (1, False))


def test_a_generation_with_a_wrong_golden_is_rejected_and_the_old_one_goes_on(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    assert generation(served) == (1, False)
    wrong = Golden(kind="tracks", layer="low", query="t0", answers=("t0",), scores=(0.5,))
    folder = write_generation(tmp_path / "elsewhere", MADE, version=2)
    manifest, _ = read_manifest(folder)
    (folder / MANIFEST).write_text(structs.replace(manifest, goldens=(wrong,)).to_json())
    folder.rename(tmp_path / VERSIONS / folder.name)
    point_to(tmp_path, 2)
    eventually(lambda: rejections(served) == {"golden": 1})
    assert generation(served) == (1, True)


def test_pointing_again_to_what_was_rejected_tells_so_again_without_reading_it_again(
    serve: Serve, tmp_path: Path
) -> None:
    write_generation(tmp_path, MADE)
    served = serve(tmp_path)
    assert generation(served) == (1, False)
    corrupt = write_generation(tmp_path / "elsewhere", MADE, version=2)
    spoil(corrupt)
    corrupt.rename(tmp_path / VERSIONS / corrupt.name)  # never whole in the home that is served
    for _ in range(2):
        point_to(tmp_path, 2)
        eventually(lambda: generation(served) == (1, True))
        point_to(tmp_path, 1)
        eventually(lambda: generation(served) == (1, False))
    assert rejections(served) == {"checksum": 1}
    assert served.figures()['soundkin_swap_seconds_count{phase="identity"}'] == 2
