"""Notices files of earlier scans that are gone, forgets them in time, and tells an unmounted disk from an empty one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexer.ingest.walk_folder import Walk
from indexer.tabular.records import Rejected
from recommender.catalog import Catalog
from recommender.catalog.rows import FileRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class VanishedFiles:
    """What became of the files that a scan missed."""

    waiting: int = 0
    """Files that are gone and stay in the catalog for now."""
    forgotten: int = 0
    """Files that have left the catalog."""
    problems: tuple[Rejected, ...] = ()


def record_vanished(catalog: Catalog, walked: Walk, *, forget_after_days: float | None) -> VanishedFiles:
    """Compare the ledger with the files that are in the folder now.

    A file whose sound is now at another path was moved: its record is deleted. Any other missing file is recorded as
    vanished, and forgotten once it has been so for ``forget_after_days``. A folder without any audio, where files are
    known, is a disk that is not mounted, far more often than a collection that was deleted: it is a problem of the run,
    and nothing changes. So does a folder that could not be listed.
    """
    there = {file.path for file in walked.files}
    hidden = tuple(f"{folder.path}/" for folder in walked.unreadable)
    ledger = catalog.files_below(str(walked.root))
    missing = {
        path: file for path, file in ledger.items() if path not in there and not path.startswith(hidden or ("\0",))
    }
    known = sum(file.clip_id is not None for file in ledger.values())
    is_empty = all(file.fault is not None for file in walked.files)  # such as the note that some leave in mount points
    if ledger and (not there or (known and is_empty)):
        detail = (
            f"no audio in it, where {known} files are known; is its disk mounted? If it was emptied on purpose, "
            "scan the folder above it, or remove the files with soundkin catalog remove"
        )
        return VanishedFiles(problems=(Rejected(path=str(walked.root), reason="empty_folder", detail=detail),))
    moved = _moved(catalog, missing.values())
    left = {path: file for path, file in missing.items() if path not in moved}
    now = datetime.now(UTC)
    newly = [path for path, file in left.items() if file.vanished_at is None]
    old = _expired(left.values(), now, forget_after_days)
    with catalog.transaction():
        catalog.set_vanished([path for path in newly if path not in old], at=now.isoformat(timespec="seconds"))
        catalog.forget_files([*moved, *old])
        if newly or moved or old:
            catalog.facts_may_differ()
    return VanishedFiles(waiting=len(left) - len(old), forgotten=len(old))


def _moved(catalog: Catalog, missing: Iterable[FileRecord]) -> set[str]:
    """Paths of the missing files whose sound is in a file that is there. A file without a clip has nothing to lose."""
    missing = list(missing)
    gone = {file.path for file in missing}
    elsewhere = catalog.clips_of_present_files([file.clip_id for file in missing if file.clip_id is not None])
    return {file.path for file in missing if file.clip_id is None or elsewhere.get(file.clip_id, set()) - gone}


def _expired(files: Iterable[FileRecord], now: datetime, days: float | None) -> set[str]:
    """Paths of files that vanished at least ``days`` ago; one that this scan is the first to miss, 0 days ago."""
    if days is None:
        return set()
    limit = now - timedelta(days=days)
    return {
        file.path for file in files if (datetime.fromisoformat(file.vanished_at) if file.vanished_at else now) <= limit
    }
