"""One sealed shard of embeddings: layer-major, checksummed, never changed after it has its name.

::

    magic "SKSHARD1" | u32 length of header | header JSON, padded to 64 bytes
    body    [layer][clip][dim] float32, little-endian
    keys    [clip] 16 bytes, the clip ids
    sums    [layer] xxh3_128 of the layer's block, then xxh3_128 of header + keys + layer sums

Layer-major, so that a build streams one layer; a sum a layer, because FAISS, .npy, safetensors and SQLite all read a
flipped bit without a word (reference/reliability.md, findings 1 and 6).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xxhash

from indexer.durable import write_file
from recommender.errors import EmbeddingsCorrupt, InvalidArgument
from recommender.types import ClipEmbeddings, Vectors

MAGIC = b"SKSHARD1"
_ALIGN = 64
_SUM = 16
_KEY = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A sealed shard whose header, keys and sums have been verified."""

    path: Path
    clip_ids: tuple[str, ...]
    layers: int
    dim: int
    body_at: int
    layer_sums: tuple[bytes, ...]

    def layer(self, layer: int) -> Vectors:
        """Vectors of one layer, ``[clip, dim]``. Raises EmbeddingsCorrupt when the block lost its checksum."""
        size = len(self.clip_ids) * self.dim * 4
        with self.path.open("rb") as file:
            file.seek(self.body_at + layer * size)
            block = file.read(size)
        if xxhash.xxh3_128_digest(block) != self.layer_sums[layer]:
            raise EmbeddingsCorrupt(str(self.path), f"layer {layer} does not have its checksum")
        return np.frombuffer(block, dtype="<f4").reshape(len(self.clip_ids), self.dim)


def seal(path: Path, *, fingerprint: str, clip_ids: Sequence[str], embeddings: ClipEmbeddings) -> None:
    """Write ``embeddings`` ``[clip, layer, dim]`` of ``clip_ids`` durably to ``path``.

    Raises:
        InvalidArgument: a vector is not finite or all zero, or the counts differ.
    """
    clips, layers, dim = embeddings.shape
    if clips != len(clip_ids) or clips == 0:
        raise InvalidArgument("embeddings", f"{clips} embeddings for {len(clip_ids)} clips")
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=2)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise InvalidArgument("embeddings", "hold a vector that is not finite or all zero")
    header = _header(fingerprint, clips, layers, dim)
    body = np.ascontiguousarray(embeddings.transpose(1, 0, 2), dtype="<f4")
    blocks = [body[layer].tobytes() for layer in range(layers)]
    keys = b"".join(bytes.fromhex(clip_id) for clip_id in clip_ids)
    sums = b"".join(xxhash.xxh3_128_digest(block) for block in blocks)
    write_file(path, [header, *blocks, keys, sums, xxhash.xxh3_128_digest(header + keys + sums)])


def _header(fingerprint: str, clips: int, layers: int, dim: int) -> bytes:
    text = json.dumps({"space": fingerprint, "clips": clips, "layers": layers, "dim": dim}).encode()
    padding = -(len(MAGIC) + 4 + len(text)) % _ALIGN
    return MAGIC + struct.pack("<I", len(text) + padding) + text + b" " * padding


def open_shard(path: Path, *, fingerprint: str) -> Shard:
    """Read and verify header, keys and sums of ``path``.

    Raises:
        EmbeddingsCorrupt: not a shard, cut short, altered, or of another space than ``fingerprint``.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC) + 4)
            if head[: len(MAGIC)] != MAGIC:
                raise ValueError("is not a shard")
            header = head + file.read(struct.unpack("<I", head[len(MAGIC) :])[0])
            facts = json.loads(header[len(head) :])
            clips, layers, dim = facts["clips"], facts["layers"], facts["dim"]
            file.seek(len(header) + layers * clips * dim * 4)
            keys, sums, total = file.read(clips * _KEY), file.read(layers * _SUM), file.read(_SUM + 1)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise EmbeddingsCorrupt(str(path), f"cannot be read ({error})") from error
    if xxhash.xxh3_128_digest(header + keys + sums) != total:
        raise EmbeddingsCorrupt(str(path), "does not have its checksum")
    if facts["space"] != fingerprint:
        raise EmbeddingsCorrupt(str(path), f"is of space {facts['space']}, expected {fingerprint}")
    return Shard(
        path=path,
        clip_ids=tuple(keys[at : at + _KEY].hex() for at in range(0, len(keys), _KEY)),
        layers=layers,
        dim=dim,
        body_at=len(header),
        layer_sums=tuple(sums[at : at + _SUM] for at in range(0, len(sums), _SUM)),
    )
