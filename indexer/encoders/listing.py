"""What there is to choose from, without loading torch or any weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from indexer.encoders import encoder_names, find_model, load_encoder, weights_folder
from indexer.encoders.mert.specs import WEIGHTS_FILE
from recommender.licences import find_licence


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One encoder, as far as it is known before it is loaded."""

    name: str
    layers: tuple[str, ...]
    dim: int
    licence: str
    allows: tuple[str, ...]
    """Profiles that may use it."""
    weights: str | None
    """Folder where its weights are looked for; None when it needs none."""
    ready: bool
    """It needs no weights, or they are there. Whether they are right, ``encoder verify`` says."""


def list_encoders(home: Path) -> tuple[Listed, ...]:
    """Every encoder, with the weights that lie under ``home``."""
    return tuple(_listed(name, weights_folder(name, home)) for name in encoder_names())


def _listed(name: str, folder: Path | None) -> Listed:
    layers, dim, licence = _shape(name)
    return Listed(
        name=name,
        layers=layers,
        dim=dim,
        licence=licence,
        allows=tuple(sorted(profile.value for profile in find_licence(licence).allows)),
        weights=str(folder) if folder else None,
        ready=folder is None or (folder / WEIGHTS_FILE).is_file(),
    )


def _shape(name: str) -> tuple[tuple[str, ...], int, str]:
    """Layers, dimension and licence."""
    spec = find_model(name)
    if spec is not None:
        return spec.layer_names, spec.geometry.hidden, spec.licence
    space = load_encoder(name).space
    return space.layer_names, space.dim, space.licence
