"""How an encoder is to be set up: where its weights are, and on what it computes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from recommender.errors import InvalidArgument

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
