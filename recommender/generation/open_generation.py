"""One published generation: a folder with a manifest, checked against its checksums and opened read-only.

::

    HOME/
      CURRENT                       {"format": 1, "version": 3, "manifest_sha256": "…", "newest": 3, "xxh3_128": "…"}
      versions/v00000003/           never modified once it has this name
        MANIFEST.json               what is here, made from what, with the size and checksums of every file
        LEASE                       empty; whoever reads the folder holds it locked (recommender/generation/lease.py)
        L00.tracks.faiss L00.artists.faiss …     one pair a layer, in the order of the space
        artist.*.npy track.*.npy genre_weights.*.npy …       recommender/generation/contents.py
        L00.calibration.* L00.measured.* scene.percentiles.* …   recommender/generation/calibration.py
        candidates.*                                             recommender/retrieval/candidates.py
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xxhash

from recommender.errors import GenerationCorrupt, InvalidArgument, Unavailable
from recommender.generation import contents
from recommender.generation.calibration import Calibration, open_calibration
from recommender.generation.candidate_files import Candidates, open_candidates
from recommender.generation.contents import Contents
from recommender.generation.current_pointer import CURRENT, CurrentState, Pointer, inspect_current, read_current
from recommender.generation.lease import LEASE
from recommender.generation.manifest import Counts, FileEntry, IndexEntry, Manifest
from recommender.vectors import FaissIndex, VectorIndex

__all__ = [
    "CURRENT",
    "KINDS",
    "MANIFEST",
    "VERSIONS",
    "Counts",
    "CurrentState",
    "FileEntry",
    "Generation",
    "Manifest",
    "Pointer",
    "checksum_file",
    "folder_name",
    "index_file",
    "inspect_current",
    "open_current",
    "open_generation",
    "open_pointed",
    "open_verified",
    "read_current",
    "read_manifest",
    "verify",
    "verify_file",
]

MANIFEST = "MANIFEST.json"
VERSIONS = "versions"
KINDS = ("tracks", "artists")
"""What there is an index of in every layer, in the order they are made and listed."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """An open generation. Immutable: a request that holds it sees one state of the world."""

    manifest: Manifest
    contents: Contents
    tracks: Mapping[str, VectorIndex]
    """Layer name -> track index."""
    artists: Mapping[str, VectorIndex]
    """Layer name -> artist index."""
    calibration: Calibration = field(default_factory=Calibration)
    candidates: Candidates | None = None
    """None where every artist is compared."""

    @property
    def label(self) -> str:
        return folder_name(self.manifest.version)


def folder_name(version: int) -> str:
    """
    >>> folder_name(3)
    'v00000003'
    """
    return f"v{version:08d}"


def index_file(layer: int, kind: str) -> str:
    """Name of the index of ``kind`` ("tracks" or "artists") of the ``layer``-th layer."""
    return f"L{layer:02d}.{kind}.faiss"


def checksum_file(path: Path) -> FileEntry:
    """Size and both checksums of ``path``, in one pass."""
    fast, strong, size = xxhash.xxh3_128(), hashlib.sha256(), 0
    for block in _blocks(path):
        fast.update(block)
        strong.update(block)
        size += len(block)
    return FileEntry(name=path.name, size=size, xxh3_128=fast.hexdigest(), sha256=strong.hexdigest())


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """The manifest of ``folder`` and its sha256. Raises GenerationCorrupt when it is missing or not one of ours."""
    try:
        raw = (folder / MANIFEST).read_bytes()
        return Manifest.from_json(raw.decode()), hashlib.sha256(raw).hexdigest()
    except OSError as error:
        raise GenerationCorrupt(folder.name, MANIFEST, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise GenerationCorrupt(folder.name, MANIFEST, f"is not a manifest ({error})") from error


def verify_file(folder: Path, entry: FileEntry) -> None:
    """Check size and xxh3 of one file. Raises GenerationCorrupt."""
    digest, path = xxhash.xxh3_128(), folder / entry.name
    try:
        size = path.stat().st_size
        for block in _blocks(path) if size == entry.size else ():
            digest.update(block)
    except OSError as error:  # a bad sector must not be worse than a flipped bit: who reads this falls back
        raise GenerationCorrupt(folder.name, entry.name, f"cannot be read ({error.strerror})") from error
    if size != entry.size:
        raise GenerationCorrupt(folder.name, entry.name, f"has {size} bytes, expected {entry.size}")
    if digest.hexdigest() != entry.xxh3_128:
        raise GenerationCorrupt(folder.name, entry.name, "does not have its checksum")


def verify(folder: Path, manifest: Manifest, *, check: Callable[[Path, FileEntry], None] = verify_file) -> None:
    """Check every byte of ``folder`` against ``manifest``, each file with ``check``.

    Raises:
        GenerationCorrupt: a file is missing, altered, not listed, or cannot be read.
    """
    listed = {entry.name: entry for entry in manifest.files}
    present = {entry.name for entry in os.scandir(folder)}
    for name in sorted(present - listed.keys() - {MANIFEST, LEASE}):
        raise GenerationCorrupt(folder.name, name, "is not listed in the manifest")
    if LEASE in present and (folder / LEASE).stat().st_size:
        raise GenerationCorrupt(folder.name, LEASE, "is not empty")
    for name, entry in sorted(listed.items()):
        if "/" in name or name not in present:
            raise GenerationCorrupt(folder.name, name, "is missing")
        check(folder, entry)


def open_generation(folder: Path) -> Generation:
    """Verify ``folder`` and open it. Raises GenerationCorrupt; nothing is served from a folder that fails."""
    manifest, _ = read_manifest(folder)
    verify(folder, manifest)
    return open_verified(folder, manifest)


def open_verified(folder: Path, manifest: Manifest) -> Generation:
    """Open ``folder``, which :func:`verify` has just found to be as ``manifest`` says.

    Raises GenerationCorrupt when the files, although unaltered, do not hold what the manifest says.
    """
    opened: dict[str, dict[str, VectorIndex]] = {"tracks": {}, "artists": {}}
    for entry in _expected_indexes(folder, manifest):
        opened[entry.kind][entry.layer] = _open_index(folder, manifest, entry)
    loaded = contents.load(folder)
    _check_rows(folder, manifest, loaded)
    calibration = open_calibration(folder, manifest)
    return Generation(
        manifest=manifest,
        contents=loaded,
        tracks=opened["tracks"],
        artists=opened["artists"],
        calibration=calibration,
        candidates=open_candidates(folder, manifest, loaded, calibration.layers),
    )


def _expected_indexes(folder: Path, manifest: Manifest) -> tuple[IndexEntry, ...]:
    """The entries of the manifest, which are one for each kind of each layer, or none when nothing is embedded."""
    layers = manifest.space.layer_names if manifest.counts.tracks_indexed else ()
    expected = [(layer, kind) for layer in layers for kind in KINDS]
    if [(entry.layer, entry.kind) for entry in manifest.indexes] != expected:
        raise GenerationCorrupt(
            folder.name, MANIFEST, f"does not list the indexes of the {len(layers)} layers embedded"
        )
    return manifest.indexes


def _open_index(folder: Path, manifest: Manifest, entry: IndexEntry) -> VectorIndex:
    """The index of ``entry``, which holds what the manifest says: another size, space or type is refused."""
    name = index_file(manifest.space.layer_names.index(entry.layer), entry.kind)
    counts = manifest.counts
    size = counts.tracks_indexed if entry.kind == "tracks" else counts.artists_indexed
    try:
        index = FaissIndex.open(folder / name)
    except InvalidArgument as error:
        raise GenerationCorrupt(folder.name, name, error.problem) from error
    expected = (size, manifest.space.dim, entry.factory)
    found = (index.size, index.dim, index.factory)
    if found != expected:
        said = "holds {} vectors of {} as {}, the manifest says {} of {} as {}".format(*found, *expected)
        raise GenerationCorrupt(folder.name, name, said)
    return index


def _check_rows(folder: Path, manifest: Manifest, loaded: Contents) -> None:
    """Ids and vectors are equally many, so that no id can lead past the end of an index."""
    counts = manifest.counts
    sides = (
        ("artist", loaded.artists.ids, loaded.artists.vector_row, (counts.artists, counts.artists_indexed)),
        ("track", loaded.tracks.ids, loaded.tracks.vector_row, (counts.tracks, counts.tracks_indexed)),
    )
    for name, ids, rows, expected in sides:
        found = (len(ids), int(np.count_nonzero(rows >= 0)))
        if found != expected or int(rows.max(initial=-1)) != expected[1] - 1:
            said = (
                f"has {found[0]} ids, {found[1]} of them with vectors; the manifest says {expected[0]}, {expected[1]}"
            )
            raise GenerationCorrupt(folder.name, f"{name}.vector_row.npy", said)


def open_current(home: Path) -> Generation:
    """Open what CURRENT points to.

    Raises:
        Unavailable: nothing was published in ``home``.
        GenerationCorrupt: it is not what was published.
    """
    pointer = read_current(home)
    if pointer is None:
        raise Unavailable(f"nothing is published in {home}; run soundkin scan, embed, build and publish")
    return open_pointed(home, pointer)


def open_pointed(home: Path, pointer: Pointer) -> Generation:
    """Verify and open what ``pointer``, which CURRENT held, points to. Raises GenerationCorrupt."""
    folder = home / VERSIONS / folder_name(pointer.version)
    manifest, digest = read_manifest(folder)
    if digest != pointer.manifest_sha256:
        raise GenerationCorrupt(folder.name, MANIFEST, "is not the one that was published")
    verify(folder, manifest)
    return open_verified(folder, manifest)
