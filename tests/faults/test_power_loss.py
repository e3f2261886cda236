"""A power cut at any moment of publishing and of sealing, on a disk that keeps no promise beyond fsync.

What is asked of the disk is recorded once; then every state it may be in afterwards is made and read. To show that the
test can fail, and which fsyncs are needed, each is dropped in turn.
"""

from __future__ import annotations

import json
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from indexer.durable import make_folder, write_file
from indexer.store import EmbeddingStore
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.generation import CURRENT, VERSIONS, folder_name
from tests.faults.crashing import NEW_CLIPS, finish_seal, look, seal
from tests.faults.disk import Disk
from tests.faults.homes import SPACE, add_tracks, build, build_and_publish, publish, served
from tests.faults.recording import Operation, Tree, read_tree, recorded, write_tree

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name what is synced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a writer did, and what must be found after a power cut."""

    before: Tree
    operations: tuple[Operation, ...]
    catalog: Path
    """SQL as it was afterwards."""
    read: Callable[[Path], str]
    """What a reader of a home finds."""
    allowed: frozenset[str]
    """While the writer runs."""
    promised: str
    """Once it has returned."""


@dataclass(slots=True)
class Cuts:
    """Power cuts tried so far, each distinct state read once."""

    folder: Path
    read: dict[frozenset[tuple[str, bytes | None]], str] = field(default_factory=dict)
    tried: int = 0

    def found(self, tree: Tree, story: Story) -> str:
        """What the reader of ``story`` finds in this state."""
        self.tried += 1
        seen = _seen_by_readers(tree)
        key = frozenset(seen.items())
        if key not in self.read:
            self.read[key] = self._materialised(seen, story.read)
        return self.read[key]

    def _materialised(self, tree: Tree, read: Callable[[Path], str]) -> str:
        home = self.folder / "cut"
        write_tree(home, tree)
        try:
            return read(home)
        finally:
            shutil.rmtree(home)


def _seen_by_readers(tree: Tree) -> Tree:
    """CURRENT, the version it points to, and the embeddings."""
    current = tree.get(CURRENT)
    try:
        pointed = folder_name(json.loads(current or b"")["version"])
    except (ValueError, KeyError, TypeError):
        pointed = ""
    ours = (VERSIONS, f"{VERSIONS}/{pointed}")
    return {
        path: content
        for path, content in tree.items()
        if path == CURRENT or path in ours or path.startswith((f"{ours[1]}/", "embeddings"))
    }


def violations(story: Story, operations: Sequence[Operation], cuts: Cuts) -> Iterator[str]:
    """Each power cut after which a reader finds what must not be."""
    disk = Disk(story.before)
    for place, operation in enumerate(operations):
        disk.do(operation)
        last = place == len(operations) - 1
        if not last and not any(map(_is_seen, operations[: place + 1])):
            continue  # nothing that a reader sees was touched yet
        allowed = {story.promised} if last else story.allowed
        for tree in disk.states():
            found = cuts.found(tree, story)
            if found not in allowed:
                yield f"after {operation}: {found}"


def _is_seen(operation: Operation) -> bool:
    return any(path.startswith((CURRENT, VERSIONS, "embeddings")) for path in (operation.path, operation.target))


@pytest.fixture(scope="module")
def publishing(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Version 1 is served; build and publish of version 2."""
    home = tmp_path_factory.mktemp("publishing") / "home"
    add_tracks(home, range(6))
    build_and_publish(home)
    add_tracks(home, range(6, 8))
    before = read_tree(home)
    with recorded(home) as operations:
        build(home)
        publish(home)
    return Story(
        before=before,
        operations=tuple(operations),
        catalog=home / "catalog.db",
        read=look,
        allowed=frozenset({"1", "2"}),
        promised="2",
    )


@pytest.fixture(scope="module")
def sealing(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Version 1 is served; a shard is sealed."""
    home = tmp_path_factory.mktemp("sealing") / "home"
    add_tracks(home, range(6))
    build_and_publish(home)
    before = read_tree(home)
    with recorded(home) as operations:
        seal(home)
    return Story(
        before=before,
        operations=tuple(operations),
        catalog=home / "catalog.db",
        read=look_at_shard,
        allowed=frozenset({"1 without", "1 with"}),
        promised="1 with",
    )


@pytest.fixture(scope="module")
def first_folder(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """An empty home; a file in a folder that is made for it."""
    home = tmp_path_factory.mktemp("first") / "home"
    home.mkdir()
    (home / "catalog.db").touch()
    with recorded(home) as operations:
        make_folder(home / "embeddings" / "space")
        write_file(home / "embeddings" / "space" / "file", [b"first, ", b"second"])
    return Story(
        before={},
        operations=tuple(operations),
        catalog=home / "catalog.db",
        read=look_at_file,
        allowed=frozenset({"absent", "whole"}),
        promised="whole",
    )


def look_at_shard(home: Path) -> str:
    found = look(home)
    if found != "1":
        return found
    held = EmbeddingStore(home, SPACE).clip_ids & {*NEW_CLIPS}
    return found + {0: " without", len(NEW_CLIPS): " with"}.get(len(held), f" with {len(held)} clips")


def look_at_file(home: Path) -> str:
    path = home / "embeddings" / "space" / "file"
    content = path.read_bytes() if path.exists() else None
    return {None: "absent", b"first, second": "whole"}.get(content, f"{content!r}")


STORIES = ("publishing", "sealing", "first_folder")


@pytest.mark.parametrize("name", STORIES)
def test_no_power_cut_leaves_anything_but_the_old_or_the_complete_new(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    story: Story = request.getfixturevalue(name)
    cuts = Cuts(tmp_path)
    assert list(violations(story, story.operations, cuts)) == []
    print(f"{name}: {cuts.tried} cuts, {len(cuts.read)} distinct states, 0 violations")
    assert set(cuts.read.values()) == story.allowed


STAGED = "staging/v00000002"
NEEDED_NOT = {
    "publishing": Counter({".": 1, "staging": 1, STAGED: 3, f"{STAGED}/.LEASE": 1}),
    "sealing": Counter[str](),
    "first_folder": Counter[str](),
}
"""Folders and files whose fsync, so many times, may be dropped all at once without harm.

``staging`` and its name are given up by the rename. The lease is empty. The staged folder is synced by whatever is
written into it last and twice more; the last one alone is enough, and is there for a build that died before its own.
"""


@pytest.mark.parametrize("name", STORIES)
def test_dropping_any_needed_fsync_is_caught(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    story: Story = request.getfixturevalue(name)
    cuts, left, dropped = Cuts(tmp_path), story.operations, []
    syncs = [operation for operation in story.operations if operation.kind == "fsync"]
    for sync in syncs:
        fewer = tuple(operation for operation in left if operation is not sync)
        if next(violations(story, fewer, cuts), None) is None:
            left = fewer
            dropped.append(sync.path.partition(".LEASE")[0] + ".LEASE" if ".LEASE" in sync.path else sync.path)
    caught = len(syncs) - len(dropped)
    print(f"{name}: {len(syncs)} fsyncs, {caught} caught when dropped ({cuts.tried} cuts), not needed: {dropped}")
    assert Counter(dropped) - NEEDED_NOT[name] == Counter()
    assert len(syncs) > len(dropped)


def finish_building(home: Path) -> str:
    """What is staged may be published if it is whole; the next build is published."""
    with suppress(InvalidArgument, GenerationCorrupt):
        publish(home)
    before = served(home)
    return "" if build_and_publish(home) > before and look(home) == str(served(home)) else look(home)


@pytest.mark.parametrize("draws", [12, pytest.param(500, marks=pytest.mark.faults)])
@pytest.mark.parametrize(("name", "finish"), [("publishing", finish_building), ("sealing", finish_seal)])
def test_the_next_run_finishes_after_a_power_cut(
    name: str, finish: Callable[[Path], str], draws: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    story: Story = request.getfixturevalue(name)
    home = tmp_path / "cut"
    for tree in _drawn_states(story, draws):
        write_tree(home, tree)
        shutil.copy(story.catalog, home)
        assert finish(home) == ""
        shutil.rmtree(home)
    print(f"{name}: the next run finished after {draws} power cuts drawn at random")


def _drawn_states(story: Story, draws: int) -> Iterator[Tree]:
    """States after operations drawn at random, the last ones more often: that is where most can go wrong."""
    generator = np.random.default_rng(7)
    places = [int(place) for place in len(story.operations) * generator.random(draws) ** 0.25]
    for place in places:
        disk = Disk(story.before)
        for operation in story.operations[: place + 1]:
            disk.do(operation)
        yield disk.drawn_state(generator)


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
