"""One sealed shard of embeddings: layer-major, checksummed, never changed after it has its name.

::

    magic "SKSHARD1" | u32 length of header | header JSON, padded to 64 bytes
    body    [layer][clip][dim] float32 or float16, little-endian; the header's "type" says which
    keys    [clip] 16 bytes, the clip ids
    sums    [layer] xxh3_128 of the layer's block, then xxh3_128 of header + keys + layer sums

Layer-major, so that a build streams one layer; a sum a layer, because FAISS, .npy, safetensors and SQLite all read a
flipped bit without a word (reference/reliability.md, findings 1 and 6). A header without "type" is of the first
release: float32.
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
"""Reason of a clip whose vectors the type they should be kept in cannot hold."""
MAX_LOST = 1e-3
"""Length of what rounding may take from a vector, as a share of the vector's length.

Rounding to fp16 takes at most 2**-11 of a value between 6.1e-5 and 65504; more is lost below, and everything above.
"""


class Stored(enum.Enum):
    """The type of vectors on disk. They are read as float32, whatever it is."""

    FP32 = "fp32"
    FP16 = "fp16"

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The type as numpy names it, little-endian."""
        return _DTYPES[self]


_DTYPES: dict[Stored, np.dtype[np.floating]] = {Stored.FP32: np.dtype("<f4"), Stored.FP16: np.dtype("<f2")}


def losses(vectors: npt.NDArray[np.float32], stored: Stored) -> npt.NDArray[np.float64]:
    """How far each of ``vectors`` ``[…, dim]`` comes back from ``stored``, as a share of its length, ``[…]``.

    NaN or infinite where the vector itself is not finite or all zero, and where a value does not fit.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        rounded = vectors.astype(stored.dtype, copy=False).astype(np.float32, copy=False)
        return np.sqrt(_squared(rounded - vectors) / _squared(vectors))


def _squared(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Squared length of each of ``vectors`` ``[…, dim]``, ``[…]``; no float32 is too long or too short for it."""
    squared: npt.NDArray[np.float64] = np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64)
    return squared


def objection(vectors: Vectors, layers: Sequence[str], stored: Stored) -> BadInput | None:
    """Why the vectors of one clip, ``[layer, dim]``, finite and none of them zero, cannot be kept as ``stored``."""
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
"""Bytes a header may claim, twenty times what one takes: nothing is read or reserved on the word of a damaged file."""
Buffer: TypeAlias = npt.NDArray[np.uint8]
_ALIGN = 64
_SUM = 16
_CHECKSUM_LOST = "does not have its checksum"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What a shard says of itself, and where that puts everything in it."""

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
        """Vectors of one layer, ``[clip, dim]``; in ``buffer``, of :attr:`block` bytes or more, where one is given.

        Raises EmbeddingsCorrupt when the block lost its checksum.
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
        """Have the system begin to read one layer, where it takes such hints. Returns at once, and never fails."""
        if not hasattr(os, "posix_fadvise"):  # macOS
            return
        with suppress(OSError), self.path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), self._starts(layer), self.block, os.POSIX_FADV_WILLNEED)

    def _starts(self, layer: int) -> int:
        """Where the block of ``layer`` starts."""
        if not 0 <= layer < self.layers:
            raise InvalidArgument("layer", f"{layer} is not among the {self.layers} of {self.path}")
        return self.body_at + layer * self.block


def keys_of(clip_ids: Sequence[str]) -> bytes:
    """Clip ids as a shard keeps them, 16 bytes each. Raises InvalidArgument when one is not 32 hex digits."""
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
        InvalidArgument: a vector is not finite, all zero or more than ``stored`` can hold, an id is no id or comes
            twice, or the counts differ.
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
    """The header of an open shard, which is left at its keys: nothing is read past what the file really has."""
    head = file.read(len(MAGIC) + 4)
    if head[: len(MAGIC)] != MAGIC:
        raise ValueError("it is no shard")
    (length,) = struct.unpack("<I", head[len(MAGIC) :])
    if length > MAX_HEADER:
        raise ValueError(f"its header claims {length} bytes, {MAX_HEADER} are the most")
    header = _parse(head + file.read(length), at=len(head))
    size = os.fstat(file.fileno()).st_size
    if header.file_size != size:
        raise ValueError(f"it has {size} bytes, its header speaks of {header.file_size}")
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
