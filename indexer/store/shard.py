"""The shard file of the embedding store: layer-major, checksummed, never changed after it has its name.

::

    magic "SKSHARD1" | u32 length of header | header JSON, padded to 64 bytes
    body    [layer][clip][dim] float32 or float16, little-endian; the header's "type" says which
    keys    [clip] 16 bytes, the clip ids
    sums    [layer] xxh3_128 of the layer's block, then xxh3_128 of header + keys + layer sums

Layer-major, so that a build reads one layer in one pass. One sum a layer, because FAISS, .npy, safetensors and SQLite
all read a file with a flipped bit without an error (see "Embedding store" in docs/methods.md). A header without "type"
is of the first release: float32.
"""

from __future__ import annotations

import enum
import json
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt
import xxhash

from indexer.files.atomic import write_file
from recommender.errors import BadInput, EmbeddingsCorrupt, InvalidArgument
from recommender.types import ClipEmbeddings, Vectors

LOST_IN_STORE = "lost_in_store"
"""Reason in the ledger for a clip whose vectors cannot be stored in the chosen type."""
MAX_LOST = 1e-3
"""Largest rounding error of a vector that is accepted, as a share of the vector's length.

Rounding to fp16 changes a value between 6.1e-5 and 65504 by at most 2**-11 of it (IEEE 754 binary16: 11 significant
bits); smaller values lose more, larger ones become infinite.
"""


class Stored(enum.Enum):
    """The type of vectors on disk. They are read as float32 in either case."""

    FP32 = "fp32"
    FP16 = "fp16"

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The type as numpy names it, little-endian."""
        return _DTYPES[self]


_DTYPES: dict[Stored, np.dtype[np.floating]] = {Stored.FP32: np.dtype("<f4"), Stored.FP16: np.dtype("<f2")}


def losses(vectors: npt.NDArray[np.float32], stored: Stored) -> npt.NDArray[np.float64]:
    """Rounding error of each of ``vectors`` ``[…, dim]`` in the type ``stored``, as a share of its length, ``[…]``.

    NaN or infinite where the vector itself is not finite or all zero, and where a value does not fit.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        rounded = vectors.astype(stored.dtype, copy=False).astype(np.float32, copy=False)
        return np.sqrt(_squared(rounded - vectors) / _squared(vectors))


def _squared(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Squared length of each of ``vectors`` ``[…, dim]``, ``[…]``. In float64, where no float32 over- or underflows."""
    squared: npt.NDArray[np.float64] = np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64)
    return squared


def storage_error(vectors: Vectors, layers: Sequence[str], stored: Stored) -> BadInput | None:
    """Why the finite, non-zero vectors of a clip, ``[layer, dim]``, cannot be stored so; None if they can."""
    if stored is Stored.FP32:
        return None
    lost = losses(vectors, stored)
    if (lost <= MAX_LOST).all():
        return None
    worst = layers[int(np.nan_to_num(lost, nan=np.inf).argmax())]
    detail = f"{stored.value} cannot hold layer {worst} of it; run soundkin embed --store fp32 --retry-failed"
    return BadInput(LOST_IN_STORE, detail)


MAGIC = b"SKSHARD1"
KEY = 16
"""Bytes of a clip id."""
MAX_HEADER = 4096
"""Longest header in bytes, 20 times a real one: a damaged length must not make us read or reserve gigabytes."""
Buffer: TypeAlias = npt.NDArray[np.uint8]
_ALIGN = 64
_SUM = 16
_CHECKSUM_LOST = "does not have its checksum"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The facts in the header of a shard, and the offsets that follow from them."""

    raw: bytes
    space: str
    clips: int
    layers: int
    dim: int
    stored: Stored

    @property
    def block(self) -> int:
        """Bytes of one layer."""
        return self.clips * self.dim * self.stored.dtype.itemsize

    @property
    def keys_at(self) -> int:
        return len(self.raw) + self.layers * self.block

    @property
    def file_size(self) -> int:
        return self.keys_at + self.clips * KEY + self.layers * _SUM + _SUM


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A sealed shard whose header, keys and sums have been verified."""

    path: Path
    stored: Stored
    clips: int
    layers: int
    dim: int
    keys: bytes
    """The clip ids, 16 bytes each."""
    body_at: int
    layer_sums: tuple[bytes, ...]
    checksum: str
    """xxh3_128 over header, keys and layer sums, and through them over every byte; hex."""

    @property
    def clip_ids(self) -> tuple[str, ...]:
        text, width = self.keys.hex(), 2 * KEY
        return tuple(text[at : at + width] for at in range(0, len(text), width))

    @property
    def block(self) -> int:
        """Bytes of one layer."""
        return self.clips * self.dim * self.stored.dtype.itemsize

    def layer(self, layer: int, buffer: Buffer | None = None) -> Vectors:
        """Read the vectors of one layer, ``[clip, dim]``; into ``buffer``, of at least :attr:`block` bytes, if given.

        Raises EmbeddingsCorrupt when the block does not have its checksum.
        """
        at = self._starts(layer)
        block = (np.empty(self.block, dtype=np.uint8) if buffer is None else buffer)[: self.block]
        try:
            with self.path.open("rb") as file:
                file.seek(at)
                read = file.readinto(block.data)
        except OSError as error:
            raise EmbeddingsCorrupt(str(self.path), f"cannot be read ({error})") from error
        if read != len(block) or xxhash.xxh3_128_digest(block.data) != self.layer_sums[layer]:
            raise EmbeddingsCorrupt(str(self.path), f"layer {layer} {_CHECKSUM_LOST}")
        vectors: Vectors = block.view(self.stored.dtype).reshape(self.clips, self.dim)
        return vectors.astype(np.float32, copy=False)

    def expect(self, layer: int) -> None:
        """Ask the system to read one layer ahead, where it supports that. Returns at once, and never fails."""
        if not hasattr(os, "posix_fadvise"):  # macOS
            return
        with suppress(OSError), self.path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), self._starts(layer), self.block, os.POSIX_FADV_WILLNEED)

    def _starts(self, layer: int) -> int:
        """Offset of the block of ``layer`` in the file. Raises InvalidArgument for a layer that does not exist."""
        if not 0 <= layer < self.layers:
            raise InvalidArgument("layer", f"{layer} is not among the {self.layers} of {self.path}")
        return self.body_at + layer * self.block


def keys_of(clip_ids: Sequence[str]) -> bytes:
    """Clip ids as stored in a shard, 16 bytes each. Raises InvalidArgument when one is not 32 hex digits."""
    try:
        keys = bytes.fromhex("".join(clip_ids))
    except ValueError as error:
        raise InvalidArgument("clip_ids", f"are not all hex digits ({error})") from error
    if len(keys) != KEY * len(clip_ids) or any(len(clip_id) != 2 * KEY for clip_id in clip_ids):
        raise InvalidArgument("clip_ids", "are not all 32 digits long")
    return keys


def seal(
    path: Path,
    *,
    fingerprint: str,
    clip_ids: Sequence[str],
    embeddings: ClipEmbeddings,
    stored: Stored = Stored.FP32,
) -> None:
    """Write ``embeddings`` ``[clip, layer, dim]`` of ``clip_ids`` durably to ``path``.

    Raises:
        InvalidArgument: a vector is not finite, all zero or cannot be stored in ``stored``; an id is not valid or
            occurs twice; or the counts differ.
    """
    clips, layers, dim = embeddings.shape
    if clips != len(clip_ids) or len(set(clip_ids)) != clips or clips == 0:
        raise InvalidArgument("embeddings", f"{clips} embeddings for {len(set(clip_ids))} clips")
    if not (losses(embeddings, stored) <= MAX_LOST).all():
        raise InvalidArgument("embeddings", f"hold a vector that is not finite, all zero or lost in {stored.value}")
    facts = {"space": fingerprint, "clips": clips, "layers": layers, "dim": dim, "type": stored.value}
    header, keys = _header(facts), keys_of(clip_ids)
    blocks = [embeddings[:, layer].astype(stored.dtype).tobytes() for layer in range(layers)]
    sums = b"".join(xxhash.xxh3_128_digest(block) for block in blocks)
    write_file(path, [header, *blocks, keys, sums, xxhash.xxh3_128_digest(header + keys + sums)])


def _header(facts: dict[str, str | int]) -> bytes:
    text = json.dumps(facts).encode()
    padding = -(len(MAGIC) + 4 + len(text)) % _ALIGN
    return MAGIC + struct.pack("<I", len(text) + padding) + text + b" " * padding


def open_shard(path: Path, *, fingerprint: str) -> Shard:
    """Read and verify header, keys and sums of ``path``.

    Raises:
        EmbeddingsCorrupt: not a shard, cut short, altered, or of another space than ``fingerprint``.
    """
    try:
        with path.open("rb") as file:
            header = _read_header(file)
            footer = file.read(header.file_size - header.keys_at)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, struct.error) as error:
        raise EmbeddingsCorrupt(str(path), f"cannot be read ({error})") from error
    if xxhash.xxh3_128_digest(header.raw + footer[:-_SUM]) != footer[-_SUM:]:
        raise EmbeddingsCorrupt(str(path), _CHECKSUM_LOST)
    if header.space != fingerprint:
        raise EmbeddingsCorrupt(str(path), f"is of space {header.space}, expected {fingerprint}")
    return Shard(
        path=path,
        stored=header.stored,
        clips=header.clips,
        layers=header.layers,
        dim=header.dim,
        keys=footer[: header.clips * KEY],
        body_at=len(header.raw),
        layer_sums=tuple(_parts(footer[header.clips * KEY : -_SUM])),
        checksum=footer[-_SUM:].hex(),
    )


def _read_header(file: BinaryIO) -> _Header:
    """Read the header of an open shard and go to its keys. Raises ValueError when its sizes are not the file's."""
    head = file.read(len(MAGIC) + 4)
    if head[: len(MAGIC)] != MAGIC:
        raise ValueError("it is not a shard")
    (length,) = struct.unpack("<I", head[len(MAGIC) :])
    if length > MAX_HEADER:
        raise ValueError(f"its header claims {length} bytes, {MAX_HEADER} is the limit")
    header = _parse(head + file.read(length), at=len(head))
    size = os.fstat(file.fileno()).st_size
    if header.file_size != size:
        raise ValueError(f"it has {size} bytes, its header describes {header.file_size}")
    file.seek(header.keys_at)
    return header


def _parse(raw: bytes, *, at: int) -> _Header:
    facts = json.loads(raw[at:])
    counts = {name: facts[name] for name in ("clips", "layers", "dim")}
    for name, count in counts.items():
        if type(count) is not int or count < 1:
            raise ValueError(f"its header gives {count!r} as {name}")
    return _Header(raw=raw, space=facts["space"], stored=Stored(facts.get("type", Stored.FP32.value)), **counts)


def _parts(sums: bytes) -> Iterator[bytes]:
    return (sums[at : at + _SUM] for at in range(0, len(sums), _SUM))
