"""Reads a checkpoint from safetensors after checking every tensor, and the record of what it was converted from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from indexer.encoders.mert.config import Geometry, Shapes, canonical, expected_shapes
from indexer.encoders.mert.models import PUBLISHED_FILE, WEIGHTS_FILE
from recommender.errors import WeightsRefused

__all__ = ["PUBLISHED_FILE", "WEIGHTS_FILE", "Weights", "file_sha256", "open_weights", "read_header"]


_FLOATS = {"F32", "F16", "BF16"}
_MAX_HEADER_BYTES = 8 << 20
_BLOCK_BYTES = 1 << 22
_MAX_NAMED = 5


class Weights:
    """The tensors of one checked file. Each is read when it is requested, so that no second copy is in memory."""

    def __init__(self, path: Path, file_names: Mapping[str, str], sha256: str) -> None:
        self.path = path
        self.sha256 = sha256
        """Digest of the whole file, in hex."""
        self._file_names = file_names

    def __getitem__(self, name: str) -> torch.Tensor:
        """A copy of the tensor ``name``, float32, on the CPU. Raises KeyError for an unknown name."""
        with safe_open(self.path, framework="pt") as file:
            # Opened each time, because pages of an open mapping count as memory of this process until it is closed.
            stored: torch.Tensor = file.get_tensor(self._file_names[name])
            return stored.to(torch.float32, copy=True)

    def names(self) -> tuple[str, ...]:
        """Names of all tensors, as :func:`~indexer.encoders.mert.config.canonical` gives them."""
        return tuple(self._file_names)


def open_weights(path: Path, geometry: Geometry, *, sha256: str | None = None) -> Weights:
    """Open a checkpoint after checking every tensor.

    Raises:
        WeightsRefused: not a safetensors file; not the file whose ``sha256`` is given; a tensor is missing,
            unexpected, there twice (under one spelling or both), of another shape or type, or not finite. The message
            names the tensors.
    """
    expected = expected_shapes(geometry)
    header = read_header(path)
    file_names = _match_names([name for name, _ in header], expected, path)
    _require_shapes(dict(header), file_names, expected, path)
    digest = file_sha256(path)
    if sha256 is not None and digest != sha256.lower():
        raise WeightsRefused(str(path), f"has sha256 {digest}, not the {sha256} that is pinned")
    weights = Weights(path, file_names, digest)
    _require_finite(weights)
    return weights


def file_sha256(path: Path) -> str:
    """Digest of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def read_header(path: Path) -> list[tuple[str, Mapping[str, object]]]:
    """(name, entry) of each tensor in a safetensors header; a name that is there twice is listed twice.

    The format: 8 bytes with the length of the header, little-endian, then the header as JSON (https://github.com/huggingface/safetensors).
    Raises WeightsRefused.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            _require_header_length(length, path)
            pairs = json.loads(file.read(length), object_pairs_hook=list)
        return [(name, dict(entry)) for name, entry in pairs if name != "__metadata__"]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise WeightsRefused(str(path), f"is no safetensors file: {error}") from error


def _require_header_length(length: int, path: Path) -> None:
    if not 2 <= length <= _MAX_HEADER_BYTES:
        problem = (
            "is no safetensors file; if it is a pytorch_model.bin as published, convert it once with "
            "soundkin encoder convert FOLDER (fairseq's own files are never read)"
        )
        raise WeightsRefused(str(path), problem)


def _match_names(listed: Iterable[str], expected: Shapes, path: Path) -> Mapping[str, str]:
    """Canonical name -> name in the file, if the file has each expected tensor once and nothing else."""
    listed = list(listed)
    counts = Counter(canonical(name) for name in listed)
    problems = {
        "duplicate": [name for name in counts if counts[name] > 1],
        "missing": [name for name in expected if name not in counts],
        "unexpected": [name for name in listed if canonical(name) not in expected],
    }
    parts = [_describe(kind, names) for kind, names in problems.items() if names]
    if parts:
        raise WeightsRefused(str(path), "; ".join(parts))
    return {canonical(name): name for name in listed}


def _describe(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f"{kind} tensor{'s' * (len(names) > 1)}: {', '.join(names[:_MAX_NAMED])}{more}"


def _require_shapes(
    header: Mapping[str, Mapping[str, object]], file_names: Mapping[str, str], expected: Shapes, path: Path
) -> None:
    for name, file_name in file_names.items():
        entry = header[file_name]
        if entry.get("dtype") not in _FLOATS:
            raise WeightsRefused(str(path), f"tensor {file_name} is of type {entry.get('dtype')}, not of floats")
        if entry.get("shape") != list(expected[name]):
            raise WeightsRefused(str(path), f"tensor {file_name} is {entry.get('shape')}, not {list(expected[name])}")


def _require_finite(weights: Weights) -> None:
    for name in weights.names():
        try:
            tensor = weights[name]
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            raise WeightsRefused(str(weights.path), f"tensor {name} cannot be read: {error}") from error
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsRefused(str(weights.path), f"tensor {name} has values that are not finite")
