"""Which file a folder's weights were made of: what tells the published model from any other of its shape."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from indexer.encoders.mert.specs import WEIGHTS_FILE, MertSpec
from indexer.files.atomic import write_file

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
