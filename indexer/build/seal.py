"""Ends a build: makes its files read-only and durable, and writes the manifest that lists them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from indexer.build.calibration.averages import Grouping
from indexer.build.catalog_rows import CatalogRows
from indexer.build.layers import Entries
from indexer.build.reuse import software
from indexer.files.atomic import sync_file, sync_folder, write_file
from recommender.generation.lease import LEASE
from recommender.generation.manifest import CalibrationEntry, CandidatesEntry, Counts, Golden, Manifest, Quality, Taken
from recommender.generation.open_generation import MANIFEST, checksum_file
from recommender.types import Space, Use
from recommender.vectors import RECALL_FLOOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The inputs of a generation that its manifest records."""

    space: Space
    use: Use
    parent_version: int | None
    shards: dict[str, str]
    data: CatalogRows
    grouping: Grouping
    taken: Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltParts:
    """The manifest entries of the built layers and candidates."""

    indexes: Entries = ()
    goldens: tuple[Golden, ...] = ()
    calibrations: tuple[CalibrationEntry, ...] = ()
    bad_vectors: int = 0
    candidates: CandidatesEntry = field(default_factory=CandidatesEntry)


def seal(folder: Path, origin: Origin, made: BuiltParts) -> Manifest:
    """Make the files of ``folder`` read-only and durable, add LEASE and the manifest; returns the manifest.

    The manifest is written last, so that a folder with a manifest is complete. The folder itself stays writable,
    because publishing renames it.
    """
    paths = sorted(folder.iterdir())
    for path in paths:
        path.chmod(0o444)
        sync_file(path)
    manifest = Manifest(
        version=int(folder.name[1:]),
        parent_version=origin.parent_version,
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        space=origin.space,
        use=origin.use.value,
        sources={source.name: source.licence for source in origin.data.sources},
        software=software(),
        shards=origin.shards,
        taken=origin.taken,
        counts=_counts(origin.data, origin.grouping),
        indexes=made.indexes,
        goldens=made.goldens,
        calibrations=made.calibrations,
        candidates=made.candidates,
        quality=Quality(bad_vectors=made.bad_vectors, recall_floor=RECALL_FLOOR),
        files=tuple(checksum_file(path) for path in paths),
    )
    write_file(folder / LEASE, [])
    (folder / LEASE).chmod(0o444)
    write_file(folder / MANIFEST, [manifest.to_json().encode()])
    (folder / MANIFEST).chmod(0o444)
    sync_folder(folder)
    return manifest


def _counts(data: CatalogRows, grouping: Grouping) -> Counts:
    return Counts(
        artists=len(data.artists),
        artists_indexed=grouping.artists,
        tracks=len(data.tracks),
        tracks_indexed=len(grouping.track_ids),
        clips=grouping.clips,
    )
