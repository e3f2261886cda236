"""A power cut at any moment of what any writer of a home does, on a disk that keeps no promise beyond fsync.

What is asked of the disk is recorded once; then every state it may be in afterwards is made and read. To show that the
test can fail, and which fsyncs are needed, each is dropped in turn.
"""

from __future__ import annotations

import functools
import shutil
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.files.atomic import make_folder, write_file
from tests.faults.disk import Disk
from tests.faults.homes import SPACE
from tests.faults.plots import PLOTS
from tests.faults.power import Cuts, Story, drawn_states, play, violations
from tests.faults.recording import Operation, recorded, write_tree

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name what is synced")

Played = Callable[[str], Story]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The story of a name, played once."""
    return functools.cache(lambda name: play(PLOTS[name], tmp_path_factory.mktemp(name) / "home"))


@pytest.mark.parametrize("name", PLOTS)
def test_no_power_cut_leaves_anything_but_the_old_or_the_complete_new(
    name: str, played: Played, tmp_path: Path
) -> None:
    story, cuts = played(name), Cuts(tmp_path)
    assert list(violations(story, story.operations, cuts)) == []
    print(f"{name}: {cuts.tried} cuts, {len(cuts.read)} distinct states, 0 violations")
    assert set(cuts.read.values()) == story.plot.allowed


STAGED = "staging/v00000002"
NEEDED_NOT = {
    "publishing": Counter({".": 1, "staging": 1, STAGED: 3, f"{STAGED}/.LEASE": 1}),
    "setting_a_shard_aside": Counter({"embeddings/SPACE": 1}),
}
"""Folders and files whose fsync, so many times, may be dropped all at once without harm; of the other stories, none.

``staging`` and its name are given up by the rename. The lease is empty. The staged folder is synced by whatever is
written into it last and twice more; the last one alone is enough, and is there for a build that died before its own.
The folder that a shard leaves: a rename is durable with the folder it leads into, on the file systems we know.
"""


@pytest.mark.parametrize("name", PLOTS)
def test_dropping_any_needed_fsync_is_caught(name: str, played: Played, tmp_path: Path) -> None:
    story, cuts = played(name), Cuts(tmp_path)
    left, dropped = story.operations, []
    syncs = [operation for operation in story.operations if operation.kind == "fsync"]
    for sync in syncs:
        fewer = tuple(operation for operation in left if operation is not sync)
        if next(violations(story, fewer, cuts), None) is None:
            left = fewer
            dropped.append(_named(sync.path))
    caught = len(syncs) - len(dropped)
    print(f"{name}: {len(syncs)} fsyncs, {caught} caught when dropped ({cuts.tried} cuts), not needed: {dropped}")
    assert Counter(dropped) - NEEDED_NOT.get(name, Counter()) == Counter()
    assert len(syncs) > len(dropped)


def _named(path: str) -> str:
    """Without what differs from run to run."""
    if ".LEASE" in path:
        return path.partition(".LEASE")[0] + ".LEASE"
    return path.replace(SPACE.key, "SPACE")


@pytest.mark.parametrize("draws", [8, pytest.param(500, marks=pytest.mark.faults)])
@pytest.mark.parametrize("name", [name for name, plot in PLOTS.items() if plot.finish])
def test_the_next_run_finishes_after_a_power_cut(name: str, draws: int, played: Played, tmp_path: Path) -> None:
    story, home = played(name), tmp_path / "cut"
    finish = story.plot.finish
    assert finish
    for tree in drawn_states(story, draws):
        write_tree(home, tree)
        shutil.copy(story.catalog, home)
        assert finish(home) == ""
        shutil.rmtree(home)
    print(f"{name}: the next run finished after {draws} power cuts drawn at random")


def test_the_recorder_sees_what_is_done(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with recorded(home) as operations:
        make_folder(home / "a")
        write_file(home / "a" / "b", [b"one"])
        (home / "a" / "b").unlink()
    part = next(operation.path for operation in operations if operation.path.endswith(".part"))
    assert [str(operation) for operation in operations] == [
        "mkdir a",
        "fsync .",
        f"create {part}",
        f"write {part}",
        f"fsync {part}",
        f"rename {part} -> a/b",
        "fsync a",
        "unlink a/b",
    ]
    assert stat.S_ISDIR((home / "a").stat().st_mode)


def test_the_disk_keeps_what_was_synced_and_nothing_else(tmp_path: Path) -> None:
    disk = Disk({"folder": None, "folder/old": b"old"})
    steps = [
        Operation(kind="create", path="folder/new"),
        Operation(kind="write", path="folder/new", content=b"12345678"),
    ]
    for step in steps:
        disk.do(step)
    assert {tree.get("folder/new") for tree in disk.states()} == {None, b"", b"1234\0\0\0\0", b"12345678"}
    disk.do(Operation(kind="fsync", path="folder/new"))
    assert {tree.get("folder/new") for tree in disk.states()} == {None, b"12345678"}
    disk.do(Operation(kind="fsync", path="folder"))
    assert [tree["folder/new"] for tree in disk.states()] == [b"12345678"]
    disk.do(Operation(kind="rename", path="folder/new", target="folder/old"))
    assert [(tree["folder/old"], tree.get("folder/new")) for tree in disk.states()] == [
        (b"old", b"12345678"),
        (b"12345678", None),
    ]
