"""The embedding store: one folder a space, with sealed shards. The truth for vectors; SQL has only a ledger of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from indexer.files.atomic import make_folder, write_file
from indexer.store.shard import KEY, Shard, Stored, keys_of, open_shard, seal, storage_error
from recommender.catalog import Catalog
from recommender.errors import BadInput, EmbeddingsCorrupt, InvalidArgument, NotFound, SpaceMismatch
from recommender.types import ClipEmbeddings, Rows, Space, Vectors

SPACE_FILE = "SPACE.json"
_MARK = b',\n "xxh3_128": "'


def write_space(folder: Path, space: Space) -> None:
    """Write ``space`` durably to ``folder``."""
    text = json.dumps(space.to_json(), indent=1).encode().removesuffix(b"\n}")
    write_file(folder / SPACE_FILE, [text, _MARK, _end(text)])


def read_space(folder: Path) -> Space:
    """The space of the shards in ``folder``.

    Raises:
        EmbeddingsCorrupt: SPACE.json is missing, altered, or names another space than the folder.
    """
    path = folder / SPACE_FILE
    try:
        space = _parse(path.read_bytes())
        key = space.key
    except (OSError, ValueError, RecursionError) as error:
        raise EmbeddingsCorrupt(str(path), f"cannot be understood ({error})") from error
    if key != folder.name:
        raise EmbeddingsCorrupt(str(path), f"is of space {key}, its folder is that of {folder.name}")
    return space


def keep_space(folder: Path, space: Space) -> None:
    """Write ``space``, whose key is the name of ``folder``, to SPACE.json unless the file is the same already.

    A release may change licence, descriptions and mixes without changing a vector: then the latest ones are kept.

    Raises EmbeddingsCorrupt when the file that is there is damaged: it may be the only description of these shards.
    """
    path = folder / SPACE_FILE
    if not path.exists() or read_space(folder) != space or _MARK not in path.read_bytes():
        write_space(folder, space)


def _parse(raw: bytes) -> Space:
    text, mark, end = raw.rpartition(_MARK)
    if mark and end != _end(text):
        raise ValueError("it does not have its checksum")
    return Space.from_json(json.loads(text + b"\n}" if mark else raw))


def _end(text: bytes) -> bytes:
    return xxhash.xxh3_128_hexdigest(text).encode() + b'"\n}\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How many clips the shards of one space have, and what had to be corrected in the ledger."""

    space: str
    """``Space.key``"""
    held: int
    """Clips in the shards."""
    known: int
    """Of them, clips of the catalog whose file still has the same content."""
    replaced: int
    """Of them, clips of the catalog whose file has other content now; used again when the old content returns."""
    unknown: int
    """Of them, clips that are not in the catalog (any more); kept, and used when a scan finds their file."""
    marked: int
    """Clips that were not marked as done in the ledger, and are now."""
    forgotten: int
    """Clips that were marked as done although no shard has them; they will be embedded again."""


def reconcile(catalog: Catalog, space: str, sealed: Set[str]) -> Reconciled:
    """Correct the ledger of ``space`` (a ``Space.key``): exactly ``sealed``, the clip ids in its shards, are done.

    Three things make them differ: a run was killed after it sealed a shard and before it wrote the ledger; a shard was
    moved away; the database was lost. In each case nothing that is sealed is embedded a second time. Failures are in no
    shard: after the loss of the database they are tried, and fail, again.
    """
    with catalog.transaction():
        marked = {clip.clip_id for clip in catalog.read_embedded_clips(space)}
        unmarked = {clip.clip_id for clip in catalog.pending_clips(space, retry_failed=True)}
        lost, unnoticed = marked - sealed, unmarked & sealed
        catalog.forget_extractions(space, sorted(lost))
        catalog.mark_done(space, sorted(unnoticed))
        others = sealed - marked - unmarked
        replaced = len(catalog.read_clips(sorted(others)))
    return Reconciled(
        space=space,
        held=len(sealed),
        known=len(sealed) - len(others),
        replaced=replaced,
        unknown=len(others) - replaced,
        marked=len(unnoticed),
        forgotten=len(lost),
    )


Keys = npt.NDArray[np.bytes_]
"""``[clip]`` of 16 bytes. numpy drops trailing zeros when it shows one, never when it compares two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPositions:
    """Where each clip of some shards is: shard and row, sorted by key for a binary search."""

    keys: Keys
    """Sorted; of a clip that is in two shards, the one in the later shard comes last, and :meth:`find` takes that."""
    shard: npt.NDArray[np.int32]
    """``[key]`` number of the shard."""
    row: npt.NDArray[np.int32]
    """``[key]`` row in that shard."""

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> ClipPositions:
        """The positions in ``shards``, which are numbered in the given order."""
        keys = _keys(b"".join(shard.keys for shard in shards))
        sizes = [shard.clips for shard in shards]
        order = np.argsort(keys, kind="stable")
        numbers = np.repeat(np.arange(len(shards), dtype=np.int32), sizes)
        rows = np.concatenate([np.arange(size, dtype=np.int32) for size in (0, *sizes)])
        return cls(keys=keys[order], shard=numbers[order], row=rows[order])

    @property
    def clip_ids(self) -> frozenset[str]:
        text, width = self.keys.tobytes().hex(), 2 * KEY
        return frozenset(text[at : at + width] for at in range(0, len(text), width))

    def find(self, clip_ids: Sequence[str]) -> tuple[Rows, Rows]:
        """Shard number and row of each of ``clip_ids``, both ``[clip]``. Raises NotFound for the first absent."""
        wanted = _keys(keys_of(clip_ids))
        at = np.searchsorted(self.keys, wanted, side="right") - 1
        absent = np.flatnonzero((at < 0) | (self.keys[at] != wanted)) if len(self.keys) else np.arange(len(wanted))
        if absent.size:
            raise NotFound("embedding of clip", clip_ids[absent[0]], "run soundkin embed")
        return self.shard[at].astype(np.int64), self.row[at].astype(np.int64)


def _keys(raw: bytes) -> Keys:
    return np.frombuffer(raw, dtype=f"S{KEY}")


EMBEDDINGS = "embeddings"
SHARDS = "*.shard"
LOCK = "LOCK"
AHEAD = 4
"""Shards whose layer is read ahead: with one read at a time, the disk is mostly idle."""


class EmbeddingStore:
    """Append-only embeddings of one space. One writer at a time (the caller locks :attr:`lock_path`)."""

    def __init__(self, home: Path, space: Space, *, stored: Stored = Stored.FP32) -> None:
        """Open or create the store of ``space`` under ``home``; ``stored`` is the type of shards made from now on.

        A store may hold shards of both types: storing is rounding, it makes no other space.

        Raises:
            EmbeddingsCorrupt: SPACE.json or a shard cannot be trusted, or is of another space.
        """
        self.space = space
        self.folder = home / EMBEDDINGS / space.key
        self._stored = stored
        make_folder(self.folder)
        keep_space(self.folder, space)
        self.refresh()

    def refresh(self) -> None:
        """Read the folder again: another process may have sealed shards since. Raises EmbeddingsCorrupt."""
        self._shards: list[Shard] = open_shards(self.folder, fingerprint=self.space.fingerprint)
        self._positions: ClipPositions | None = None

    @property
    def lock_path(self) -> Path:
        return self.folder / LOCK

    @property
    def clip_ids(self) -> frozenset[str]:
        """Every clip that has an embedding here. Computed at every access."""
        return self._clip_positions().clip_ids

    @property
    def shard_checksums(self) -> dict[str, str]:
        """Name of each shard -> xxh3_128 over all of it, in the order in which they were sealed."""
        return {shard.path.name: shard.checksum for shard in self._shards}

    def storage_error(self, vectors: Vectors) -> BadInput | None:
        """Why the finite, non-zero vectors of one clip, ``[layer, dim]``, cannot be stored; None when they can."""
        return storage_error(vectors, self.space.layer_names, self._stored)

    def append(self, clip_ids: Sequence[str], embeddings: ClipEmbeddings, *, space: Space) -> None:
        """Seal ``embeddings`` ``[clip, layer, dim]`` as a new shard; it is durable on return.

        ``space`` is that of their encoder. It is compared because vectors of another space can have the same shape.

        Raises:
            InvalidArgument: not finite, all zero, too large or small for the type of the store, or of the wrong count.
            SpaceMismatch: space, layers or dim are not those of the store; nothing is written.
        """
        if space.fingerprint != self.space.fingerprint:
            raise SpaceMismatch(self.space.key, space.key)
        expected = (len(self.space.layers), self.space.dim)
        if embeddings.shape[1:] != expected:
            raise SpaceMismatch(f"{self.space.key} {expected}", f"{embeddings.shape[1:]}")
        path, fingerprint = self.folder / f"{self._next_number():08d}.shard", self.space.fingerprint
        seal(path, fingerprint=fingerprint, clip_ids=clip_ids, embeddings=embeddings, stored=self._stored)
        self._shards.append(open_shard(path, fingerprint=fingerprint))
        self._positions = None

    def layer(self, layer: int, clip_ids: Sequence[str]) -> Vectors:
        """Embeddings of ``clip_ids`` in one layer, ``[clip, dim]`` float32, as encoded (not unit length).

        Reads that layer of every shard that holds one of them, once and whole, and checks it.

        Raises:
            NotFound: a clip has no embedding here.
            EmbeddingsCorrupt: a shard was altered.
        """
        embeddings = np.empty((len(clip_ids), self.space.dim), dtype=np.float32)
        shards, rows = self._clip_positions().find(clip_ids)
        order = np.argsort(shards, kind="stable")
        starts = np.flatnonzero(np.diff(shards[order], prepend=-1))
        by_shard = np.split(order, starts[1:]) if len(order) else []
        touched = [self._shards[shards[clips[0]]] for clips in by_shard]
        for clips, vectors in zip(by_shard, _read(touched, layer), strict=True):
            wanted = rows[clips]
            # Usually the whole shard is wanted in its own order: then one copy is enough instead of two.
            embeddings[clips] = vectors if np.array_equal(wanted, np.arange(len(vectors))) else vectors[wanted]
        return embeddings

    def _clip_positions(self) -> ClipPositions:
        if self._positions is None:
            self._positions = ClipPositions.of(self._shards)
        return self._positions

    def _next_number(self) -> int:
        """One more than any shard in the folder has, so that no shard is ever overwritten."""
        names = [path.stem for path in self.folder.glob(SHARDS)]
        return 1 + max((int(name) for name in names if name.isdigit()), default=0)


def _read(shards: Sequence[Shard], layer: int) -> Iterator[Vectors]:
    """One layer of each of ``shards`` in turn. Each is valid until the next: they share one buffer."""
    buffer = np.empty(max((shard.block for shard in shards), default=0), dtype=np.uint8)
    for ahead in shards[:AHEAD]:
        ahead.expect(layer)
    for number, shard in enumerate(shards):
        for ahead in shards[number + AHEAD : number + AHEAD + 1]:
            ahead.expect(layer)
        yield shard.layer(layer, buffer)


def open_shards(folder: Path, *, fingerprint: str) -> list[Shard]:
    """Every shard in ``folder``, in the order in which they were sealed. Raises EmbeddingsCorrupt."""
    return [open_shard(path, fingerprint=fingerprint) for path in sorted(folder.glob(SHARDS))]


def spaces(home: Path) -> tuple[Space, ...]:
    """Every space that has a store under ``home``, by key. Raises EmbeddingsCorrupt."""
    return tuple(read_space(path.parent) for path in sorted((home / EMBEDDINGS).glob(f"*/{SPACE_FILE}")))


def find_space(home: Path, *, name: str, key: str | None = None) -> Space:
    """The space called ``name`` that has a store under ``home``; where there are several, the one of that ``key``.

    A ``key`` alone decides: it names its space completely.

    Raises:
        NotFound: there is none; the message lists those that there are.
        InvalidArgument: there are several; the message lists their keys.
    """
    stored = spaces(home)
    if key is not None:
        return _only("space", key, [space for space in stored if space.key == key], stored)
    return _only("space of encoder", name, [space for space in stored if space.name == name], stored)


def _only(kind: str, wanted: str, matches: Sequence[Space], stored: Sequence[Space]) -> Space:
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(space.key for space in matches)
        raise InvalidArgument("space", f"{wanted} has several: {listed}; choose one with --space KEY")
    keys = ", ".join(space.key for space in stored) or "nothing"
    raise NotFound(kind, wanted, f"embedded so far: {keys}; soundkin embed makes another")
