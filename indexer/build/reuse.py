"""Plans an incremental build: which track vectors can be copied from the served generation (the parent)."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from indexer.build.calibration.averages import Grouping
from indexer.build.contents import digests
from indexer.store.shard import open_shard
from indexer.store.store import EmbeddingStore
from recommender.errors import GenerationCorrupt
from recommender.generation.open_generation import Generation, open_current, read_current
from recommender.types import Rows
from recommender.vectors import VectorIndex

_FAISS = ("faiss", "faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12")
_SOFTWARE = ("soundkin", "numpy", "scipy", "librosa", "soundfile", "soxr", *_FAISS)


@cache
def software() -> dict[str, str]:
    """Package -> version, of the installed packages that can change a number. Cached: do not modify the result."""
    return {name: version for name in _SOFTWARE if (version := _version(name))} | {"python": platform.python_version()}


def _version(package: str) -> str | None:
    """The version of ``package``; None when it is not installed.

    Reading the metadata of all installed packages would take longer than a small build.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The generation to copy vectors from; None, with a note, when there is none."""

    generation: Generation | None
    note: str = ""
    """Why all vectors are read from the shards; empty with a generation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """The source of each embedded track's vector."""

    parent_row: Rows
    """``[embedded track]`` row in the track indexes of the parent; -1: from the shards."""
    tracks: Mapping[str, VectorIndex]
    """Layer -> track index of the parent."""

    @property
    def count(self) -> int:
        """Number of tracks copied from the parent."""
        return int(np.count_nonzero(self.parent_row >= 0))


def find_parent(home: Path, store: EmbeddingStore) -> Parent:
    """Verify and open the served generation of ``home``, if vectors of the space of ``store`` can be copied from it."""
    try:
        if read_current(home) is None:
            return Parent(generation=None, note="nothing is published yet")
        generation = open_current(home)
    except GenerationCorrupt as error:
        return Parent(generation=None, note=f"the published generation cannot be used: {error}")
    space = generation.manifest.space
    if space.fingerprint != store.space.fingerprint:
        return Parent(generation=None, note=f"{generation.label} is of another space, {space.key}")
    if generation.manifest.software != software():
        return Parent(generation=None, note=f"{generation.label} was built by other software")
    if not generation.tracks:
        return Parent(generation=None, note=f"{generation.label} has no vectors")
    return Parent(generation=generation)


def plan_reuse(parent: Parent, store: EmbeddingStore, grouping: Grouping) -> Reuse:
    """Copy each track that has the same clips as in ``parent``, all in shards that ``parent`` was built from.

    A clip that was embedded again is in a new shard, and its vector may differ in the last bits.
    """
    rows = np.full(len(grouping.track_ids), -1, dtype=np.int64)
    if parent.generation is None:
        return Reuse(parent_row=rows, tracks={})
    tracks = parent.generation.contents.tracks
    known = {name: row for row, name in enumerate(tracks.ids)}
    renewed = _clips_of_new_shards(store, parent.generation.manifest.shards)
    ours = digests(iter(grouping.track_clips))
    for track, (name, clips) in enumerate(zip(grouping.track_ids, grouping.track_clips, strict=True)):
        row = known.get(name, -1)
        if row >= 0 and not renewed.intersection(clips) and np.array_equal(tracks.clips_digest[row], ours[track]):
            rows[track] = tracks.vector_row[row]
    return Reuse(parent_row=rows, tracks=parent.generation.tracks)


def _clips_of_new_shards(store: EmbeddingStore, known: dict[str, str]) -> frozenset[str]:
    new = [name for name, checksum in store.shard_checksums.items() if known.get(name) != checksum]
    shards = (open_shard(store.folder / name, fingerprint=store.space.fingerprint) for name in new)
    return frozenset(clip for shard in shards for clip in shard.clip_ids)
