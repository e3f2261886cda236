"""What a build costs beside plain FAISS doing the same work in the same run: seconds, and memory at its peak.

A home is made of synthetic clustered vectors, a clip a track, ten tracks an artist. Then two programs run one after the
other, each in a process of its own: what ``soundkin build`` runs; and a few lines of FAISS that read the same layers
from one .npy each, scale, average the artists, train and fill indexes of the same types with the same parameters,
measure their recall and write them. What a build does besides (catalogue, checksums, choice of parameters, goldens,
reading back) is its overhead.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.index import grouped
from indexer.build import STAGING, build
from indexer.store import EmbeddingStore, spaces
from recommender.catalog import Catalog
from recommender.generation import KINDS, index_file
from recommender.manifest import IndexEntry, Manifest
from recommender.types import Layer, Profile, Space, Vectors

DIM = 768
CASES = ((10_000, 1), (10_000, 13), (100_000, 1))
"""Tracks and layers measured by `make bench`; ``--case 1000000x1`` takes an hour and 20 GB of disk."""
TRACKS_OF = 10
QUERIES = 200
SHARD = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one program took."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    """Of resident memory, mapped files counted, over what it was before the work began."""
    recall: float
    """Least recall@10 of its indexes; 1 where they are exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One case."""

    tracks: int
    layers: int
    ours: Cost
    plain: Cost
    layer_mb: float
    """One layer's vectors and both its indexes."""
    kind: str

    def row(self) -> str:
        """One line of the table."""
        overhead, share = self.ours.cpu_s / self.plain.cpu_s - 1, self.ours.peak_mb / self.layer_mb
        return (
            f"| {self.tracks:,} | {self.layers} | {self.kind} | {self.ours.cpu_s:.1f} / {self.ours.wall_s:.1f} "
            f"| {self.plain.cpu_s:.1f} / {self.plain.wall_s:.1f} | {overhead:+.0%} | {self.ours.peak_mb:,.0f} "
            f"| {self.layer_mb:,.0f} | {share:.2f} | {self.plain.peak_mb:,.0f} | {self.ours.recall:.3f} |"
        )


def make_home(home: Path, tracks: int, layers: int) -> None:
    """A catalogue and a store of ``tracks`` clips; beside them one .npy a layer, for plain FAISS."""
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
    _fill_catalogue(home, space.key, ids)
    for layer in range(layers):
        vectors = grouped(np.random.default_rng(layer), tracks)
        np.save(home / f"{layer:02d}.npy", vectors * np.float32(3))  # of no unit length, as encoders give them
    _fill_store(EmbeddingStore(home, space), [home / f"{layer:02d}.npy" for layer in range(layers)], ids)


def _fill_store(store: EmbeddingStore, files: Sequence[Path], ids: Sequence[str]) -> None:
    mapped = [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]
    for start in range(0, len(ids), SHARD):
        part = slice(start, start + SHARD)
        store.append(ids[part], np.stack([vectors[part] for vectors in mapped], axis=1))


def _fill_catalogue(home: Path, space: str, ids: Sequence[str]) -> None:
    """In one transaction, past the catalogue's own functions: a scan of a million files is no part of a build."""
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


def build_ours(home: Path) -> float:
    """Stage a generation of the whole home; its least recall."""
    (space,) = spaces(home)
    with Catalog.open(home / "catalog.db") as catalog:
        manifest = build(catalog, EmbeddingStore(home, space), home, profile=Profile.PERSONAL)
    return min(1.0 if entry.recall_at_10 is None else entry.recall_at_10 for entry in manifest.indexes)


def build_plain(home: Path) -> float:
    """Indexes of the types that :func:`build_ours` chose, by FAISS alone; their least recall."""
    faiss.omp_set_num_threads(1)
    manifest, recalls = _staged(home)[1], []
    for layer, name in enumerate(manifest.space.layer_names):
        tracks = np.load(home / f"{layer:02d}.npy", allow_pickle=False)
        faiss.normalize_L2(tracks)
        starts = np.arange(0, len(tracks), TRACKS_OF)
        artists = np.add.reduceat(tracks, starts, axis=0)
        faiss.normalize_L2(artists)
        for kind, vectors in zip(KINDS, (tracks, artists), strict=True):
            (entry,) = (one for one in manifest.indexes if (one.layer, one.kind) == (name, kind))
            recalls.append(_write_plain(vectors, entry, home / "plain.faiss"))
    return min(recalls)


def _write_plain(vectors: Vectors, entry: IndexEntry, path: Path) -> float:
    index: Any = faiss.index_factory(DIM, entry.factory, faiss.METRIC_INNER_PRODUCT)  # Any: not in the stubs
    if not index.is_trained:
        lists = faiss.extract_index_ivf(index).nlist
        index.train(vectors[:: max(len(vectors) // max(40 * lists, 1 << 14), 1)])
    index.add(vectors)
    recall = 1.0
    if entry.parameters:
        faiss.extract_index_ivf(index).nprobe, index.k_factor = entry.parameters["nprobe"], entry.parameters["k_factor"]
        queries = vectors[:: max(len(vectors) // QUERIES, 1)][:QUERIES]
        found, right = index.search(queries, 10)[1], index.refine_index.search(queries, 10)[1]
        recall = float(np.mean([len({*one} & {*other}) / 10 for one, other in zip(found, right, strict=True)]))
    faiss.write_index(index, str(path))
    return recall


def _staged(home: Path) -> tuple[Path, Manifest]:
    (folder,) = (home / STAGING).glob("v*/")
    return folder, Manifest.from_json((folder / "MANIFEST.json").read_text())


WORK: dict[str, Callable[[Path], float]] = {"ours": build_ours, "plain": build_plain}


def run_here(what: str, home: Path) -> Cost:
    """Do one of :data:`WORK` in this process."""
    before, started, busy = _memory_mb("VmRSS"), time.perf_counter(), time.process_time()
    recall = WORK[what](home)
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - busy
    return Cost(cpu_s=cpu_s, wall_s=wall_s, peak_mb=_memory_mb("VmHWM") - before, recall=recall)


def _memory_mb(name: str) -> float:
    """``VmHWM`` (the most so far) or ``VmRSS`` (now) of this process; getrusage would give the most of its parent."""
    said = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in said.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6


def measure(tracks: int, layers: int) -> Measured:
    """Make a home, build it both ways, and remove it."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        make_home(home, tracks, layers)
        ours, plain = _elsewhere("ours", home), _elsewhere("plain", home)
        folder, manifest = _staged(home)
        indexes = sum((folder / index_file(0, kind)).stat().st_size for kind in KINDS)
        return Measured(
            tracks=tracks,
            layers=layers,
            ours=ours,
            plain=plain,
            layer_mb=(tracks * DIM * 4 + indexes) / 1e6,
            kind=manifest.indexes[0].factory,
        )


def _elsewhere(what: str, home: Path) -> Cost:
    command = [sys.executable, "-m", "benchmarks.build", "--only", what, str(home)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout))


def _case(text: str) -> tuple[int, int]:
    tracks, layers = map(int, text.split("x"))
    return tracks, layers


HEAD = (
    "| tracks | layers | index of the tracks | build: CPU s / wall s | plain FAISS: CPU s / wall s | overhead in CPU "
    "| build: peak MB | one layer's vectors + index, MB | share | plain FAISS: peak MB | recall@10 |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", type=_case, action="append", metavar="TRACKSxLAYERS")
    parser.add_argument("--only", nargs=2, metavar=("ours|plain", "HOME"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    wanted = parser.parse_args(arguments)
    if not Path("/proc/self/status").exists():
        print("needs Linux, to know the most memory a process has held")
        return
    if wanted.only:
        cost = run_here(wanted.only[0], Path(wanted.only[1]))
        print(json.dumps({name: getattr(cost, name) for name in Cost.__slots__}))
        return
    table = "\n".join([HEAD, *(measure(*case).row() for case in wanted.case or CASES)])
    notes = [
        f"Made, clustered vectors of {DIM}, {TRACKS_OF} tracks an artist, one thread. The same work: read, scale, "
        "average the artists, train, fill, measure recall, write; plain FAISS is given the parameters that the build "
        "found.",
        "Recall@10 is the least of all indexes, as the manifest has it; 1 where every vector is compared.",
    ]
    print("\n".join([table, *notes]))
    if wanted.json:
        measured = {
            "title": "What a build costs beside plain FAISS",
            "command": "python -m benchmarks.build",
            "machine": f"{platform.machine()}, Python {platform.python_version()}, FAISS {faiss.__version__}",
            "table_markdown": table,
            "notes": notes,
        }
        wanted.json.write_text(json.dumps(measured))


if __name__ == "__main__":
    main()
