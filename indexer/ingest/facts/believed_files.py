"""Decides which file is believed where several have the same sound: a corrected file before what it corrects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indexer.ingest.facts.claims import FileClaim
from recommender.catalog.rows import FileRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class BelievedClaim:
    """A claim that counts."""

    claim: FileClaim
    is_copy: bool
    """Whether another file of its folder, whose claim counts too, is the one that the clip is read from."""


def believed(claims: Iterable[FileClaim], files: Mapping[str, FileRecord]) -> list[BelievedClaim]:
    """The claims that count, by path. ``files``: by path, of every claim.

    Of the files with one sound, those in one scanned folder count: where the file lies that was written last, which is
    the corrected one. So a backup beside the library does not bring old names back. In that folder every file counts,
    because one recording may be there under two titles; but of files with the same bytes only the oldest: a copy does
    not rename the original. Files that have vanished count only where none is left.
    """
    oldest: dict[tuple[str | None, str | None], tuple[int, int]] = {}
    by_clip: dict[str, list[FileClaim]] = {}
    for claim in claims:
        file = files[claim.path]
        content, times = (file.clip_id, file.content_sha256), _times(file)
        oldest[content] = min(times, oldest.get(content, times))
        by_clip.setdefault(claim.clip_id, []).append(claim)

    def rank(claim: FileClaim) -> tuple[bool, int, int, tuple[int, int], str]:
        file = files[claim.path]
        written, arrived = oldest[file.clip_id, file.content_sha256]
        return file.vanished_at is not None, -written, -arrived, _times(file), file.path

    counted: list[BelievedClaim] = []
    for alike in by_clip.values():
        first, *others = sorted(alike, key=rank)
        counted.append(BelievedClaim(claim=first, is_copy=False))
        contents = {files[first.path].content_sha256}
        for claim in others:
            file = files[claim.path]
            is_beside = _root(file) == _root(files[first.path]) and file.vanished_at is None
            if is_beside and file.content_sha256 not in contents:
                contents.add(file.content_sha256)
                counted.append(BelievedClaim(claim=claim, is_copy=True))
    return sorted(counted, key=lambda item: item.claim.path)


def _times(file: FileRecord) -> tuple[int, int]:
    """When its content was written, and when it came to be where it is (a copy may keep the first)."""
    return file.mtime_ns, file.ctime_ns or 0


def _root(file: FileRecord) -> str:
    """The folder that was scanned."""
    return file.path.removesuffix(file.relative or "")
