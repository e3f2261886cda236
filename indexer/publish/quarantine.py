"""Where generations go that were rejected, and shards that are corrupt: out of the way, for a person to look at."""

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
"""Generations."""
SHARDS_KEPT_DAYS = 30
"""Longer: where the audio is gone, what is whole in a corrupt shard is all there is of its clips."""


def set_aside(home: Path, folder: Path, refusals: Sequence[Refusal]) -> Path:
    """Move a staged generation to ``home/quarantine/vN@code`` and write there why; its new place."""
    quarantine = home / QUARANTINE
    make_folder(quarantine)
    place = _unused(quarantine / f"{folder.name}@{refusals[0].code}")
    folder.rename(place)
    reach("quarantine.renamed")
    sync_folder(quarantine)
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "refusals": [asdict(each) for each in refusals]}
    write_file(place / REASON, [json.dumps(told, indent=1).encode()])
    reach("quarantine.explained")
    return place


def overdue(home: Path, *, now_s: float) -> list[Path]:
    """Generations in quarantine that have been there for long, or that newer ones push out."""
    found = sorted((home / QUARANTINE).glob("v*@*/"), key=_version, reverse=True)
    oldest_s = now_s - KEPT_DAYS * 86_400
    return [folder for place, folder in enumerate(found) if place >= KEPT_AT_MOST or folder.stat().st_ctime < oldest_s]


def overdue_shards(home: Path, *, now_s: float) -> list[Path]:
    """Files that ``soundkin verify --quarantine`` moved aside, of any space, that have been there for long."""
    found = sorted(path for path in (home / QUARANTINE / EMBEDDINGS).glob("*/*") if path.is_file())
    return [path for path in found if path.stat().st_ctime < now_s - SHARDS_KEPT_DAYS * 86_400]


def quarantined_versions(home: Path) -> list[int]:
    """Numbers that rejected generations had: none of them is given again."""
    return [_version(folder) for folder in (home / QUARANTINE).glob("v*@*/")]


def _version(folder: Path) -> int:
    digits = folder.name[1:].partition("@")[0]
    return int(digits) if digits.isdigit() else 0


def _unused(path: Path) -> Path:
    """``path``, or with a number when a rejected generation has that name: a lost catalog counts from the start."""
    tried = [path, *(path.with_name(f"{path.name}.{number}") for number in range(2, 1000))]
    return next(each for each in tried if not each.exists())
