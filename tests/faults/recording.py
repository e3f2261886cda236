"""What a writer asks of the disk, in order: a shim round the calls that matter, and a look at the tree between them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NOT_RECORDED = ("catalog.db", "LOCK")
"""Begin the names of files that do not belong to the protocol: SQL keeps its own promises, a lock has no content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that was asked of the disk. Paths are relative to the home; the home itself is ``.``."""

    kind: str
    """create, write, unlink, mkdir, rename or fsync."""
    path: str
    target: str = ""
    """Of a rename."""
    content: bytes = b""
    """Of a write: all of the file."""

    def __str__(self) -> str:
        return f"{self.kind} {self.path}" + (f" -> {self.target}" if self.target else "")


Tree = dict[str, bytes | None]
"""Path relative to the home -> content; None is a folder."""


def read_tree(home: Path) -> Tree:
    """Everything in ``home``, parents before children."""
    tree: Tree = {}
    for path in sorted(home.rglob("*")):
        if not path.name.startswith(NOT_RECORDED):
            tree[str(path.relative_to(home))] = None if path.is_dir() else path.read_bytes()
    return tree


def write_tree(home: Path, tree: Mapping[str, bytes | None]) -> None:
    """Make ``home`` hold ``tree``."""
    home.mkdir()
    for path, content in sorted(tree.items()):
        if content is None:
            (home / path).mkdir()
        else:
            (home / path).write_bytes(content)


class Recorder:
    """The operations so far. Files that libraries write in C are found by looking before each call that is seen."""

    def __init__(self, home: Path) -> None:
        self.operations: list[Operation] = []
        self._home = home
        self._known = read_tree(home)

    def look(self) -> None:
        """Note what appeared, changed and vanished since the last look."""
        found = read_tree(self._home)
        for path in sorted(self._known.keys() - found.keys(), reverse=True):
            self.operations.append(Operation(kind="unlink", path=path))
        for path, content in found.items():
            if path not in self._known:
                self.operations.append(Operation(kind="mkdir" if content is None else "create", path=path))
            if content is not None and content != self._known.get(path, b""):
                self.operations.append(Operation(kind="write", path=path, content=content))
        self._known = found

    def rename(self, source: Path, target: Path) -> None:
        """Note a rename that has been done."""
        if self._is_ours(source) and self._is_ours(target):
            self.operations.append(Operation(kind="rename", path=self._name(source), target=self._name(target)))
            self._known = read_tree(self._home)

    def fsync(self, path: Path) -> None:
        """Note an fsync that has been done."""
        if self._is_ours(path):
            self.operations.append(Operation(kind="fsync", path=self._name(path)))

    def _is_ours(self, path: Path) -> bool:
        return path.is_relative_to(self._home) and not path.name.startswith(NOT_RECORDED)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._home))


@contextmanager
def recorded(home: Path) -> Iterator[list[Operation]]:
    """The operations on ``home`` of the block, in order."""
    recorder = Recorder(home)
    with pytest.MonkeyPatch.context() as patch:
        _wrap_fsync(recorder, patch)
        for name in ("rename", "replace"):
            _wrap_rename(recorder, patch, name)
        yield recorder.operations
        recorder.look()


def _wrap_fsync(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        recorder.look()
        fsync(descriptor)
        assert stat.S_IFMT(os.fstat(descriptor).st_mode) in (stat.S_IFREG, stat.S_IFDIR)
        recorder.fsync(Path(os.readlink(f"/proc/self/fd/{descriptor}")))

    patch.setattr(os, "fsync", recording)


def _wrap_rename(recorder: Recorder, patch: pytest.MonkeyPatch, name: str) -> None:
    rename: Callable[..., None] = getattr(os, name)

    def recording(source: Any, target: Any, **more: Any) -> None:  # Any: as os.rename takes them
        recorder.look()
        rename(source, target, **more)
        recorder.rename(Path(source), Path(target))

    patch.setattr(os, name, recording)
