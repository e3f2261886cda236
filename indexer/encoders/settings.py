"""How an encoder is to be set up: where its weights are, and on what it computes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from indexer.encoders import encoder_names, find_model, load_encoder, weights_folder
from indexer.encoders.base import Encoder
from indexer.encoders.mert.models import WEIGHTS_FILE
from recommender.errors import InvalidArgument
from recommender.licences import find_licence, require
from recommender.types import Profile


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


def load_allowed(name: str, settings: EncoderSettings, profile: Profile) -> Encoder:
    """The encoder called ``name``, ready to encode, for the use ``profile``.

    Raises LicenceRefused, and what :func:`indexer.encoders.load_encoder` raises.
    """
    model = find_model(name)
    if model:
        require(f"encoder {name}", find_licence(model.licence), profile)
    encoder = load_encoder(name, settings)
    require(f"encoder {name}", encoder.licence, profile)
    return encoder


MODELS = "models"
"""Folder in the home that holds a folder of weights for each encoder that has some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """What the user may choose. Weights, context and precision change the vectors, and with them the space."""

    weights: Path | None = None
    """Folder of the weights."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` (all that are visible), ``cuda:1``, ``mps``, or several: ``cuda:0,cuda:1``."""
    context: str = "full"
    """``full``, or ``chunked:10`` for the mean of chunks of ten seconds."""
    precision: str = "auto"
    """``auto``, ``fp32`` or ``fp16``."""


def refuse_settings(name: str, settings: EncoderSettings) -> None:
    """Raise InvalidArgument for the first setting that an encoder which takes none was given."""
    defaults = EncoderSettings()
    for field in fields(EncoderSettings):
        if getattr(settings, field.name) != getattr(defaults, field.name):
            raise InvalidArgument(
                field.name,
                f"{name} has no {field.name} to choose; leave out --{field.name} (SOUNDKIN_{field.name.upper()})",
            )
