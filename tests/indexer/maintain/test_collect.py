"""Collection: what nobody needs goes, what is served, read, young or on its way stays."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from indexer.maintain.collect import Collected, CollectOptions, collect
from indexer.maintain.repair import repair
from indexer.maintain.verify import verify
from indexer.publish import quarantine
from indexer.publish.rollback import rollback
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.generation.lease import Lease
from recommender.generation.open_generation import CURRENT, open_current
from tests.faults.homes import add_tracks, build, build_and_publish, open_catalog, publish, served


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Versions 1 to 5, the last one served."""
    add_tracks(tmp_path / "home", range(4))
    for _ in range(5):
        build_and_publish(tmp_path / "home")
    return tmp_path / "home"


def names(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "versions").iterdir())


def take(home: Path, keep: int = 2, *, dry_run: bool = False) -> Collected:
    return collect(home, CollectOptions(keep=keep, min_age_hours=0, dry_run=dry_run))


def test_the_newest_stay_and_the_others_go_with_their_bytes(home: Path) -> None:
    size = sum(path.stat().st_size for name in names(home)[:3] for path in (home / "versions" / name).iterdir())
    done = take(home)
    assert done.removed == ("versions/v00000003", "versions/v00000002", "versions/v00000001")
    assert (done.freed_bytes, done.leased) == (size, ())
    assert names(home) == ["v00000004", "v00000005"]


def test_nothing_goes_that_is_young(home: Path) -> None:
    assert collect(home).removed == ()
    assert len(names(home)) == 5


def test_a_dry_run_says_it_and_removes_nothing(home: Path) -> None:
    told = take(home, dry_run=True)
    assert len(names(home)) == 5
    assert take(home) == told


def test_what_is_read_stays_until_it_is_not(home: Path) -> None:
    with Lease.take(home / "versions" / "v00000001"):
        assert take(home).leased == ("v00000001",)
    assert names(home) == ["v00000001", "v00000004", "v00000005"]
    assert take(home).removed == ("versions/v00000001",)


def test_after_a_rollback_the_served_one_and_those_before_it_stay_beside_the_newest(home: Path) -> None:
    rollback(home, 2)
    take(home)
    assert names(home) == ["v00000001", "v00000002", "v00000004", "v00000005"]
    assert open_current(home).manifest.version == 2


def test_a_version_on_its_way_to_be_served_stays(home: Path) -> None:
    build(home)
    (home / "staging" / "v00000006").rename(home / "versions" / "v00000006")
    done = take(home, keep=1)
    assert "versions/v00000006" not in done.removed
    assert names(home) == ["v00000005", "v00000006"]
    assert publish(home).version == 6


def test_what_killed_runs_left_goes_and_a_whole_build_that_waits_stays(home: Path) -> None:
    (home / "versions" / "trash.v00000000").mkdir()
    (home / "versions" / "trash.v00000000" / "half").write_bytes(b"12345")
    (home / ".CURRENT.1.part").write_bytes(b"123")
    (home / "staging" / "v00000006").mkdir(parents=True)
    done = collect(home)
    assert (done.removed, done.freed_bytes) == (("versions/v00000000", "staging/v00000006"), 8)
    assert list(home.glob(".*.part")) == []
    build(home)
    assert collect(home).removed == ()
    assert publish(home).version == 6


def test_rejected_ones_stay_a_week_and_three_at_most(home: Path) -> None:
    for number in range(5):
        (home / "quarantine" / f"v0000000{number}@golden").mkdir(parents=True)
    assert collect(home).removed == ("quarantine/v00000001@golden", "quarantine/v00000000@golden")
    late_s = time.time() + quarantine.KEPT_DAYS * 86_400 + 1
    assert len(quarantine.overdue(home, now_s=late_s)) == 3
    assert quarantine.overdue(home, now_s=late_s - 60) == []


def test_corrupt_shards_stay_a_month(home: Path) -> None:
    (shard,) = (home / "embeddings").glob("*/*.shard")
    shard.write_bytes(b"not a shard")
    with open_catalog(home) as catalog:
        (moved,) = repair(catalog, home, verify(home).problems).quarantined
    kept = Path(moved.kept)
    assert take(home).removed[0] == "versions/v00000003"
    assert kept.exists()
    late_s = time.time() + quarantine.SHARDS_KEPT_DAYS * 86_400 + 1
    assert quarantine.overdue_shards(home, now_s=late_s) == [kept]
    assert quarantine.overdue_shards(home, now_s=late_s - 60) == []


def test_a_corrupt_shard_goes_when_its_month_is_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = home / "quarantine" / "embeddings" / "made-0123" / "00000001.shard"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"12345")
    late_s = time.time() + quarantine.SHARDS_KEPT_DAYS * 86_400 + 1
    monkeypatch.setattr(time, "time", lambda: late_s)
    name = "quarantine/embeddings/made-0123/00000001.shard"
    told = collect(home, CollectOptions(keep=5, dry_run=True))
    assert (told.removed, told.freed_bytes, kept.exists()) == ((name,), 5, True)
    assert collect(home, CollectOptions(keep=5)) == told
    assert not kept.exists()


def test_nothing_is_removed_while_nobody_knows_what_is_served(home: Path) -> None:
    (home / CURRENT).write_text("?")
    with pytest.raises(GenerationCorrupt):
        take(home)
    assert len(names(home)) == 5


def test_a_home_in_which_nothing_was_published_has_nothing_to_collect(tmp_path: Path) -> None:
    assert collect(tmp_path) == Collected(removed=(), freed_bytes=0, leased=())


@pytest.mark.parametrize(
    "options", [CollectOptions(keep=0), CollectOptions(min_age_hours=-1), CollectOptions(min_age_hours=float("nan"))]
)
def test_options_without_meaning_are_refused(options: CollectOptions, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        collect(tmp_path, options)


def test_a_version_of_the_first_release_is_free_once_it_is_old(home: Path) -> None:
    folder = home / "versions" / "v00000001"
    folder.chmod(0o755)
    os.unlink(folder / "LEASE")
    assert "versions/v00000001" in take(home).removed
    assert served(home) == 5


NOW = CollectOptions(keep=1, min_age_hours=0)


@pytest.fixture
def stranded(tmp_path: Path) -> Path:
    """Version 1 served; 2 and 3 were renamed by publishes that died before the pointer."""
    stranded = tmp_path / "home"
    add_tracks(stranded, range(4))
    build_and_publish(stranded)
    for version in ("v00000002", "v00000003"):
        build(stranded)
        (stranded / "staging" / version).rename(stranded / "versions" / version)
    return stranded


@pytest.mark.parametrize("dry_run", [True, False])
def test_every_publish_that_was_stranded_stays_though_one_is_kept(stranded: Path, dry_run: bool) -> None:
    done = collect(stranded, CollectOptions(keep=1, min_age_hours=0, dry_run=dry_run))
    assert (done.removed, done.freed_bytes) == ((), 0)
    assert names(stranded) == ["v00000001", "v00000002", "v00000003"]


def test_the_newest_of_them_is_finished_after_a_collection_and_then_the_others_go(stranded: Path) -> None:
    collect(stranded, NOW)
    assert publish(stranded).version == 3
    assert served(stranded) == 3
    assert collect(stranded, NOW).removed == ("versions/v00000002", "versions/v00000001")
    assert names(stranded) == ["v00000003"]


def test_what_was_staged_and_will_not_go_stops_the_build_and_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(home)

    def fail(path: str, **more: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(os, "rmdir", fail)
    with pytest.raises(OSError, match=r"Input/output error.*v00000006"):
        build(home)
    monkeypatch.undo()
    assert build(home).version == 6
