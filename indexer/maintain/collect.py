"""Removes old generations, old quarantine and what killed runs left; never what is read or served."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from indexer.files.atomic import remove_parts, sync_folder
from indexer.files.failpoints import reach
from indexer.files.home import STAGING
from indexer.files.locks import HOME_LOCK, exclusive
from indexer.publish.quarantine import overdue, overdue_shards
from indexer.publish.read_back import published_versions
from indexer.store.store import EMBEDDINGS
from indexer.store.store import LOCK as STORE_LOCK
from recommender.errors import Busy, InvalidArgument
from recommender.generation.lease import try_exclusive
from recommender.generation.open_generation import MANIFEST, VERSIONS, folder_name, read_current

_TRASH = "trash."


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """What to keep."""

    keep: int = 2
    """Number of generations: this many of the newest, and also the published one with ``keep - 1`` before it."""
    min_age_hours: float = 24.0
    """Generations that got their name more recently are kept."""
    dry_run: bool = False
    """Only report what would be removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was removed, or would be."""

    removed: tuple[str, ...]
    """Paths below the home."""
    freed_bytes: int
    leased: tuple[str, ...]
    """Old generations that are being read now; a later run removes them."""


def collect(home: Path, options: CollectOptions | None = None) -> Collected:
    """Remove old generations, rejected ones after a week, corrupt shards after a month, and what killed runs left.

    A generation that is served, newer than ``min_age_hours`` or open in a server is never removed. A folder is
    renamed before it is removed, so that a killed run leaves no half generation under a valid name.

    Raises:
        InvalidArgument: ``keep`` is not positive, or ``min_age_hours`` negative.
        GenerationCorrupt: CURRENT cannot be read, so it is not known what is served; run soundkin rollback first.
        Busy: another process builds or publishes in ``home``.
    """
    options = options or CollectOptions()
    if options.keep < 1 or not options.min_age_hours >= 0:
        raise InvalidArgument("keep", "is at least 1 generation, and --min-age-hours at least 0")
    with exclusive(home / HOME_LOCK):
        return _Collection(home, options).run()


class _Collection:
    """One run of the collection, and what it has removed so far."""

    def __init__(self, home: Path, options: CollectOptions) -> None:
        self._home = home
        self._options = options
        self._before_s = time.time() - options.min_age_hours * 3600
        self._removed: list[str] = []
        self._leased: list[str] = []
        self._freed = 0

    def run(self) -> Collected:
        for folder in self._old_versions():
            self._retire(folder)
        versions, now_s = self._home / VERSIONS, time.time()
        for folder in (*versions.glob(f"{_TRASH}*/"), *self._dead_builds(), *overdue(self._home, now_s=now_s)):
            self._remove(folder)
        for shard in overdue_shards(self._home, now_s=now_s):
            self._note(shard)
            if not self._options.dry_run:
                shard.unlink()
        self._freed += 0 if self._options.dry_run else remove_parts(self._home) + self._parts_of_stores()
        return Collected(removed=tuple(self._removed), freed_bytes=self._freed, leased=tuple(self._leased))

    def _old_versions(self) -> Iterator[Path]:
        pointer, present = read_current(self._home), published_versions(self._home)
        if pointer is None:
            return
        keep = self._options.keep
        kept = {
            pointer.version,
            *present[:keep],
            *[version for version in present if version <= pointer.version][:keep],
        }
        # Newer than any published one: a publish was killed before it wrote CURRENT, and the next finishes it.
        kept |= {version for version in present if version > pointer.latest}
        for version in present:
            folder = self._home / VERSIONS / folder_name(version)
            if version not in kept and folder.stat().st_ctime <= self._before_s:
                yield folder

    def _dead_builds(self) -> Iterator[Path]:
        """Staged folders that are incomplete or old. No build is running: the lock is ours."""
        for folder in (self._home / STAGING).glob("*/"):
            if not (folder / MANIFEST).exists() or folder.stat().st_ctime <= self._before_s:
                yield folder

    def _parts_of_stores(self) -> int:
        """Remove unfinished shards in the stores that no process writes to; bytes freed."""
        freed = 0
        for store in (self._home / EMBEDDINGS).glob("*/"):
            with suppress(Busy), exclusive(store / STORE_LOCK):
                freed += remove_parts(store)
        return freed

    def _retire(self, folder: Path) -> None:
        with try_exclusive(folder) as free:
            if not free:
                self._leased.append(folder.name)
                return
            if self._options.dry_run:
                self._note(folder)
                return
            trash = folder.with_name(f"{_TRASH}{folder.name}")
            folder.rename(trash)
            reach("collect.renamed")
        # Without this, a power cut could restore the old name of a folder that has already lost half of its files.
        sync_folder(trash.parent)
        reach("collect.synced")
        self._remove(trash)

    def _remove(self, folder: Path) -> None:
        self._note(folder)
        if self._options.dry_run:
            return
        folder.chmod(0o755)
        shutil.rmtree(folder)
        reach("collect.removed")

    def _note(self, path: Path) -> None:
        self._removed.append(str(path.relative_to(self._home)).replace(_TRASH, ""))
        self._freed += sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
