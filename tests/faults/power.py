"""Power cuts in what a writer did: it is recorded once, then every state its disk may be in is made and read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recommender.generation.open_generation import CURRENT, VERSIONS, folder_name
from tests.faults.disk import Disk
from tests.faults.recording import Operation, Tree, read_tree, recorded, write_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What a writer does to a home, and what must be found after a power cut."""

    prepare: Callable[[Path], object]
    act: Callable[[Path], object]
    read: Callable[[Path], str]
    """What a reader of a home finds."""
    allowed: frozenset[str]
    """While the writer runs."""
    promised: str
    """Once it has returned."""
    seen: tuple[str, ...] = ("embeddings",)
    """How the paths begin that the reader looks at, besides CURRENT and the version it points to."""
    finish: Callable[[Path], str] | None = None
    """The next run; empty when it did what it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A plot that was played once, with nothing going wrong."""

    plot: Plot
    before: Tree
    operations: tuple[Operation, ...]
    catalog: Path
    """SQL as it was afterwards."""


def play(plot: Plot, home: Path) -> Story:
    """Play ``plot`` in ``home``, which is made, and record it."""
    home.mkdir()
    plot.prepare(home)
    before = read_tree(home)
    with recorded(home) as operations:
        plot.act(home)
    (home / "catalog.db").touch()
    return Story(plot=plot, before=before, operations=tuple(operations), catalog=home / "catalog.db")


@dataclass(slots=True)
class Cuts:
    """Power cuts tried so far, each distinct state read once."""

    folder: Path
    read: dict[frozenset[tuple[str, bytes | None]], str] = field(default_factory=dict)
    tried: int = 0

    def found(self, tree: Tree, plot: Plot) -> str:
        """What the reader of ``plot`` finds in this state."""
        self.tried += 1
        seen = _seen_by_readers(tree, plot.seen)
        key = frozenset(seen.items())
        if key not in self.read:
            self.read[key] = self._materialised(seen, plot.read)
        return self.read[key]

    def _materialised(self, tree: Tree, read: Callable[[Path], str]) -> str:
        home = self.folder / "cut"
        write_tree(home, tree)
        try:
            return read(home)
        finally:
            shutil.rmtree(home)


def _seen_by_readers(tree: Tree, others: tuple[str, ...]) -> Tree:
    """CURRENT, the version it points to, and what begins with one of ``others``."""
    current = tree.get(CURRENT)
    try:
        pointed = folder_name(json.loads(current or b"")["version"])
    except (ValueError, KeyError, TypeError):
        pointed = ""
    ours = (VERSIONS, f"{VERSIONS}/{pointed}")
    return {
        path: content
        for path, content in tree.items()
        if path == CURRENT or path in ours or path.startswith((f"{ours[1]}/", *others))
    }


def violations(story: Story, operations: Sequence[Operation], cuts: Cuts) -> Iterator[str]:
    """Each power cut after which a reader finds what must not be."""
    disk, plot, touched = Disk(story.before), story.plot, False
    for place, operation in enumerate(operations):
        disk.do(operation)
        last, touched = place == len(operations) - 1, touched or _is_seen(operation, plot.seen)
        if not last and not touched:
            continue  # nothing that a reader sees was touched yet
        allowed = {plot.promised} if last else plot.allowed
        for tree in disk.states():
            found = cuts.found(tree, plot)
            if found not in allowed:
                yield f"after {operation}: {found}"


def _is_seen(operation: Operation, others: tuple[str, ...]) -> bool:
    return any(path.startswith((CURRENT, VERSIONS, *others)) for path in (operation.path, operation.target))


def drawn_states(story: Story, draws: int) -> Iterator[Tree]:
    """States after operations drawn at random, the last ones more often: that is where most can go wrong."""
    generator = np.random.default_rng(7)
    places = [int(place) for place in len(story.operations) * generator.random(draws) ** 0.25]
    for place in places:
        disk = Disk(story.before)
        for operation in story.operations[: place + 1]:
            disk.do(operation)
        yield disk.drawn_state(generator)
