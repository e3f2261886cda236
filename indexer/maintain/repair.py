"""Repairs a home: moves corrupt files of the embedding store to quarantine, and corrects the ledger from the shards."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from indexer.files.atomic import make_folder, sync_folder
from indexer.files.locks import exclusive
from indexer.maintain.verify import check_file
from indexer.publish.quarantine import QUARANTINE
from indexer.store.store import EMBEDDINGS, LOCK, ClipPositions, Reconciled, open_shards, reconcile
from recommender.catalog import Catalog
from recommender.errors import EmbeddingsCorrupt

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A corrupt file, where it was moved to, and why."""

    path: str
    kept: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """The files that a repair moved, and its corrections of the ledger."""

    quarantined: tuple[Quarantined, ...]
    ledger: tuple[Reconciled, ...]


def repair(catalog: Catalog, home: Path, problems: Sequence[tuple[str, str]] = ()) -> Repaired:
    """Move the corrupt files among ``problems`` to quarantine, then correct the ledger from the shards that are left.

    Only files of the embedding store are moved, to ``home/quarantine/embeddings``; the next run embeds their clips
    again. Each file is checked once more, under the lock of its store, and stays if it is sound by then.

    Raises Busy when a run is embedding into one of the spaces.
    """
    paths = [Path(path) for path, _ in problems]
    moved = [_quarantine(home, path) for path in paths if path.parent.parent == home / EMBEDDINGS and path.exists()]
    return Repaired(quarantined=tuple(file for file in moved if file), ledger=rebuild_ledger(catalog, home))


def _quarantine(home: Path, path: Path) -> Quarantined | None:
    with exclusive(path.parent / LOCK):
        try:
            check_file(path)
        except EmbeddingsCorrupt as error:
            kept = _free_name(home / QUARANTINE / EMBEDDINGS / path.parent.name / path.name)
            make_folder(kept.parent)
            path.rename(kept)
            sync_folder(kept.parent)
            sync_folder(path.parent)
            return Quarantined(path=str(path), kept=str(kept), problem=error.problem)
    return None


def _free_name(path: Path) -> Path:
    names = (path if number == 0 else path.with_name(f"{path.name}.{number}") for number in count())
    return next(name for name in names if not name.exists())


def rebuild_ledger(catalog: Catalog, home: Path) -> tuple[Reconciled, ...]:
    """Correct the ledger of every space under ``home`` from its shards; what that changed, by space.

    A space with a corrupt shard is left as it is, with a line in the log: its clips may still be recovered.

    Raises Busy when a run is embedding into one of the spaces.
    """
    rebuilt = (_rebuild(catalog, folder) for folder in sorted((home / EMBEDDINGS).glob("*/")))
    return tuple(ledger for ledger in rebuilt if ledger is not None)


def _rebuild(catalog: Catalog, folder: Path) -> Reconciled | None:
    with exclusive(folder / LOCK):
        try:
            shards = open_shards(folder, fingerprint=folder.name.rpartition("-")[2])
        except EmbeddingsCorrupt as error:
            logger.error("the ledger of %s is left as it is: %s", folder.name, error)
            return None
        return reconcile(catalog, folder.name, ClipPositions.of(shards).clip_ids)
