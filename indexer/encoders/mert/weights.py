"""Reading a checkpoint from safetensors: every tensor accounted for, or nothing is read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from indexer.encoders.mert.config import Geometry, Shapes, canonical, expected_shapes
from indexer.encoders.mert.models import PUBLISHED_FILE, WEIGHTS_FILE, MertSpec
from indexer.files.atomic import write_file
from recommender.errors import WeightsRefused

ORIGIN_FILE = "origin.json"
"""Beside the weights, written when they are converted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """sha256, in hex, of a downloaded file and of the weights that were made of it."""

    source_sha256: str
    weights_sha256: str


def write_origin(folder: Path, origin: Origin) -> None:
    """Put on record what the weights in ``folder`` were made of."""
    write_file(folder / ORIGIN_FILE, [json.dumps(asdict(origin), indent=1).encode()])


def is_published(spec: MertSpec, folder: Path) -> bool:
    """Whether the weights in ``folder`` are, or were converted here from, a file that was published for ``spec``.

    It goes by the digests and the record of the conversion, so it holds for folders of one's own. Needs no torch.
    """
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        return False
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    origin = _read_origin(folder)
    source = origin.source_sha256 if origin and origin.weights_sha256 == found else found
    return source in spec.published.values()


def _read_origin(folder: Path) -> Origin | None:
    """The record; None where there is none that can be read, for then nothing is known."""
    try:
        return Origin(**json.loads((folder / ORIGIN_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


__all__ = ["PUBLISHED_FILE", "WEIGHTS_FILE", "Weights", "file_sha256", "open_weights", "read_header"]

_FLOATS = {"F32": 4, "F16": 2, "BF16": 2}
_MAX_HEADER = 8 << 20
_BLOCK = 1 << 22
_NAMED = 5


class Weights:
    """The tensors of one checked file. Each is read when asked for, so a network is built without holding two."""

    def __init__(self, path: Path, spelt: Mapping[str, str], sha256: str) -> None:
        self.path = path
        self.sha256 = sha256
        """Of the whole file, in hex."""
        self._spelt = spelt

    def __getitem__(self, name: str) -> torch.Tensor:
        """A copy of the tensor we call ``name``, float32, on the CPU. Raises KeyError for a name that is not ours."""
        with safe_open(self.path, framework="pt") as file:
            # Opened anew each time, because pages of an open mapping count as our memory until it is closed.
            stored: torch.Tensor = file.get_tensor(self._spelt[name])
            return stored.to(torch.float32, copy=True)

    def names(self) -> tuple[str, ...]:
        """Our names of all tensors."""
        return tuple(self._spelt)


def open_weights(path: Path, geometry: Geometry, *, sha256: str | None = None) -> Weights:
    """Open a checkpoint after checking all of it.

    Raises:
        WeightsRefused: not a safetensors file; not the file whose ``sha256`` is given; a tensor is missing,
            unexpected, there twice (under one spelling or both), of another shape or type, or not finite. The message
            names the tensors.
    """
    expected = expected_shapes(geometry)
    header = read_header(path)
    spelt = _account_for([name for name, _ in header], expected, path)
    _require_shapes(dict(header), spelt, expected, path)
    found = file_sha256(path)
    if sha256 is not None and found != sha256.lower():
        raise WeightsRefused(str(path), f"has sha256 {found}, not the {sha256} that is pinned")
    weights = Weights(path, spelt, found)
    _require_finite(weights)
    return weights


def file_sha256(path: Path) -> str:
    """Digest of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read_header(path: Path) -> list[tuple[str, Mapping[str, object]]]:
    """(name, entry) of each tensor as a safetensors header lists them, twice those that it lists twice.

    The format: 8 bytes of length, little-endian, then so much JSON (https://github.com/huggingface/safetensors).
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
    if not 2 <= length <= _MAX_HEADER:
        problem = (
            "is no safetensors file; if it is a pytorch_model.bin as published, convert it once with "
            "soundkin encoder convert FOLDER (fairseq's own files are never read)"
        )
        raise WeightsRefused(str(path), problem)


def _account_for(listed: Iterable[str], expected: Shapes, path: Path) -> Mapping[str, str]:
    """Our name -> the file's name, when the file holds each expected tensor once and nothing else."""
    listed = list(listed)
    counts = Counter(canonical(name) for name in listed)
    problems = {
        "duplicate": [name for name in counts if counts[name] > 1],
        "missing": [name for name in expected if name not in counts],
        "unexpected": [name for name in listed if canonical(name) not in expected],
    }
    words = [_words(kind, names) for kind, names in problems.items() if names]
    if words:
        raise WeightsRefused(str(path), "; ".join(words))
    return {canonical(name): name for name in listed}


def _words(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{kind} tensor{'s' * (len(names) > 1)}: {', '.join(names[:_NAMED])}{more}"


def _require_shapes(
    header: Mapping[str, Mapping[str, object]], spelt: Mapping[str, str], expected: Shapes, path: Path
) -> None:
    for ours, theirs in spelt.items():
        entry = header[theirs]
        if entry.get("dtype") not in _FLOATS:
            raise WeightsRefused(str(path), f"tensor {theirs} is of type {entry.get('dtype')}, not of floats")
        if entry.get("shape") != list(expected[ours]):
            raise WeightsRefused(str(path), f"tensor {theirs} is {entry.get('shape')}, not {list(expected[ours])}")


def _require_finite(weights: Weights) -> None:
    for name in weights.names():
        try:
            tensor = weights[name]
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            raise WeightsRefused(str(weights.path), f"tensor {name} cannot be read: {error}") from error
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsRefused(str(weights.path), f"tensor {name} holds values that are not finite")
