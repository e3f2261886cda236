"""Killing the nightly run anywhere: the next one finishes the work, and nothing is embedded twice or served half."""

from __future__ import annotations

import random
import signal
import time
from itertools import count
from pathlib import Path

import pytest

from indexer.files.failpoints import PUBLISHING
from indexer.files.home import CATALOG_FILE
from indexer.maintain.verify import verify
from recommender.catalog import Catalog
from recommender.errors import GenerationCorrupt
from recommender.generation.open_generation import read_current
from tests.catalog_rows import read_runs
from tests.indexer.nightly import nights

MOMENTS = ("file.renamed@2", "publish.renamed", "publish.recorded")
"""Places of a first night: a shard is sealed and SQL not told, a version is named and not pointed to, all is done."""

SWEPT = ("file.written", "file.renamed", "folder.synced", *PUBLISHING)
"""Between them, every stretch of a night in which something is made durable."""
MAX_NIGHT_S = 8.0


def kill_at(home: Path, failpoint: str) -> bool:
    """Run a night that kills itself at ``failpoint``; whether it came to that."""
    status, _, said = nights.finish(nights.start(home, failpoint=failpoint))
    assert status in (0, -signal.SIGKILL), said
    return status == -signal.SIGKILL


def kill_after(home: Path, seconds: float) -> bool:
    """Run a night and kill it after ``seconds``; whether it was still at work."""
    process = nights.start(home)
    time.sleep(seconds)
    process.kill()
    status, _, said = nights.finish(process)
    assert status in (0, -signal.SIGKILL), said
    return status == -signal.SIGKILL


def finish_the_night(home: Path) -> str:
    """Run a night to its end, then another, which has nothing to do; what is wrong with that, empty when nothing."""
    with Catalog.open(home / CATALOG_FILE) as catalog:
        first, second = nights.run(catalog, home), nights.run(catalog, home)
    problems = [*nights.wrong(home), *([] if first.state == "done" else [f"the next run: {first.outcome}"])]
    if second.outcome != "unchanged":
        problems.append(f"the run after it is {second.outcome}")
    return "; ".join(problems)


def left(home: Path) -> str:
    """What is wrong with what a kill left for a server to read; empty when it is whole, or nothing."""
    try:
        served = read_current(home)
    except GenerationCorrupt as error:
        return str(error)
    return "" if served is None else "; ".join(problem for _, problem in verify(home).problems)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_night_that_is_killed_is_finished_by_the_next(tmp_path: Path, moment: str) -> None:
    home = nights.make_home(tmp_path, artists=2)
    assert kill_at(home, moment)
    assert left(home) == ""
    assert finish_the_night(home) == ""
    with Catalog.open(home / CATALOG_FILE) as catalog:
        assert [one.state for one in read_runs(catalog, "nightly")] == ["killed", "done", "done"]


def test_nights_that_are_killed_one_after_another_get_there(tmp_path: Path) -> None:
    home, chance = nights.make_home(tmp_path, artists=1), random.Random(4)
    for number in range(2):
        kill_after(home, chance.uniform(1.0, MAX_NIGHT_S))
        assert left(home) == ""
        nights.add_artist(home, 1 + number)
    assert finish_the_night(home) == ""


@pytest.mark.faults
@pytest.mark.parametrize("name", SWEPT)
def test_every_time_a_night_reaches_a_place_it_may_be_killed_there(tmp_path: Path, name: str) -> None:
    wrong = {}
    for number in count(1):
        home = nights.make_home(tmp_path / str(number), artists=2)
        if not kill_at(home, f"{name}@{number}"):
            break
        wrong[number] = "; ".join(filter(None, (left(home), finish_the_night(home))))
    print(f"{name}: {len(wrong)} kills, {sum(map(bool, wrong.values()))} bad states")
    assert wrong
    assert not any(wrong.values()), wrong


@pytest.mark.faults
def test_kills_at_random_times_while_music_comes_in(tmp_path: Path) -> None:
    home, chance, killed = nights.make_home(tmp_path), random.Random(5), 0
    for number in range(30):
        killed += kill_after(home, chance.uniform(0.3, MAX_NIGHT_S))
        assert left(home) == ""
        nights.add_artist(home, 3 + number)
    problems = finish_the_night(home)
    print(f"{killed} of 30 runs killed: {problems or 'all well'}")
    assert problems == ""
