"""The embedding store: one folder a space, sealed shards inside. The truth for vectors; SQL only remembers it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexer.durable import make_folder, write_file
from indexer.shard import Shard, open_shard, seal
from recommender.errors import EmbeddingsCorrupt, InvalidArgument, NotFound, SpaceMismatch
from recommender.types import ClipEmbeddings, Space, Vectors

EMBEDDINGS = "embeddings"
SPACE_FILE = "SPACE.json"


class EmbeddingStore:
    """Append-only embeddings of one space. One writer at a time (the caller locks ``folder / "LOCK"``)."""

    def __init__(self, home: Path, space: Space) -> None:
        """Open or create the store of ``space`` under ``home``.

        Raises:
            SpaceMismatch: the folder was made for another space.
            EmbeddingsCorrupt: a shard cannot be trusted.
        """
        self.space = space
        self.folder = home / EMBEDDINGS / space.key
        make_folder(self.folder)
        self._check_space()
        paths = sorted(self.folder.glob("*.shard"))
        self._shards = [open_shard(path, fingerprint=space.fingerprint) for path in paths]
        self._place = {
            clip_id: (number, row)
            for number, shard in enumerate(self._shards)
            for row, clip_id in enumerate(shard.clip_ids)
        }

    @property
    def lock_path(self) -> Path:
        return self.folder / "LOCK"

    @property
    def clip_ids(self) -> frozenset[str]:
        """Every clip that has an embedding here."""
        return frozenset(self._place)

    def append(self, clip_ids: Sequence[str], embeddings: ClipEmbeddings) -> None:
        """Seal ``embeddings`` ``[clip, layer, dim]`` as a new shard; it is durable on return.

        Raises:
            InvalidArgument: not finite, all zero, or of the wrong count.
            SpaceMismatch: layers or dim are not those of the space.
        """
        expected = (len(self.space.layers), self.space.dim)
        if embeddings.shape[1:] != expected:
            raise SpaceMismatch(f"{self.space.key} {expected}", f"{embeddings.shape[1:]}")
        number = 1 + int(self._shards[-1].path.stem) if self._shards else 1
        path = self.folder / f"{number:08d}.shard"
        seal(path, fingerprint=self.space.fingerprint, clip_ids=clip_ids, embeddings=embeddings)
        self._remember(open_shard(path, fingerprint=self.space.fingerprint))

    def layer(self, layer: int, clip_ids: Sequence[str]) -> Vectors:
        """Embeddings of ``clip_ids`` in one layer, ``[clip, dim]``, as the encoder gave them (not unit length).

        Raises:
            EmbeddingsCorrupt: a clip has no embedding here, or its shard was altered.
        """
        found = np.empty((len(clip_ids), self.space.dim), dtype=np.float32)
        wanted: dict[int, list[tuple[int, int]]] = {}
        for place, clip_id in enumerate(clip_ids):
            if clip_id not in self._place:
                raise EmbeddingsCorrupt(str(self.folder), f"has no embedding of clip {clip_id}")
            number, row = self._place[clip_id]
            wanted.setdefault(number, []).append((place, row))
        for number, pairs in wanted.items():
            places, rows = zip(*pairs, strict=True)
            found[list(places)] = self._shards[number].layer(layer)[list(rows)]
        return found

    def _remember(self, shard: Shard) -> None:
        self._shards.append(shard)
        for row, clip_id in enumerate(shard.clip_ids):
            self._place[clip_id] = (len(self._shards) - 1, row)

    def _check_space(self) -> None:
        path = self.folder / SPACE_FILE
        if not path.exists():
            write_file(path, [json.dumps(self.space.to_json(), indent=1).encode()])
            return
        found = _read_space(path)
        if found.fingerprint != self.space.fingerprint:
            raise SpaceMismatch(self.space.key, found.key)


def spaces(home: Path) -> tuple[Space, ...]:
    """Every space that has a store under ``home``, by key. Raises EmbeddingsCorrupt."""
    return tuple(_read_space(path) for path in sorted((home / EMBEDDINGS).glob(f"*/{SPACE_FILE}")))


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


def _only(kind: str, wanted: str, found: Sequence[Space], stored: Sequence[Space]) -> Space:
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(space.key for space in found)
        raise InvalidArgument("space", f"{wanted} has several: {listed}; choose one with --space KEY")
    keys = ", ".join(space.key for space in stored) or "nothing"
    raise NotFound(kind, wanted, f"embedded so far: {keys}; soundkin embed makes another")


def _read_space(path: Path) -> Space:
    try:
        return Space.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddingsCorrupt(str(path), f"cannot be understood ({error})") from error
