"""From staged to served: verify, rename, point. The server sees the old generation or the new one, never half."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from indexer.build import LOCK, STAGING
from indexer.durable import make_folder, sync_folder, write_file
from indexer.locks import exclusive
from recommender.catalog import Catalog, rows
from recommender.errors import InvalidArgument
from recommender.generation import (
    CURRENT,
    VERSIONS,
    Manifest,
    Pointer,
    folder_name,
    open_generation,
    read_current,
    read_manifest,
)


def publish(catalog: Catalog, home: Path) -> Manifest:
    """Give the staged generation its name and make CURRENT point to it; its manifest.

    A run that died after the rename and before the pointer is finished by the next one: an unpublished version that
    is newer than CURRENT is published as it stands.

    Raises:
        InvalidArgument: nothing is staged.
        GenerationCorrupt: what is staged does not verify; CURRENT stays as it was.
        Busy: another process builds or publishes in ``home``.
    """
    with exclusive(home / LOCK):
        versions = home / VERSIONS
        make_folder(versions)
        folder = _staged(home) or _stranded(home)
        if folder is None:
            raise InvalidArgument("staging", f"{home} has no built generation to publish; run soundkin build")
        manifest = open_generation(folder).manifest
        if folder.parent != versions:
            folder.rename(versions / folder.name)
            sync_folder(versions)
        _, digest = read_manifest(versions / folder.name)
        write_file(home / CURRENT, [Pointer(version=manifest.version, manifest_sha256=digest).to_json().encode()])
        _record(catalog, manifest, digest)
        return manifest


def _staged(home: Path) -> Path | None:
    return max((home / STAGING).glob("v*/"), default=None)


def _stranded(home: Path) -> Path | None:
    pointer = read_current(home)
    newest = max((home / VERSIONS).glob("v*/"), default=None)
    if newest is None or (pointer and newest.name <= folder_name(pointer.version)):
        return None
    return newest


def _record(catalog: Catalog, manifest: Manifest, digest: str) -> None:
    """Tell SQL, for audit only: CURRENT is what counts, and it has been written."""
    catalog.record_generation(
        rows.Generation(
            version=manifest.version,
            space=manifest.space.key,
            built_at=manifest.built_at,
            manifest_sha256=digest,
            artists=manifest.counts.artists,
            tracks=manifest.counts.tracks,
            published_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    )
