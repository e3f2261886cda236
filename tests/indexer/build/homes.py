"""Small catalogs with made-up embeddings whose every vector can be worked out again from the id of its clip."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from indexer.build.build import BuildOptions, build
from indexer.publish.publish import publish
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import NewClip
from recommender.generation.open_generation import Manifest
from recommender.types import ClipEmbeddings, Space, Use
from tests.catalog_rows import add_artist
from tests.factories import make_space

SPACE = make_space(("low", "middle", "high", "top"), dim=12)


def open_catalog(home: Path) -> Catalog:
    """The catalog of ``home``, on SQLite."""
    home.mkdir(parents=True, exist_ok=True)
    return Catalog.open(home / "catalog.db")


def add_clip(catalog: Catalog, artist: str, track: str, number: int) -> str:
    """Enter the ``number``-th clip of a track; its id."""
    name = f"{artist}/{track}/{number}"
    clip = NewClip(
        track_id=catalog.find_or_add_track(add_artist(catalog, artist), track),
        content_sha256=hashlib.sha256(name.encode()).hexdigest(),
        start_ms=0,
        length_ms=30_000,
        policy="middle30",
        source_path=f"/music/{name}.flac",
    )
    return catalog.add_clip(clip).clip_id


def embeddings_of(clip_ids: Sequence[str], space: Space = SPACE) -> ClipEmbeddings:
    """``[clip, layer, dim]``, drawn from the id of the clip, around one of 16 centres, which its first digit names."""
    shape = (len(space.layers), space.dim)
    centres = np.random.default_rng(0).normal(size=(16, *shape))
    noise = [np.random.default_rng(int(clip_id[:12], 16)).normal(size=shape) for clip_id in clip_ids]
    near = centres[[int(clip_id[0], 16) for clip_id in clip_ids]]
    return (near + 0.5 * np.array(noise).reshape(-1, *shape)).astype(np.float32)


def embed(home: Path, clip_ids: Sequence[str], space: Space = SPACE) -> None:
    """Seal one shard with these clips and tell the ledger."""
    EmbeddingStore(home, space).append(clip_ids, embeddings_of(clip_ids, space), space=space)
    with open_catalog(home) as catalog:
        catalog.mark_done(space.key, clip_ids)


def add_music(home: Path, artists: range, *, tracks: int = 3, clips: int = 2, space: Space = SPACE) -> list[str]:
    """Enter and embed, in one shard, that many tracks of each of ``artists``; the clips."""
    with open_catalog(home) as catalog, catalog.transaction():
        added = [
            add_clip(catalog, f"artist {artist}", f"track {artist}.{track}", clip)
            for artist in artists
            for track in range(tracks)
            for clip in range(1 + (artist + track) % clips)
        ]
    embed(home, added, space)
    return added


def run_build(home: Path, options: BuildOptions | None = None, *, space: Space = SPACE) -> Manifest:
    """Stage the next generation."""
    with open_catalog(home) as catalog:
        return build(catalog, EmbeddingStore(home, space), home, use=Use.PERSONAL, options=options)


def run_publish(home: Path) -> Path:
    """Publish what is staged, whatever the gate thinks of it; its folder."""
    with open_catalog(home) as catalog:
        manifest = publish(catalog, home, forced_why="a test that removes most of the music")
    return home / "versions" / f"v{manifest.version:08d}"


def staged(home: Path) -> Path:
    """The folder of what is staged."""
    (folder,) = (home / "staging").iterdir()
    return folder


Direction: TypeAlias = npt.NDArray[np.float64]


def directions(home: Path, layer: int, space: Space = SPACE) -> tuple[dict[str, Direction], dict[str, str]]:
    """Track id -> unit vector and track id -> artist id, in plain loops over SQL's rows and :func:`embeddings_of`."""
    with open_catalog(home) as catalog:
        clips = catalog.read_embedded_clips(space.key)
        owners = {track.id: track.artist_id for track in catalog.read_tracks()}
    sums: dict[str, Direction] = {}
    for clip in clips:
        vector = embeddings_of([clip.clip_id], space)[0, layer].astype(np.float64)
        sums[clip.track_id] = sums.get(clip.track_id, np.zeros(space.dim)) + vector / np.linalg.norm(vector)
    found = {track: total / np.linalg.norm(total) for track, total in sums.items()}
    return found, {track: owners[track] for track in found}
