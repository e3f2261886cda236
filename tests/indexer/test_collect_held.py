"""What publishes that died have left under its name stays until one of them is finished, however little is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.maintain.collect import CollectOptions, collect
from tests.faults.homes import add_tracks, build, build_and_publish, publish, served

NOW = CollectOptions(keep=1, min_age_hours=0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Version 1 served; 2 and 3 were renamed by publishes that died before the pointer."""
    home = tmp_path / "home"
    add_tracks(home, range(4))
    build_and_publish(home)
    for version in ("v00000002", "v00000003"):
        build(home)
        (home / "staging" / version).rename(home / "versions" / version)
    return home


def names(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "versions").iterdir())


@pytest.mark.parametrize("dry_run", [True, False])
def test_every_publish_that_was_stranded_stays_though_one_is_kept(home: Path, dry_run: bool) -> None:
    done = collect(home, CollectOptions(keep=1, min_age_hours=0, dry_run=dry_run))
    assert (done.removed, done.freed_bytes) == ((), 0)
    assert names(home) == ["v00000001", "v00000002", "v00000003"]


def test_the_newest_of_them_is_finished_after_a_collection_and_then_the_others_go(home: Path) -> None:
    collect(home, NOW)
    assert publish(home).version == 3
    assert served(home) == 3
    assert collect(home, NOW).removed == ("versions/v00000002", "versions/v00000001")
    assert names(home) == ["v00000003"]
