"""Read back every byte that is kept, and say what cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from indexer.shard import open_shard
from indexer.space_file import SPACE_FILE, read_space
from indexer.store import EMBEDDINGS, SHARDS
from recommender.errors import EmbeddingsCorrupt, GenerationCorrupt, InvalidArgument
from recommender.generation import VERSIONS, open_current, read_current


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was read and what was wrong with it."""

    version: int | None
    """The published generation; None when there is none, or when it is corrupt."""
    files: int
    """Files of the generation, all with the right checksum."""
    shards: int
    """Shards whose every byte is right."""
    clips: int
    """Embeddings in them."""
    problems: tuple[tuple[str, str], ...]
    """(path, what is wrong)."""


def verify(home: Path) -> VerifyReport:
    """Check the published generation and every shard of every space under ``home`` against their checksums.

    Raises InvalidArgument when there is no such folder: nothing that was checked is not the same as nothing wrong.
    """
    if not home.is_dir():
        raise InvalidArgument("home", f"{home} is no folder; give the one that was built in")
    version, files, problems = _verify_generation(home)
    shards, clips = 0, 0
    for path in _kept_files(home):
        try:
            held = check_file(path)
        except EmbeddingsCorrupt as error:
            problems.append((error.file, error.problem))
            continue
        shards, clips = shards + (path.name != SPACE_FILE), clips + held
    return VerifyReport(version=version, files=files, shards=shards, clips=clips, problems=tuple(problems))


def check_file(path: Path) -> int:
    """Read every byte of a shard, or of the SPACE.json beside shards; how many clips it holds.

    What a shard must be of is said by its folder's name, so that it can be checked where SPACE.json cannot.

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
    """Every shard, and SPACE.json where it is or should be: a start that was killed leaves a folder without either."""
    for folder in sorted((home / EMBEDDINGS).glob("*/")):
        shards = sorted(folder.glob(SHARDS))
        if shards or (folder / SPACE_FILE).exists():
            yield folder / SPACE_FILE
        yield from shards


def _verify_generation(home: Path) -> tuple[int | None, int, list[tuple[str, str]]]:
    try:
        if read_current(home) is None:
            return None, 0, []
        manifest = open_current(home).manifest
    except GenerationCorrupt as error:
        return None, 0, [(str(home / VERSIONS / error.generation / error.file), error.problem)]
    return manifest.version, len(manifest.files), []
