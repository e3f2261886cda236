"""One published generation: a folder with a manifest, checked against its checksums and opened read-only.

::

    HOME/
      CURRENT                       {"format": 1, "version": 3, "manifest_sha256": "…"}
      versions/v00000003/           never modified once it has this name
        MANIFEST.json               what is here, made from what, with the size and checksums of every file
        L00.tracks.faiss L00.artists.faiss …     one pair a layer, in the order of the space
        artist.*.npy track.*.npy genre_weights.*.npy …       recommender/contents.py
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import xxhash

from recommender import contents
from recommender.contents import Contents
from recommender.errors import GenerationCorrupt, Unavailable
from recommender.types import Space
from recommender.vectors import FaissIndex, VectorIndex

FORMAT = 1
"""Version of the layout above; a reader refuses any other."""

MANIFEST = "MANIFEST.json"
CURRENT = "CURRENT"
VERSIONS = "versions"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of the generation as it was when it was built."""

    name: str
    size: int
    xxh3_128: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is inside."""

    artists: int
    artists_indexed: int
    tracks: int
    tracks_indexed: int
    clips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a generation is and what it was made from."""

    version: int
    built_at: str
    """RFC 3339, UTC. For the reader; order is by version."""
    space: Space
    profile: str
    """The use it was built for: personal, noncommercial or commercial."""
    sources: dict[str, str]
    """Source of metadata -> licence."""
    software: dict[str, str]
    """Package -> version, of whatever could change a number."""
    counts: Counts
    files: tuple[FileEntry, ...]

    def to_json(self) -> str:
        data = asdict(self) | {"format": FORMAT, "space": self.space.to_json()}
        return json.dumps(data, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse what :meth:`to_json` wrote. Raises ValueError, KeyError or TypeError on any other shape."""
        data = json.loads(text)
        found = data.pop("format")
        if found != FORMAT:
            raise ValueError(f"format {found}, this release reads {FORMAT}")
        data["space"] = Space.from_json(data["space"])
        data["counts"] = Counts(**data["counts"])
        data["files"] = tuple(FileEntry(**entry) for entry in data["files"])
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """An open generation. Immutable: a request that holds it sees one state of the world."""

    manifest: Manifest
    contents: Contents
    tracks: Mapping[str, VectorIndex]
    """Layer name -> track index."""
    artists: Mapping[str, VectorIndex]
    """Layer name -> artist index."""

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
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GenerationCorrupt(folder.name, MANIFEST, f"is not a manifest ({error})") from error


def verify(folder: Path, manifest: Manifest) -> None:
    """Check every byte of ``folder`` against ``manifest``.

    Raises:
        GenerationCorrupt: a file is missing, altered, or not listed.
    """
    listed = {entry.name: entry for entry in manifest.files}
    present = {entry.name for entry in os.scandir(folder)}
    for name in sorted(present - listed.keys() - {MANIFEST}):
        raise GenerationCorrupt(folder.name, name, "is not listed in the manifest")
    for name, entry in sorted(listed.items()):
        if "/" in name or name not in present:
            raise GenerationCorrupt(folder.name, name, "is missing")
        digest, path = xxhash.xxh3_128(), folder / name
        if path.stat().st_size != entry.size:
            raise GenerationCorrupt(folder.name, name, f"has {path.stat().st_size} bytes, expected {entry.size}")
        for block in _blocks(path):
            digest.update(block)
        if digest.hexdigest() != entry.xxh3_128:
            raise GenerationCorrupt(folder.name, name, "does not have its checksum")


def open_generation(folder: Path) -> Generation:
    """Verify ``folder`` and open it. Raises GenerationCorrupt; nothing is served from a folder that fails."""
    manifest, _ = read_manifest(folder)
    verify(folder, manifest)
    names = manifest.space.layer_names
    opened = {
        kind: {name: FaissIndex.open(folder / index_file(layer, kind)) for layer, name in enumerate(names)}
        for kind in ("tracks", "artists")
        if manifest.counts.tracks_indexed
    }
    return Generation(
        manifest=manifest,
        contents=contents.load(folder),
        tracks=opened.get("tracks", {}),
        artists=opened.get("artists", {}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What CURRENT says."""

    version: int
    manifest_sha256: str

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT} | asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Pointer:
        """Parse what :meth:`to_json` wrote. Raises ValueError, KeyError or TypeError on any other shape."""
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}, this release reads {FORMAT}")
        if not isinstance(data["version"], int) or not isinstance(data["manifest_sha256"], str):
            raise TypeError("version is a number and manifest_sha256 a text")
        return cls(version=data["version"], manifest_sha256=data["manifest_sha256"])


def read_current(home: Path) -> Pointer | None:
    """The published pointer of ``home``, or None when nothing was published. Raises GenerationCorrupt."""
    path = home / CURRENT
    try:
        return Pointer.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GenerationCorrupt(CURRENT, str(path), f"cannot be understood ({error})") from error


def open_current(home: Path) -> Generation:
    """Open what CURRENT points to.

    Raises:
        Unavailable: nothing was published in ``home``.
        GenerationCorrupt: it is not what was published.
    """
    pointer = read_current(home)
    if pointer is None:
        raise Unavailable(f"nothing is published in {home}; run soundkin scan, embed, build and publish")
    folder = home / VERSIONS / folder_name(pointer.version)
    _, digest = read_manifest(folder)
    if digest != pointer.manifest_sha256:
        raise GenerationCorrupt(folder.name, MANIFEST, "is not the one that was published")
    return open_generation(folder)
