"""Quarantine: rejected generations and corrupt shards are moved there, for a person to look at, and removed later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from indexer.files.atomic import make_folder, sync_folder, write_file
from indexer.files.failpoints import reach
from indexer.publish.gate import Refusal
from indexer.store.store import EMBEDDINGS

QUARANTINE = "quarantine"
REASON = "REASON.json"
KEPT_DAYS = 7
KEPT_AT_MOST = 3
"""Number of generations."""
SHARDS_KEPT_DAYS = 30
"""Longer than generations: if the audio is gone, the sound part of a corrupt shard is all that is left of its clips."""


def set_aside(home: Path, folder: Path, refusals: Sequence[Refusal]) -> Path:
    """Move a staged generation to ``home/quarantine/vN@code`` and write the reasons there; its new path."""
    quarantine = home / QUARANTINE
    make_folder(quarantine)
    path = _unused(quarantine / f"{folder.name}@{refusals[0].code}")
    folder.rename(path)
    reach("quarantine.renamed")
    sync_folder(quarantine)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    reasons = {"at": at, "refusals": [asdict(refusal) for refusal in refusals]}
    write_file(path / REASON, [json.dumps(reasons, indent=1).encode()])
    reach("quarantine.explained")
    return path


def overdue(home: Path, *, now_s: float) -> list[Path]:
    """Generations in quarantine that are older than KEPT_DAYS, or not among the newest KEPT_AT_MOST."""
    folders = sorted((home / QUARANTINE).glob("v*@*/"), key=_version, reverse=True)
    oldest_s = now_s - KEPT_DAYS * 86_400
    return [folder for rank, folder in enumerate(folders) if rank >= KEPT_AT_MOST or folder.stat().st_ctime < oldest_s]


def overdue_shards(home: Path, *, now_s: float) -> list[Path]:
    """Files that ``soundkin verify --quarantine`` moved, of any space, that are older than SHARDS_KEPT_DAYS."""
    shards = sorted(path for path in (home / QUARANTINE / EMBEDDINGS).glob("*/*") if path.is_file())
    return [path for path in shards if path.stat().st_ctime < now_s - SHARDS_KEPT_DAYS * 86_400]


def quarantined_versions(home: Path) -> list[int]:
    """Version numbers of rejected generations: none of them is used again."""
    return [_version(folder) for folder in (home / QUARANTINE).glob("v*@*/")]


def _version(folder: Path) -> int:
    digits = folder.name[1:].partition("@")[0]
    return int(digits) if digits.isdigit() else 0


def _unused(path: Path) -> Path:
    """``path``, with a number if the name is taken: after the loss of a catalog, versions count from 1 again."""
    names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(2, 1000))]
    return next(name for name in names if not name.exists())
