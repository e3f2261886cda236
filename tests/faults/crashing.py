"""A program that stops the writers of a home at every failpoint, and looks at what they leave.

``python -m tests.faults.crashing FOLDER SCENARIO TIMES`` prints one JSON line a case, of the first TIMES that each
place is reached. Each case runs in children forked from a process that has imported everything and never run FAISS:
forking after FAISS has run hangs.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from msgspec import structs

from indexer.build.reuse import software
from indexer.files import failpoints
from indexer.maintain.collect import CollectOptions, collect
from indexer.maintain.verify import verify
from indexer.publish.quarantine import QUARANTINE
from indexer.publish.rollback import rollback
from indexer.store.store import EmbeddingStore
from recommender.errors import InvalidArgument, PublishRefused, SoundkinError
from recommender.generation.open_generation import VERSIONS, read_manifest
from tests.faults.homes import (
    SPACE,
    add_tracks,
    build,
    build_and_publish,
    embeddings_of,
    publish,
    reseal,
    served,
)

COLLECTING = CollectOptions(keep=1, min_age_hours=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What became of one fault."""

    scenario: str
    order: str
    """As in SOUNDKIN_FAILPOINT."""
    ended: str
    """How the run ended: killed, the number of the error, or "unharmed" when the place was not reached."""
    left: str
    """What it left: a version, or what is wrong."""
    finished: str
    """What the next run made of it: empty when all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A home, something that writes into it, and what must hold afterwards."""

    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    allowed: tuple[str, ...]
    """What :func:`look` may find after the fault."""
    finish: Callable[[Path], str]
    """The next run; empty when it did what it should."""


def look(home: Path) -> str:
    """What a reader finds: the version, when everything verifies."""
    report = verify(home)
    return "; ".join(f"{path}: {problem}" for path, problem in report.problems) or str(report.version)


def prepare_publish(home: Path) -> None:
    """Version 1 served, version 2 staged."""
    add_tracks(home, range(6))
    build_and_publish(home)
    add_tracks(home, range(6, 8))
    build(home)


def finish_publish(home: Path) -> str:
    """The publish is run again, and the next build is published as version 3."""
    try:
        publish(home)
    except InvalidArgument as nothing_staged:
        if served(home) != 2:
            return f"version {served(home)} is served: {nothing_staged}"
    if look(home) != "2":
        return f"after the second publish: {look(home)}"
    return _next_is(home, 3)


def _next_is(home: Path, version: int) -> str:
    build_and_publish(home)
    collect(home)
    parts = [path for path in home.rglob(".*.part") if QUARANTINE not in path.parts]  # those go with their folder
    left = [*(home / "staging").glob("*/"), *parts]
    return "" if look(home) == str(version) and not left else f"after the next build: {look(home)}, left {left}"


def prepare_refusal(home: Path) -> None:
    """Version 1 served; version 2 staged, with answers on record that it does not give."""
    prepare_publish(home)
    reseal(home / "staging" / "v00000002", goldens=_mirrored(home))


def _mirrored(home: Path) -> object:
    goldens = read_manifest(home / "staging" / "v00000002")[0].goldens
    return tuple(structs.replace(golden, scores=tuple(-score for score in golden.scores)) for golden in goldens)


def refused(home: Path) -> None:
    """Publish, and be refused."""
    try:
        publish(home)
    except PublishRefused:
        return
    raise AssertionError("a generation with wrong answers was published")


def finish_refusal(home: Path) -> str:
    """Nothing wrong is ever served: what is left of it is refused again, and the next good build is published."""
    if list((home / "staging").glob("v*/")):
        refused(home)
    if not list((home / QUARANTINE).glob("v00000002@golden*/")):
        return f"not in quarantine: {list((home / QUARANTINE).iterdir())}"
    return _next_is(home, 3)


def prepare_collect(home: Path) -> None:
    """Four versions, the last one served."""
    add_tracks(home, range(6))
    for _ in range(4):
        build_and_publish(home)


def finish_collect(home: Path) -> str:
    """Collection is run again: only the one that is served is left, and the next build is published."""
    collect(home, COLLECTING)
    names = sorted(path.name for path in (home / VERSIONS).iterdir())
    return f"left: {names}" if names != ["v00000004"] else _next_is(home, 5)


def finish_rollback(home: Path) -> str:
    """Rolled back again if need be; nothing that is not staged is published by itself."""
    if served(home) == 4:
        rollback(home, 2)
    try:
        publish(home)
    except InvalidArgument:
        return "" if look(home) == "2" and not _next_is(home, 5) else f"after the next build: {look(home)}"
    return f"version {served(home)} was published again"


def prepare_build(home: Path) -> None:
    """Version 1 served, two more tracks embedded."""
    add_tracks(home, range(6))
    build_and_publish(home)
    add_tracks(home, range(6, 8))


def build_only(home: Path) -> None:
    """Stage version 2."""
    build(home)


def finish_build(home: Path) -> str:
    """What is staged, if it is whole, may be published; the next build is."""
    try:
        publish(home)
    except InvalidArgument:
        return _next_is(home, 2)
    return _next_is(home, 3)


def prepare_seal(home: Path) -> None:
    """Version 1 served, from one shard."""
    add_tracks(home, range(6))
    build_and_publish(home)


NEW_CLIPS = tuple(f"{number:032x}" for number in range(1 << 40, (1 << 40) + 4))


def seal(home: Path) -> None:
    """Append a shard."""
    EmbeddingStore(home, SPACE).append(NEW_CLIPS, embeddings_of(NEW_CLIPS), space=SPACE)


def finish_seal(home: Path) -> str:
    """The clips are all there or none is; those that are not are sealed again, and a next build sees one of each."""
    held = EmbeddingStore(home, SPACE).clip_ids & {*NEW_CLIPS}
    if held not in (set(), {*NEW_CLIPS}):
        return f"{len(held)} of {len(NEW_CLIPS)} clips are there"
    if not held:
        seal(home)
    store = EmbeddingStore(home, SPACE)
    same = (store.layer(1, NEW_CLIPS) == embeddings_of(NEW_CLIPS)[:, 1]).all()
    shards = len(list(store.folder.glob("*.shard")))
    return _next_is(home, 2) if same and shards == 2 else f"{shards} shards, the right vectors: {same}"


SCENARIOS = {
    "publish": Scenario(
        prepare=prepare_publish, act=lambda home: void(publish(home)), allowed=("1", "2"), finish=finish_publish
    ),
    "refusal": Scenario(prepare=prepare_refusal, act=refused, allowed=("1",), finish=finish_refusal),
    "build": Scenario(prepare=prepare_build, act=build_only, allowed=("1",), finish=finish_build),
    "seal": Scenario(prepare=prepare_seal, act=seal, allowed=("1",), finish=finish_seal),
    "collect": Scenario(
        prepare=prepare_collect,
        act=lambda home: void(collect(home, COLLECTING)),
        allowed=("4",),
        finish=finish_collect,
    ),
    "rollback": Scenario(
        prepare=prepare_collect, act=lambda home: void(rollback(home, 2)), allowed=("2", "4"), finish=finish_rollback
    ),
}


def void(_: object) -> None:
    """Forget a result."""


def _done(work: Callable[[Path], None], home: Path) -> str:
    work(home)
    return "unharmed"


def in_child(work: Callable[[], str], *, order: str = "") -> str:
    """What ``work`` returned in a forked child, under a fault; ``killed`` or what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _leave_with(work, writer, order)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else said


def _leave_with(work: Callable[[], str], writer: int, order: str) -> NoReturn:
    try:
        os.environ[failpoints.VARIABLE] = order
        os.write(writer, _tried(work).encode()[-4000:])
    finally:  # nothing may run on in the child: it is a copy of the whole program
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(0)


def _tried(work: Callable[[], str]) -> str:
    try:
        return work()
    except OSError as error:
        return f"errno {error.errno}"
    except (SoundkinError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"


def sweep(name: str, folder: Path, times: int) -> Iterator[Case]:
    """Every fault at every place of one scenario, each of the first ``times`` it is reached."""
    scenario, template = SCENARIOS[name], folder / name / "template"
    in_child(lambda: _done(scenario.prepare, template))
    for place in failpoints.NAMES:
        for time in range(1, times + 1):
            cases = [_case(name, f"{place}@{time}:{fault}", template) for fault in failpoints.FAULTS]
            yield from (case for case in cases if case.ended != "unharmed")
            if any(case.ended == "unharmed" for case in cases):
                break


def _case(name: str, order: str, template: Path) -> Case:
    scenario, home = SCENARIOS[name], template.with_name("home")
    shutil.copytree(template, home, symlinks=True)
    try:
        ended = in_child(lambda: _done(scenario.act, home), order=order)
        if ended == "unharmed":
            return Case(scenario=name, order=order, ended=ended, left="", finished="")
        left = in_child(lambda: look(home))
        finished = in_child(lambda: scenario.finish(home))
        return Case(scenario=name, order=order, ended=ended, left=left, finished=finished)
    finally:
        shutil.rmtree(home)


def main(folder: Path, name: str, times: int) -> None:
    """Print every case of the scenario."""
    software()  # asked once for all children
    gc.freeze()  # a child that collects what its parent left would copy every page of it
    gc.disable()
    for case in sweep(name, folder, times):
        sys.stdout.write(json.dumps(asdict(case)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
