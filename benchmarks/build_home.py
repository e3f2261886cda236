"""Makes a home to build from: synthetic clustered vectors, one clip per track, ten tracks per artist."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.index import grouped
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.types import Layer, Space

DIM = 768
TRACKS_OF = 10
SHARD = 4096


def make_home(home: Path, tracks: int, layers: int) -> None:
    """Write a catalog and an embedding store of ``tracks`` clips in shards into ``home``."""
    names = tuple(f"{number:02d}" for number in range(layers))
    space = Space(
        name="made",
        revision="1",
        licence="own",
        layers=tuple(Layer(name=name) for name in names),
        dim=DIM,
        sample_rate_hz=24_000,
        preprocessing="made",
        default_mix={names[-1]: 1.0},
    )
    ids = [f"{number:032x}" for number in range(tracks)]
    _fill_catalog(home, space.key, ids)
    with tempfile.TemporaryDirectory(dir=home) as name:
        files = [Path(name) / f"{layer:02d}.npy" for layer in range(layers)]
        for layer, file in enumerate(files):
            vectors = grouped(np.random.default_rng(layer), tracks)
            vectors *= 3  # not of unit length, like the vectors of an encoder
            np.save(file, vectors)
        _fill_store(EmbeddingStore(home, space), files, ids, space=space)


def _fill_store(store: EmbeddingStore, files: Sequence[Path], ids: Sequence[str], *, space: Space) -> None:
    mapped = [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]
    for start in range(0, len(ids), SHARD):
        part = slice(start, start + SHARD)
        store.append(ids[part], np.stack([vectors[part] for vectors in mapped], axis=1), space=space)


def _fill_catalog(home: Path, space: str, ids: Sequence[str]) -> None:
    """Fill the tables directly in one transaction; scanning a million files is not part of a build."""
    Catalog.open(home / "catalog.db").close()
    artists = ids[: -(-len(ids) // TRACKS_OF)]
    tables: dict[str, list[tuple[object, ...]]] = {
        "artists (id, name)": [(one, one) for one in artists],
        "artist_names (artist_id, name, folded)": [(one, one, one) for one in artists],
        "tracks (id, artist_id, title, folded)": [
            (one, artists[place // TRACKS_OF], one, one) for place, one in enumerate(ids)
        ],
        "clips (id, track_id, content_sha256, start_ms, length_ms, policy, source_path)": [
            (one, one, one * 2, 0, 30_000, "middle30", one) for one in ids
        ],
        "extractions (clip_id, space, state, attempts)": [(one, space, "done", 1) for one in ids],
    }
    with closing(sqlite3.connect(home / "catalog.db")) as database, database:
        for table, rows in tables.items():
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - the names above
