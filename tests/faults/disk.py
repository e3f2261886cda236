"""A disk that keeps no promise beyond fsync: every state in which a power cut may leave what was asked of it.

The weakest reading of POSIX. Data of a file that was not synced since it was written may be lost, torn or there. A
name made, removed or changed in a folder that was not synced since may be there or not, each on its own; a rename is
one change, and durable once the folder it leads into is synced.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from tests.faults.recording import Operation, Tree

ALL_SUBSETS_UP_TO = 5
"""Pending changes of names; with more, all and none, each prefix, each one missing or alone, and some at random."""
AT_RANDOM = 16


@dataclass(slots=True, eq=False)
class _Node:
    """A file or a folder, whatever its name is."""

    names: dict[str, _Node] | None = None
    """Of a folder: what is durable."""
    now: dict[str, _Node] = field(default_factory=dict)
    """Of a folder: what a running program sees."""
    synced: bytes = b""
    content: bytes = b""
    dirty: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """Of names; it becomes durable when ``folder`` is synced."""

    folder: _Node
    added: tuple[_Node, str, _Node] | None = None
    removed: tuple[_Node, str] | None = None


class Disk:
    """A disk and what was asked of it so far."""

    def __init__(self, tree: Tree) -> None:
        """All of ``tree`` is durable."""
        self._root = _Node(names={})
        self._pending: list[_Change] = []
        self._files: list[_Node] = []
        for path, content in tree.items():
            folder, name = self._parent(path)
            node = _Node(names={}) if content is None else _Node(synced=content, content=content)
            folder.now[name] = node
            assert folder.names is not None
            folder.names[name] = node

    def do(self, operation: Operation) -> None:
        """Take one more operation."""
        getattr(self, f"_{operation.kind}")(operation)

    def states(self) -> Iterator[Tree]:
        """Every state a power cut may leave now; the same one may come more than once."""
        dirty = [node for node in self._files if node.dirty]
        for kept in _subsets(len(self._pending)):
            changes = [self._pending[place] for place in kept]
            for contents in _contents(dirty):
                yield self._after(changes, contents)

    def drawn_state(self, generator: np.random.Generator) -> Tree:
        """One of the states, at random."""
        changes = [change for change in self._pending if generator.random() < 0.5]
        dirty = [node for node in self._files if node.dirty]
        variants = [(node.synced, _torn(node.content), node.content) for node in dirty]
        contents = {id(node): each[generator.integers(3)] for node, each in zip(dirty, variants, strict=True)}
        return self._after(changes, contents)

    def _parent(self, path: str) -> tuple[_Node, str]:
        *folders, name = PurePosixPath(path).parts
        node = self._root
        for folder in folders:
            node = node.now[folder]
        return node, name

    def _add(self, operation: Operation, node: _Node) -> None:
        folder, name = self._parent(operation.path)
        folder.now[name] = node
        self._pending.append(_Change(folder, added=(folder, name, node)))

    def _create(self, operation: Operation) -> None:
        node = _Node()
        self._files.append(node)
        self._add(operation, node)

    def _mkdir(self, operation: Operation) -> None:
        self._add(operation, _Node(names={}))

    def _write(self, operation: Operation) -> None:
        folder, name = self._parent(operation.path)
        node = folder.now[name]
        if node not in self._files:
            self._files.append(node)
        node.content, node.dirty = operation.content, True

    def _unlink(self, operation: Operation) -> None:
        folder, name = self._parent(operation.path)
        del folder.now[name]
        self._pending.append(_Change(folder, removed=(folder, name)))

    def _rename(self, operation: Operation) -> None:
        (source, old), (target, new) = self._parent(operation.path), self._parent(operation.target)
        node = source.now.pop(old)
        target.now[new] = node
        self._pending.append(_Change(target, added=(target, new, node), removed=(source, old)))

    def _fsync(self, operation: Operation) -> None:
        node = self._root
        if operation.path != ".":
            folder, name = self._parent(operation.path)
            node = folder.now[name]
        if node.names is None:
            node.synced, node.dirty = node.content, False
            return
        for change in [change for change in self._pending if change.folder is node]:
            self._pending.remove(change)
            _apply_for_good(change)

    def _after(self, changes: Sequence[_Change], contents: dict[int, bytes]) -> Tree:
        edited: dict[int, dict[str, _Node]] = {}
        for change in changes:
            _apply(change, edited)
        tree: Tree = {}
        _walk(self._root, "", tree, (edited, contents))
        return tree


def _apply(change: _Change, edited: dict[int, dict[str, _Node]]) -> None:
    """Change names in copies of what is durable, which ``edited`` collects."""
    for folder, name, node in _edits(change):
        _set(edited.setdefault(id(folder), dict(folder.names or {})), name, node)


def _apply_for_good(change: _Change) -> None:
    for folder, name, node in _edits(change):
        assert folder.names is not None
        _set(folder.names, name, node)


def _set(names: dict[str, _Node], name: str, node: _Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _edits(change: _Change) -> Iterator[tuple[_Node, str, _Node | None]]:
    if change.removed is not None:
        yield (*change.removed, None)
    if change.added is not None:
        yield change.added


def _walk(
    folder: _Node, prefix: str, tree: Tree, altered: tuple[dict[int, dict[str, _Node]], dict[int, bytes]]
) -> None:
    edited, contents = altered
    for name, node in edited.get(id(folder), folder.names or {}).items():
        if node.names is None:
            tree[prefix + name] = contents.get(id(node), node.synced)
        else:
            tree[prefix + name] = None
            _walk(node, f"{prefix}{name}/", tree, altered)


def _subsets(count: int) -> list[tuple[int, ...]]:
    """Which of ``count`` pending changes are on the disk."""
    every = tuple(range(count))
    if count <= ALL_SUBSETS_UP_TO:
        return [kept for size in range(count + 1) for kept in itertools.combinations(every, size)]
    prefixes = [every[:size] for size in range(count + 1)]
    missing = [every[:place] + every[place + 1 :] for place in every]
    drawn = np.random.default_rng(count).random((AT_RANDOM, count)) < 0.5
    return [
        *prefixes,
        *missing,
        *((place,) for place in every),
        *(tuple(np.flatnonzero(row).tolist()) for row in drawn),
    ]


def _contents(dirty: Sequence[_Node]) -> Iterator[dict[int, bytes]]:
    """What files that were not synced hold: all of the three alike, and each in each while the others are whole."""
    if not dirty:
        yield {}
        return
    variants = [(node.synced, _torn(node.content), node.content) for node in dirty]
    whole = {id(node): node.content for node in dirty}
    for kind in range(3):
        yield {id(node): variant[kind] for node, variant in zip(dirty, variants, strict=True)}
    for node, (lost, torn, _) in zip(dirty, variants, strict=True):
        yield whole | {id(node): lost}
        yield whole | {id(node): torn}


def _torn(content: bytes) -> bytes:
    """The second half never came: a file of the right length, half of it zeros."""
    half = len(content) // 2
    return content[:half] + bytes(len(content) - half)
