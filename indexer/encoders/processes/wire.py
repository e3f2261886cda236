"""The messages between an encoder process and its parent: JSON, with embeddings as raw floats behind it; never pickle.

The samples of clips lie in memory that both see (:mod:`indexer.processes.shared_memory`); a request only says where.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from indexer.encoders.base import is_out_of_memory
from indexer.processes.message_frames import MessageBounds, ReceivedMessage
from indexer.processes.shared_memory import SharedMemory
from recommender import errors
from recommender.types import ClipEmbeddings, Space, Waveform

MAX_HEAD_BYTES = 16 << 20
"""The JSON part of a message: a request has a number for each clip, an error may quote a long message of a library."""
SAMPLE_BYTES = 4

_FLOAT = np.dtype("<f4")
_SENT_AS_THEMSELVES = (
    errors.BadInput,
    errors.InvalidArgument,
    errors.KnownAnswerWrong,
    errors.WeightsMissing,
    errors.WeightsRefused,
)
"""Errors that the parent raises again as the same class; their attributes are their arguments."""
_BY_NAME: dict[str, type[errors.SoundkinError]] = {kind.__name__: kind for kind in _SENT_AS_THEMSELVES}
_NO_MEMORY = "MemoryError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Clips to encode: their samples lie one behind another in the shared memory."""

    offset: int
    """Sample at which the first clip begins."""
    lengths: tuple[int, ...]
    """Samples of each clip."""
    size: int
    """Bytes of the shared memory, which may have grown since the last request."""

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps({"offset": self.offset, "lengths": self.lengths, "size": self.size}).encode()

    @classmethod
    def from_bytes(cls, message: bytes | bytearray) -> Request:
        """Read what :meth:`to_bytes` wrote."""
        data = json.loads(message)
        return cls(offset=data["offset"], lengths=tuple(data["lengths"]), size=data["size"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the encoder in a process is, once it is loaded."""

    space: Space
    licence: str
    rows: int
    """Clips in one pass of the encoder."""
    batch: int
    """Clips that the encoder is best given at once."""

    def to_bytes(self) -> bytes:
        """As JSON."""
        data = {"space": self.space.to_json(), "licence": self.licence, "rows": self.rows, "batch": self.batch}
        return json.dumps(data).encode()

    @classmethod
    def from_bytes(cls, message: bytes | bytearray) -> Ready:
        """Read what :meth:`to_bytes` wrote. Raises the error that the process sent instead."""
        data = json.loads(message)
        if "error" in data:
            raise _error(data)
        space = Space.from_json(data["space"])
        return cls(space=space, licence=data["licence"], rows=data["rows"], batch=data["batch"])

    def answer_bounds(self, clips: int) -> MessageBounds:
        """The longest answer to a request of ``clips`` clips."""
        floats = clips * len(self.space.layers) * self.space.dim
        return MessageBounds(head_bytes=MAX_HEAD_BYTES, body_bytes=floats * _FLOAT.itemsize)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The answer to a request, and the clips in one pass of the encoder from now on."""

    embeddings: ClipEmbeddings
    rows: int

    def to_message(self) -> tuple[bytes, memoryview]:
        """A head of JSON, and the floats as its body."""
        head = json.dumps({"shape": self.embeddings.shape, "rows": self.rows}).encode()
        floats = np.ascontiguousarray(self.embeddings, dtype=_FLOAT)
        return head, floats.reshape(-1).view(np.uint8).data

    @classmethod
    def from_message(cls, message: ReceivedMessage) -> Embedded:
        """Read what :meth:`to_message` wrote. Raises the error that the process sent instead."""
        data = json.loads(message.head)
        if "error" in data:
            raise _error(data)
        embeddings = np.frombuffer(message.body, _FLOAT).reshape(data["shape"]).astype(np.float32)
        return cls(embeddings=embeddings, rows=data["rows"])


def error_to_bytes(error: Exception) -> bytes:
    """Write an error: one of Soundkin's own, memory that ran out, or any other by its message."""
    name = type(error).__name__
    if name in _BY_NAME:
        return json.dumps({"error": name, "details": vars(error)}, default=str).encode()
    if is_out_of_memory(error):
        return json.dumps({"error": _NO_MEMORY, "details": str(error)}).encode()
    return json.dumps({"error": name, "details": f"{name}: {error}"}).encode()


def _error(data: dict[str, object]) -> Exception:
    name, details = str(data["error"]), data["details"]
    if isinstance(details, dict):
        return _BY_NAME[name](**details)
    return MemoryError(details) if name == _NO_MEMORY else RuntimeError(details)


def put_clips(memory: SharedMemory, clips: Sequence[Waveform], *, offset: int) -> None:
    """Copy ``clips`` to ``memory`` one behind another, the first to sample ``offset``."""
    for target, clip in zip(clip_views(memory, [len(clip) for clip in clips], offset=offset), clips, strict=True):
        target[:] = clip


def clip_views(memory: SharedMemory, lengths: Sequence[int], *, offset: int) -> list[npt.NDArray[np.float32]]:
    """Clips of ``lengths`` samples, one behind another from sample ``offset`` of ``memory``, in place."""
    samples = np.frombuffer(memory.view(memory.size), dtype=np.float32)
    return [samples[start:end] for start, end in pairwise(accumulate(lengths, initial=offset))]
