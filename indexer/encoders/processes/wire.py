"""What an encoder process and its parent tell each other: JSON, and vectors as raw floats. Samples go another way.

Samples lie in memory that both see (:mod:`indexer.encoders.processes.shared`); a request only says where.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from indexer.encoders.device_errors import is_out_of_memory
from recommender import errors
from recommender.types import ClipEmbeddings, Space

_FLOAT = np.dtype("<f4")
_CARRIED = (
    errors.BadInput,
    errors.InvalidArgument,
    errors.KnownAnswerWrong,
    errors.WeightsMissing,
    errors.WeightsRefused,
)
"""Errors that arrive as what they were; their attributes are their arguments."""
_BY_NAME: dict[str, type[errors.SoundkinError]] = {kind.__name__: kind for kind in _CARRIED}
_NO_MEMORY = "MemoryError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Clips to encode: their samples lie one behind another in the shared memory."""

    offset: int
    """Sample that the first clip begins at."""
    lengths: tuple[int, ...]
    """Samples of each clip."""
    size: int
    """Bytes of the shared memory; it may have grown."""

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps({"offset": self.offset, "lengths": self.lengths, "size": self.size}).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Request:
        """Read what :meth:`to_bytes` wrote."""
        data = json.loads(message)
        return cls(offset=data["offset"], lengths=tuple(data["lengths"]), size=data["size"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the encoder in a process is, once it has been loaded."""

    space: Space
    licence: str
    rows: int
    batch: int

    def to_bytes(self) -> bytes:
        """As JSON."""
        data = {"space": self.space.to_json(), "licence": self.licence, "rows": self.rows, "batch": self.batch}
        return json.dumps(data).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Ready:
        """Read what :meth:`to_bytes` wrote. Raises what the process says that went wrong."""
        data = json.loads(message)
        if "error" in data:
            raise _error(data)
        space = Space.from_json(data["space"])
        return cls(space=space, licence=data["licence"], rows=data["rows"], batch=data["batch"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The answer to a request, and the rows of the encoder's passes from now on."""

    embeddings: ClipEmbeddings
    rows: int

    def to_bytes(self) -> bytes:
        """A line of JSON, then the floats."""
        head = json.dumps({"shape": self.embeddings.shape, "rows": self.rows}).encode()
        return head + b"\n" + np.ascontiguousarray(self.embeddings, dtype=_FLOAT).tobytes()

    @classmethod
    def from_bytes(cls, message: bytes) -> Embedded:
        """Read what :meth:`to_bytes` wrote. Raises what the process says that went wrong."""
        head, _, floats = message.partition(b"\n")
        data = json.loads(head)
        if "error" in data:
            raise _error(data)
        embeddings = np.frombuffer(floats, _FLOAT).reshape(data["shape"]).astype(np.float32)
        return cls(embeddings=embeddings, rows=data["rows"])


def error_to_bytes(error: Exception) -> bytes:
    """Say what went wrong: one of our errors, memory that ended, or anything else by its words."""
    name = type(error).__name__
    if name in _BY_NAME:
        return json.dumps({"error": name, "told": vars(error)}, default=str).encode()
    if is_out_of_memory(error):
        return json.dumps({"error": _NO_MEMORY, "told": str(error)}).encode()
    return json.dumps({"error": name, "told": f"{name}: {error}"}).encode()


def _error(data: dict[str, object]) -> Exception:
    name, told = str(data["error"]), data["told"]
    if isinstance(told, dict):
        return _BY_NAME[name](**told)
    return MemoryError(told) if name == _NO_MEMORY else RuntimeError(told)
