"""Reads every byte of the generations and shards of a home, and reports what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from indexer.files.atomic import require_home
from indexer.publish.read_back import published_versions
from indexer.store.shard import open_shard
from indexer.store.store import EMBEDDINGS, SHARDS, SPACE_FILE, read_space
from recommender.errors import EmbeddingsCorrupt, GenerationCorrupt
from recommender.generation.open_generation import (
    VERSIONS,
    Manifest,
    folder_name,
    open_current,
    read_current,
    read_manifest,
)
from recommender.generation.open_generation import verify as verify_generation


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was read, and the problems found in it."""

    version: int | None
    """The published generation; None when there is none, or when it is corrupt."""
    corrupt: str | None
    """What cannot be served: the folder that CURRENT names, or ``CURRENT`` itself; None when it can be served."""
    files: int
    """Files of the generation, all with the right checksum."""
    shards: int
    """Shards whose every byte is right."""
    clips: int
    """Embeddings in them."""
    problems: tuple[tuple[str, str], ...]
    """(path, what is wrong)."""


def verify(home: Path) -> VerifyReport:
    """Check every generation that is kept and every shard of every space under ``home`` against their checksums.

    Raises InvalidArgument when there is no such folder: "nothing was checked" must not look like "no problem".
    """
    require_home(home)
    served, corrupt = _serving(home)
    problems = [] if corrupt is None else [(str(home / VERSIONS / corrupt.generation / corrupt.file), corrupt.problem)]
    problems += _damaged(
        home, checked={corrupt.generation if corrupt else "", folder_name(served.version) if served else ""}
    )
    shards, clips = 0, 0
    for path in _kept_files(home):
        try:
            clips_in_file = check_file(path)
        except EmbeddingsCorrupt as error:
            problems.append((error.file, error.problem))
            continue
        shards, clips = shards + (path.name != SPACE_FILE), clips + clips_in_file
    return VerifyReport(
        version=served.version if served else None,
        corrupt=corrupt.generation if corrupt else None,
        files=len(served.files) if served else 0,
        shards=shards,
        clips=clips,
        problems=tuple(problems),
    )


def _damaged(home: Path, *, checked: set[str]) -> Iterator[tuple[str, str]]:
    """(path, problem) for each damaged generation, except those in ``checked``: no rollback to it is possible."""
    folders = [home / VERSIONS / folder_name(version) for version in published_versions(home)]
    for folder in folders:
        if folder.name in checked:
            continue
        try:
            verify_generation(folder, read_manifest(folder)[0])
        except GenerationCorrupt as error:
            if folder.exists():  # else it was collected meanwhile
                yield str(folder / error.file), f"{error.problem}; soundkin rollback cannot go back to it"


def check_file(path: Path) -> int:
    """Read every byte of a shard, or of the SPACE.json beside shards; the number of clips in it.

    The space of a shard is taken from the name of its folder, so that it can be checked where SPACE.json is damaged.

    Raises EmbeddingsCorrupt.
    """
    if path.name == SPACE_FILE:
        read_space(path.parent)
        return 0
    shard = open_shard(path, fingerprint=path.parent.name.rpartition("-")[2])
    for layer in range(shard.layers):
        shard.layer(layer)
    return shard.clips


def _kept_files(home: Path) -> Iterator[Path]:
    """Every shard, and SPACE.json where there is one or should be: a run killed at its start leaves an empty folder."""
    for folder in sorted((home / EMBEDDINGS).glob("*/")):
        shards = sorted(folder.glob(SHARDS))
        if shards or (folder / SPACE_FILE).exists():
            yield folder / SPACE_FILE
        yield from shards


def _serving(home: Path) -> tuple[Manifest | None, GenerationCorrupt | None]:
    """The manifest of the published generation, or the damage to it; neither when nothing was published."""
    try:
        return (None if read_current(home) is None else open_current(home).manifest), None
    except GenerationCorrupt as error:
        return None, error
