"""Makes the product of a build with a plain script, without staging, checks and durability, to compare the cost.

From the same catalog and shards it makes the same files in another format: per layer an index of tracks and one of
artists, of the types that the build chose, with search parameters from the same search and a recall measured on other
queries; the fitted calibration and the numbers of every artist; codes for candidates; columns of ids, names and titles;
a hash per file. It checks nothing that it reads, reads nothing back, syncs nothing and records no golden answers, and
it handles only the data of this catalog (no genres, no scenes, one clip per track). It uses sqlite3, numpy, scipy and
FAISS, and no code of the build.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import faiss
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]
Factories: TypeAlias = Mapping[str, str]
"""``tracks`` or ``artists`` -> FAISS factory string of its index."""

AIMS = {10: 0.993, 63: 0.95}
"""Same values as ``RECALL_AIMS`` of recommender.vectors."""
QUERIES = 200
HELD_OUT = 400
COHORT, REFERENCE, COMPONENTS, QUANTILES, SHRINKAGE = 1000, 2000, 128, 2001, 0.1
CODES_FROM = 5000
"""Artists from which codes are written; same value as in indexer.build.candidates."""
_BLOCK = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The rows of the catalog that a build reads."""

    artists: Sequence[tuple[str, str]]
    """Id and name, by id."""
    tracks: Sequence[tuple[str, str, str]]
    """Id, artist and title, by id."""
    clips: Sequence[str]
    """``[track]`` id of its only clip."""
    artist: Rows
    """``[track]`` row of its artist in ``artists``."""


def build(home: Path, factories: Factories, out: Path) -> float:
    """Make all files in the new folder ``out``; return the lowest recall of its indexes, on queries not tuned for."""
    out.mkdir()
    catalog = read_catalog(home / "catalog.db")
    _write_columns(catalog, out)
    recalls = []
    positions = ClipPositions.of(home, catalog.clips)
    for layer in range(positions.layers):
        tracks = positions.read(layer)
        faiss.normalize_L2(tracks)
        artists = mean_of_groups(tracks, catalog.artist, len(catalog.artists))
        for kind, vectors in (("tracks", tracks), ("artists", artists)):
            recalls.append(write_index(vectors, factories[kind], out / f"{layer:02d}.{kind}.faiss"))
        numbers = calibrate(tracks, catalog.artist, out / f"{layer:02d}")
    if len(catalog.artists) >= CODES_FROM:  # of the last layer, which is the default
        write_codes(*numbers, out / "codes.faiss")
    hashes = {path.name: _sha256(path) for path in sorted(out.iterdir())}
    (out / "hashes.json").write_text(json.dumps(hashes))
    return min(recalls)


def faiss_alone(home: Path, factories: Factories, parameters: Mapping[str, Mapping[str, int]], out: Path) -> float:
    """Train, fill, measure and write the indexes of every layer, and nothing else; return the lowest recall."""
    out.mkdir()
    catalog = read_catalog(home / "catalog.db")
    positions, recalls = ClipPositions.of(home, catalog.clips), []
    for layer in range(positions.layers):
        tracks = positions.read(layer)
        faiss.normalize_L2(tracks)
        artists = mean_of_groups(tracks, catalog.artist, len(catalog.artists))
        for kind, vectors in (("tracks", tracks), ("artists", artists)):
            index = filled(vectors, factories[kind])
            recalls.append(1.0)
            if given := parameters[f"{layer:02d}.{kind}"]:
                faiss.extract_index_ivf(index).nprobe, index.k_factor = given["nprobe"], given["k_factor"]
                recalls[-1] = _recalls(index, *_trial(index, vectors, QUERIES, first=2))[10]
            faiss.write_index(index, str(out / f"{layer:02d}.{kind}.faiss"))
    return min(recalls)


def read_catalog(path: Path) -> Catalog:
    """Read the artists, tracks and clips that have an embedding."""
    with closing(sqlite3.connect(path)) as database:
        artists = database.execute("SELECT id, name FROM artists ORDER BY id").fetchall()
        tracks = database.execute("SELECT id, artist_id, title FROM tracks ORDER BY id").fetchall()
        done = "JOIN extractions ON extractions.clip_id = clips.id WHERE state = 'done'"
        clip_of = dict(database.execute(f"SELECT track_id, clips.id FROM clips {done}"))  # noqa: S608 - the line above
    row = {one: place for place, (one, _) in enumerate(artists)}
    return Catalog(
        artists=artists,
        tracks=tracks,
        clips=[clip_of[one] for one, _, _ in tracks],
        artist=np.array([row[artist] for _, artist, _ in tracks]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPositions:
    """The positions of the clips in the shards."""

    files: Sequence[Path]
    heads: Sequence[tuple[int, int]]
    """``[file]`` byte at which its layers start, and its number of clips."""
    wanted: Sequence[Rows]
    """``[file]`` row of each of its clips in the array that is filled."""
    layers: int
    dim: int

    @classmethod
    def of(cls, home: Path, clips: Sequence[str]) -> ClipPositions:
        """Read the header and the clip ids of every shard, in the layout of indexer/store/shard.py."""
        row = {clip: place for place, clip in enumerate(clips)}
        files = sorted((home / "embeddings").glob("*/*.shard"))
        heads, wanted, facts = [], [], {"layers": 0, "dim": 0}
        for path in files:
            with path.open("rb") as file:
                (length,) = struct.unpack("<8xI", file.read(12))
                facts = json.loads(file.read(length))
                heads.append((12 + length, int(facts["clips"])))
                file.seek(12 + length + 4 * int(facts["clips"]) * int(facts["layers"]) * int(facts["dim"]))
                ids = file.read(16 * int(facts["clips"])).hex()
            wanted.append(np.array([row[ids[at : at + 32]] for at in range(0, len(ids), 32)]))
        return cls(files=files, heads=heads, wanted=wanted, layers=int(facts["layers"]), dim=int(facts["dim"]))

    def read(self, layer: int) -> Floats:
        """Read one layer, ``[track, dim]``."""
        found = np.empty((sum(map(len, self.wanted)), self.dim), dtype=np.float32)
        for path, (start, clips), rows in zip(self.files, self.heads, self.wanted, strict=True):
            count = clips * self.dim
            part = np.fromfile(path, dtype=np.float32, count=count, offset=start + 4 * count * layer)
            found[rows] = part.reshape(clips, self.dim)
        return found


def mean_of_groups(vectors: Floats, group: Rows, count: int) -> Floats:
    """Unit mean of the rows of each group."""
    found: Floats = _adding(group, count, np.float32) @ vectors
    faiss.normalize_L2(found)
    return found


def _adding(group: Rows, count: int, dtype: type[np.floating[Any]]) -> csr_array:  # Any: the width of a number
    size = len(group)
    return csr_array((np.ones(size, dtype), (group, np.arange(size))), shape=(count, size))


def filled(vectors: Floats, factory: str) -> Any:  # Any: FAISS's stubs know no types that are named at run time
    """A trained and filled index of the type ``factory``."""
    faiss.omp_set_num_threads(1)
    index: Any = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        lists = faiss.extract_index_ivf(index).nlist
        index.train(vectors[:: max(len(vectors) // max(40 * lists, 1 << 14), 1)])
    index.add(vectors)
    return index


def write_index(vectors: Floats, factory: str, path: Path) -> float:
    """Train, fill, tune, measure and write an index; return its recall@10 on queries that were not tuned for."""
    index, recall = filled(vectors, factory), 1.0
    if factory != "Flat":
        _tune(index, *_trial(index, vectors, QUERIES, first=0))
        ivf = faiss.extract_index_ivf(index)
        trial = _trial(index, vectors, HELD_OUT, first=1)
        while not _enough(found := _recalls(index, *trial)) and ivf.nprobe < ivf.nlist:
            ivf.nprobe *= 2
        recall = found[10]
    faiss.write_index(index, str(path))
    return recall


def _trial(index: Any, vectors: Floats, count: int, *, first: int) -> tuple[Rows, Floats, Rows]:  # Any: as above
    rows = np.arange(first, len(vectors), max(len(vectors) // count, 1))[:count]
    return rows, vectors[rows], index.refine_index.search(vectors[rows], 64)[1]


def _recalls(index: Any, rows: Rows, queries: Floats, right: Rows) -> dict[int, float]:  # Any: as above
    """Number of nearest -> share of them that the index finds, the query left out."""
    found, hits = index.search(queries, 64)[1], dict.fromkeys(AIMS, 0)
    for row, ours, theirs in zip(rows.tolist(), found, right, strict=True):
        for count in hits:
            hits[count] += len({*ours[ours != row][:count]} & {*theirs[theirs != row][:count]})
    return {count: hit / (len(rows) * count) for count, hit in hits.items()}


def _enough(recalls: Mapping[int, float]) -> bool:
    return all(recalls[count] >= aim for count, aim in AIMS.items())


def _tune(index: Any, rows: Rows, queries: Floats, right: Rows) -> None:  # Any: as above
    """Set the smallest k_factor with all lists searched, then the fewest lists, that reach the aims."""
    ivf = faiss.extract_index_ivf(index)
    ivf.nprobe = ivf.nlist
    for index.k_factor in (1, 2, 4, 8, 16):
        if _enough(_recalls(index, rows, queries, right)):
            break
    enough, too_few = ivf.nlist.bit_length() - 1, -1
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        ivf.nprobe = 1 << middle
        enough, too_few = (middle, too_few) if _enough(_recalls(index, rows, queries, right)) else (enough, middle)
    ivf.nprobe = 1 << enough


def calibrate(tracks: Floats, artist: Rows, path: Path) -> tuple[Floats, Doubles, Doubles]:
    """Fit on reference artists, measure all artists, and save both, as recommender/calibration/cohort.py defines them.

    Returns the vectors of all artists, and mean and standard deviation of their cosines with the cohort.
    """
    order = np.argsort(artist, kind="stable")
    sizes = np.bincount(artist)
    ends = np.cumsum(sizes)
    draw = np.random.default_rng(0)
    reference = np.sort(draw.permutation(np.flatnonzero(sizes >= 2))[:REFERENCE])
    rows = np.concatenate([order[ends[one] - sizes[one] : ends[one]] for one in reference])
    mean, projection = fit(tracks[rows], np.repeat(np.arange(len(reference)), sizes[reference]))
    cohort = np.sort(reference[draw.permutation(len(reference))[:COHORT]])
    position = {row: index for index, row in enumerate(cohort.tolist())}
    places = np.array([position.get(row, -1) for row in range(len(sizes))])
    middle = [order[ends[one] - sizes[one] : ends[one]] for one in cohort]
    vectors = np.concatenate([_artist_vectors(tracks, part, mean, projection) for part in _parts(middle)])
    parts = [order[ends[a] - sizes[a] : ends[b - 1]] for a, b in _spans(sizes)]
    found = [
        measure(_moved(tracks[part], mean, projection), sizes[a:b], vectors, places[a:b])
        for part, (a, b) in zip(parts, _spans(sizes), strict=True)
    ]
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    for name, column in zip(("vectors", "mean", "sd", "coherence", "error"), columns, strict=True):
        np.save(f"{path}.{name}.npy", column)
    np.save(f"{path}.quantiles.npy", _quantiles(vectors, columns[1][cohort], columns[2][cohort]))
    for name, array in (("centre", mean), ("projection", projection), ("cohort", vectors)):
        np.save(f"{path}.{name}.npy", array)
    return columns[0], columns[1], columns[2]


def write_codes(vectors: Floats, mean: Doubles, sd: Doubles, path: Path) -> float:
    """Write short codes that retrieve candidates; return the share of the first 20 artists that they find."""
    rows = np.hstack([vectors, vectors / sd[:, np.newaxis], (-mean / sd)[:, np.newaxis]]).astype(np.float32)
    rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    index: Any = faiss.index_factory(rows.shape[1], f"PQ{rows.shape[1] // 2}x4fs", faiss.METRIC_INNER_PRODUCT)
    index.train(rows[:: max(len(rows) // 65_536, 1)])
    index.add(rows)
    seeds = np.random.default_rng(0).permutation(len(rows))[:300]
    width = vectors.shape[1]
    asked = np.hstack([rows[seeds, width : 2 * width], rows[seeds, :width], np.ones((300, 1))])
    asked = np.pad(asked, ((0, 0), (0, rows.shape[1] - asked.shape[1]))).astype(np.float32)
    best = [np.argpartition(-scores, 20)[:20] for scores in asked @ rows.T]
    overlap = 0.0
    for nearest in (500, 1000, 2000, 4000, 8000):
        found = index.search(asked, nearest)[1]
        overlap = float(np.mean([len({*a} & {*b}) / 20 for a, b in zip(best, found, strict=True)]))
        if overlap >= 0.99:
            break
    faiss.write_index(index, str(path))
    return overlap


def _spans(sizes: Rows) -> list[tuple[int, int]]:
    """Artists in parts of about :data:`_BLOCK` tracks."""
    ends, marks = np.cumsum(sizes), [0]
    while marks[-1] < len(sizes):
        begun = ends[marks[-1] - 1] if marks[-1] else 0
        marks.append(max(int(np.searchsorted(ends, begun + _BLOCK, side="right")), marks[-1] + 1))
    return list(pairwise(marks))


def _parts(rows: list[Rows]) -> Iterator[list[Rows]]:
    return (rows[start : start + 200] for start in range(0, len(rows), 200))


def fit(tracks: Floats, artist: Rows) -> tuple[Doubles, Doubles]:
    """Mean, and projection onto main components with within-artist whitening (WCCN)."""
    units = tracks.astype(np.float64)
    mean = units.mean(axis=0)
    units -= mean
    vectors = np.linalg.eigh(units.T @ units / len(units))[1][:, ::-1][:, : min(COMPONENTS, len(units) // 5)]
    projected = units @ vectors
    sizes = np.bincount(artist)
    projected -= (_adding(artist, len(sizes), np.float64) @ projected / sizes[:, np.newaxis])[artist]
    within = projected.T @ projected / (len(projected) - len(sizes))
    level = np.trace(within) / len(within) * np.eye(len(within))
    values, turn = np.linalg.eigh((1 - SHRINKAGE) * within + SHRINKAGE * level)
    return mean, vectors @ (turn / np.sqrt(values)) @ turn.T


def _moved(tracks: Floats, mean: Doubles, projection: Doubles) -> Doubles:
    moved: Doubles = (tracks - mean) @ projection
    moved /= np.sqrt(np.einsum("ij,ij->i", moved, moved))[:, np.newaxis]
    return moved


def _artist_vectors(tracks: Floats, owned: list[Rows], mean: Doubles, projection: Doubles) -> Doubles:
    moved = _moved(tracks[np.concatenate(owned)], mean, projection)
    sums: Doubles = _adding(np.repeat(np.arange(len(owned)), list(map(len, owned))), len(owned), np.float64) @ moved
    sums /= np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, np.newaxis]
    return sums


def measure(moved: Doubles, sizes: Rows, cohort: Doubles, own: Rows) -> tuple[npt.NDArray[Any], ...]:  # Any: two widths
    """Vector, mean and sd of the cosines with the cohort, coherence, and standard error of some artists."""
    each = np.repeat(np.arange(len(sizes)), sizes)
    adding = _adding(each, len(sizes), np.float64)
    sums = adding @ moved
    length = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, np.newaxis]
    vectors, inside = sums / length, own >= 0
    left = len(cohort) - inside
    cosines = vectors @ cohort.T
    cosines[inside, own[inside]] = 0.0
    mean = cosines.sum(axis=1) / left
    squares = np.einsum("ij,ij->i", cosines, cosines)
    sd = np.sqrt(np.maximum(squares / left - mean**2, 0.0))
    rest = sums[each] - moved
    rest /= np.sqrt(np.einsum("ij,ij->i", rest, rest))[:, np.newaxis]
    deviations = rest - (adding @ rest / sizes[:, np.newaxis])[each]
    spread = np.einsum("ij,ij->i", deviations @ (cohort.T @ cohort), deviations)
    spread -= np.where(own[each] >= 0, np.einsum("ij,ij->i", deviations, cohort[own[each]]), 0.0) ** 2
    error = np.sqrt((sizes - 1) / sizes * (adding @ spread) / left)
    return vectors.astype(np.float32), mean, sd, length[:, 0] / sizes, error


def _quantiles(cohort: Doubles, mean: Doubles, sd: Doubles) -> Doubles:
    one_way = (cohort @ cohort.T - mean) / sd
    pairs = (0.5 * (one_way + one_way.T))[np.triu_indices(len(cohort), k=1)]
    return np.asarray(np.quantile(pairs, np.linspace(0, 1, QUANTILES)))


def _write_columns(catalog: Catalog, out: Path) -> None:
    texts = {
        "artist.ids": [one for one, _ in catalog.artists],
        "artist.names": [name for _, name in catalog.artists],
        "track.ids": [one for one, _, _ in catalog.tracks],
        "track.titles": [title for _, _, title in catalog.tracks],
    }
    for name, strings in texts.items():
        encoded = [text.encode() for text in strings]
        np.save(out / f"{name}.utf8.npy", np.frombuffer(b"".join(encoded), dtype=np.uint8))
        np.save(out / f"{name}.offsets.npy", np.cumsum([0, *map(len, encoded)]))
    np.save(out / "track.artist.npy", catalog.artist)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
