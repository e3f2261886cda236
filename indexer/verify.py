"""Read back every byte that is kept, and say what cannot be trusted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from indexer.shard import open_shard
from indexer.store import EMBEDDINGS, SPACE_FILE
from recommender.errors import EmbeddingsCorrupt, GenerationCorrupt, InvalidArgument
from recommender.generation import VERSIONS, open_current, read_current
from recommender.types import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was read and what was wrong with it."""

    version: int | None
    """The published generation; None when there is none, or when it is corrupt."""
    files: int
    """Files of the generation, all with the right checksum."""
    shards: int
    clips: int
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
    for folder in sorted((home / EMBEDDINGS).glob("*/")):
        try:
            fingerprint = Space.from_json(json.loads((folder / SPACE_FILE).read_bytes())).fingerprint
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append((str(folder / SPACE_FILE), f"cannot be understood ({error})"))
            continue
        for path in sorted(folder.glob("*.shard")):
            try:
                clips += _verify_shard(path, fingerprint)
                shards += 1
            except EmbeddingsCorrupt as error:
                problems.append((error.file, error.problem))
    return VerifyReport(version=version, files=files, shards=shards, clips=clips, problems=tuple(problems))


def _verify_generation(home: Path) -> tuple[int | None, int, list[tuple[str, str]]]:
    try:
        if read_current(home) is None:
            return None, 0, []
        manifest = open_current(home).manifest
    except GenerationCorrupt as error:
        return None, 0, [(str(home / VERSIONS / error.generation / error.file), error.problem)]
    return manifest.version, len(manifest.files), []


def _verify_shard(path: Path, fingerprint: str) -> int:
    shard = open_shard(path, fingerprint=fingerprint)
    for layer in range(shard.layers):
        shard.layer(layer)
    return len(shard.clip_ids)
