"""Homes to break: a small catalog with made-up embeddings, built and published by the real code, without audio."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from msgspec import structs

from indexer.build.build import build as run_build
from indexer.publish.gate import Terms
from indexer.publish.publish import publish as run_publish
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import NewClip
from recommender.generation.open_generation import MANIFEST, Manifest, checksum_file, read_current, read_manifest
from recommender.types import ClipEmbeddings, Space, Use
from tests.catalog_rows import add_artist
from tests.factories import make_space

SPACE = make_space(("low", "high"), dim=8)


def open_catalog(home: Path) -> Catalog:
    """The catalog of ``home``, on SQLite."""
    return Catalog.open(home / "catalog.db")


def embeddings_of(clip_ids: Iterable[str], space: Space = SPACE) -> ClipEmbeddings:
    """``[clip, layer, dim]``: what a clip sounds like is drawn from its id, so that everybody can tell it."""
    shape = (len(space.layers), space.dim)
    drawn = [np.random.default_rng(int(clip_id[:12], 16)).normal(size=shape) for clip_id in clip_ids]
    return np.array(drawn, dtype=np.float32).reshape(-1, *shape)


def add_tracks(home: Path, tracks: range, *, of_each: int = 2, space: Space = SPACE) -> tuple[str, ...]:
    """Add ``tracks`` to the catalog, ``of_each`` artist, and embed them in one shard; their clips."""
    home.mkdir(parents=True, exist_ok=True)
    with open_catalog(home) as catalog, catalog.transaction():
        clip_ids = tuple(add_track(catalog, number, number // of_each) for number in tracks)
    embed(home, clip_ids, space)
    return clip_ids


def embed(home: Path, clip_ids: tuple[str, ...], space: Space = SPACE) -> None:
    """Seal one shard with these clips, and tell the ledger."""
    EmbeddingStore(home, space).append(clip_ids, embeddings_of(clip_ids, space), space=space)
    with open_catalog(home) as catalog:
        catalog.mark_done(space.key, clip_ids)


def add_track(catalog: Catalog, number: int, artist: int, *, take: int = 0) -> str:
    """Add a track with one clip to the catalog; the clip. Another ``take`` of a track is another clip."""
    track_id = catalog.find_or_add_track(add_artist(catalog, f"Artist {artist}"), f"Track {number}")
    clip = NewClip(
        track_id=track_id,
        content_sha256=hashlib.sha256(f"{number}, take {take}".encode()).hexdigest(),
        start_ms=0,
        length_ms=30_000,
        policy="middle30",
        source_path=f"/music/{number}.flac",
    )
    return catalog.add_clip(clip).clip_id


def build(home: Path, space: Space = SPACE) -> Manifest:
    """Stage the next generation."""
    with open_catalog(home) as catalog:
        store = EmbeddingStore(home, space)
        return run_build(catalog, store, home, use=Use.PERSONAL)


def publish(home: Path, *, terms: Terms | None = None, forced_why: str | None = None) -> Manifest:
    """Publish what is staged."""
    with open_catalog(home) as catalog:
        return run_publish(catalog, home, terms=terms, forced_why=forced_why)


def build_and_publish(home: Path) -> int:
    """The next generation, served; its version."""
    build(home)
    return publish(home).version


def served(home: Path) -> int:
    """The version CURRENT points to; 0 when nothing was published."""
    pointer = read_current(home)
    return 0 if pointer is None else pointer.version


def reseal(folder: Path, **changes: object) -> None:
    """Make the checksums of a tampered generation right again, and ``changes`` to its manifest: valid, but wrong."""
    manifest, _ = read_manifest(folder)
    files = tuple(checksum_file(folder / entry.name) for entry in manifest.files)
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(structs.replace(manifest, files=files, **changes).to_json())
