"""Make a home whole again: corrupt files of the embeddings out of the way, the ledger from the shards."""

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
from indexer.store.reconcile import Reconciled, reconcile
from indexer.store.store import EMBEDDINGS, LOCK, Places, open_shards
from recommender.catalog import Catalog
from recommender.errors import EmbeddingsCorrupt

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A corrupt file, where it is kept now, and why."""

    path: str
    kept: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair moved and what it told the ledger."""

    quarantined: tuple[Quarantined, ...]
    ledger: tuple[Reconciled, ...]


def repair(catalog: Catalog, home: Path, problems: Sequence[tuple[str, str]] = ()) -> Repaired:
    """Move the corrupt files among ``problems`` aside, then make the ledger say what the shards hold.

    Only files of the embeddings are moved, to ``home/quarantine/embeddings``, so that the next run makes what they held
    again. Each is looked at once more, under the lock of its store, and stays where nothing is wrong with it any more.

    Raises Busy when a run is embedding into one of the spaces.
    """
    paths = [Path(path) for path, _ in problems]
    moved = [_set_aside(home, path) for path in paths if path.parent.parent == home / EMBEDDINGS and path.exists()]
    return Repaired(quarantined=tuple(one for one in moved if one), ledger=rebuild_ledger(catalog, home))


def _set_aside(home: Path, path: Path) -> Quarantined | None:
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
    """Make the ledger of every space under ``home`` say what its shards hold; what that changed, by space.

    A space with a corrupt shard is left out, and the log says so: what is not known to be lost is not forgotten.

    Raises Busy when a run is embedding into one of the spaces.
    """
    found = (_rebuild(catalog, folder) for folder in sorted((home / EMBEDDINGS).glob("*/")))
    return tuple(one for one in found if one is not None)


def _rebuild(catalog: Catalog, folder: Path) -> Reconciled | None:
    with exclusive(folder / LOCK):
        try:
            shards = open_shards(folder, fingerprint=folder.name.rpartition("-")[2])
        except EmbeddingsCorrupt as error:
            logger.error("the ledger of %s is left as it is: %s", folder.name, error)
            return None
        return reconcile(catalog, folder.name, Places.of(shards).clip_ids)
