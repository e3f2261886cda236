"""A generation is let go of when the last who answers from it is done: in the loader's thread, and then its lease."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pb import soundkin_pb2 as pb
from recommender.generation.lease import try_exclusive
from recommender.types import Use
from server.metrics import Metrics
from server.reload.generation_watcher import GenerationWatcher
from server.reload.loaded_generation import Snapshot
from server.rpc import artists, lookups
from tests.factories import write_generation
from tests.server.ask import by_id
from tests.server.conftest import MADE

INFO = pb.GetIndexInfoRequest()


def is_leased(folder: Path) -> bool:
    """Somebody reads the generation in ``folder``."""
    with try_exclusive(folder) as free:
        return not free


def loaded(metrics: Metrics) -> float | None:
    """How many generations are in memory."""
    return metrics.registry.get_sample_value("soundkin_generations_loaded")


def holding(home: Path, metrics: Metrics) -> GenerationWatcher:
    """A watcher that has loaded what is published in ``home``."""
    watcher = GenerationWatcher(home, Use.PERSONAL, metrics)
    watcher.refresh()
    return watcher


def test_a_request_keeps_its_generation_until_it_is_done(tmp_path: Path) -> None:
    metrics = Metrics()
    first = write_generation(tmp_path, MADE)
    watcher = holding(tmp_path, metrics)
    held = watcher.snapshot()
    second = write_generation(tmp_path, MADE, version=2)
    watcher.refresh()
    watcher.refresh()
    assert lookups.get_index_info(held, INFO).generation.version == 1
    assert lookups.get_index_info(watcher.snapshot(), INFO).generation.version == 2
    assert (is_leased(first), is_leased(second), loaded(metrics)) == (True, True, 2)
    del held
    watcher.refresh()
    assert (is_leased(first), is_leased(second), loaded(metrics)) == (False, True, 1)
    watcher.close()
    assert not is_leased(second)


def test_a_search_that_goes_on_keeps_its_generation(tmp_path: Path) -> None:
    started, may_end = threading.Event(), threading.Event()

    def search(snapshot: Snapshot) -> int:
        started.set()
        may_end.wait(10)
        return artists.similar_artists(snapshot, pb.SimilarArtistsRequest(seeds=by_id("a"))).generation.version

    first = write_generation(tmp_path, MADE)
    watcher = holding(tmp_path, Metrics())
    with ThreadPoolExecutor(1) as worker:
        running = worker.submit(search, watcher.snapshot())
        assert started.wait(10)
        write_generation(tmp_path, MADE, version=2)
        for _ in range(3):
            watcher.refresh()
        assert is_leased(first)
        may_end.set()
        assert running.result(10) == 1
    del running
    watcher.refresh()
    assert not is_leased(first)
    watcher.close()


def test_the_memory_is_given_back_by_who_refreshes_and_the_lease_after_it(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []

    first = write_generation(tmp_path, MADE)
    watcher = holding(tmp_path, Metrics())
    recommender = watcher.snapshot().recommender
    weakref.finalize(
        recommender.generation.tracks["low"],
        lambda: seen.append((threading.current_thread().name, is_leased(first))),
    )
    del recommender
    write_generation(tmp_path, MADE, version=2)
    watcher.refresh()
    assert seen == []
    watcher.refresh()
    watcher.close()
    assert seen == [(threading.current_thread().name, True)]


def test_two_snapshots_of_one_generation_are_two_readers(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    watcher = holding(tmp_path, Metrics())
    one, other = watcher.snapshot(), watcher.snapshot()
    assert one != other
    watcher.close()


def test_a_released_generation_gives_no_snapshot(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    watcher = holding(tmp_path, Metrics())
    loaded = watcher._serving
    assert loaded is not None
    watcher.close()
    with pytest.raises(RuntimeError, match="generation 1 was released"):
        loaded.snapshot(degraded=False)
