"""The MERT models: name, source, licence, geometry and the digests of their published files, as data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from indexer.encoders.mert.config import Geometry
from indexer.files.atomic import write_file
from recommender.errors import NotFound

SAMPLE_RATE_HZ = 24_000
"""Sample rate of every MERT model."""

WEIGHTS_FILE = "model.safetensors"
"""The only file that weights are read from."""
PUBLISHED_FILE = "pytorch_model.bin"
"""The published form of the weights; converted once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MertSpec:
    """One model: its name, where its weights are published, and their geometry."""

    id: str
    repo: str
    """Repository on the Hugging Face hub."""
    revision: str
    """The commit of ``repo`` that is used: as many of its digits as the public pages show."""
    licence: str
    geometry: Geometry
    default_layer: str
    """The layer that artists are compared by when a request names none."""
    published: Mapping[str, str] = field(default_factory=dict)
    """File name -> sha256 of the published file, in hex."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The hidden states, ``"0"`` (before the transformer) to the number of its layers."""
        return tuple(str(state) for state in range(self.geometry.states))


def _v1(*, hidden: int, layers: int, heads: int, pre_norm: bool) -> Geometry:
    """The geometry of MERT-v1, common to both sizes: 75 frames per second, each of 400 samples, 320 apart."""
    return Geometry(
        hidden=hidden,
        layers=layers,
        heads=heads,
        feed_forward=4 * hidden,
        pre_norm=pre_norm,
        conv_dim=(512,) * 7,
        conv_kernel=(10, 3, 3, 3, 3, 2, 2),
        conv_stride=(5, 2, 2, 2, 2, 2, 2),
        pos_kernel=128,
        pos_groups=16,
        norm_eps=1e-5,
    )


MERT_V1_95M = MertSpec(
    id="mert-v1-95m",
    repo="m-a-p/MERT-v1-95M",
    revision="c5a8dd1",
    licence="CC-BY-NC-4.0",
    geometry=_v1(hidden=768, layers=12, heads=12, pre_norm=False),
    default_layer="11",
    published={"pytorch_model.bin": "a2b8b747f72c06e0595aeae41ae5473f4364938c6b39b2c58be38c48e6bd3fcd"},
)

MERT_V1_330M = MertSpec(
    id="mert-v1-330m",
    repo="m-a-p/MERT-v1-330M",
    revision="fbd1783",
    licence="CC-BY-NC-4.0",
    geometry=_v1(hidden=1024, layers=24, heads=16, pre_norm=True),
    default_layer="11",
    published={"pytorch_model.bin": "0c03774d821a6ad972cb48220b128a10ebea2c790116bd0fd35e5a013f8017f6"},
)

SPECS: Mapping[str, MertSpec] = {spec.id: spec for spec in (MERT_V1_95M, MERT_V1_330M)}


def find_spec(model: str) -> MertSpec:
    """The model ``model``. Raises NotFound; the message lists all models."""
    if model not in SPECS:
        raise NotFound("MERT model", model, f"choose one of {', '.join(SPECS)}")
    return SPECS[model]


ORIGIN_FILE = "origin.json"
"""File beside the weights, written when they are converted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """sha256, in hex, of a downloaded file and of the weights that were converted from it."""

    source_sha256: str
    weights_sha256: str


def write_origin(folder: Path, origin: Origin) -> None:
    """Record which file the weights in ``folder`` were converted from."""
    write_file(folder / ORIGIN_FILE, [json.dumps(asdict(origin), indent=1).encode()])


def is_published(spec: MertSpec, folder: Path) -> bool:
    """Whether the weights in ``folder`` are, or were converted here from, a file that was published for ``spec``.

    Decided by digests and the record of the conversion, so that it is true also for a folder that the user made.
    """
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        return False
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    origin = _read_origin(folder)
    source = origin.source_sha256 if origin and origin.weights_sha256 == digest else digest
    return source in spec.published.values()


def _read_origin(folder: Path) -> Origin | None:
    """The record; None when there is none, or it cannot be read."""
    try:
        return Origin(**json.loads((folder / ORIGIN_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
