"""The settings of an encoder: its weights, device, context and precision."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from recommender.errors import InvalidArgument

MODELS = "models"
"""Folder in the home with one folder of weights for each encoder that needs some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """Settings that the user can choose. Weights, context and precision change the vectors, and with them the space."""

    weights: Path | None = None
    """Folder of the weights."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` (all that are visible), ``cuda:1``, ``mps``, or several: ``cuda:0,cuda:1``."""
    context: str = "full"
    """``full``, or ``chunked:10`` for the mean of chunks of ten seconds."""
    precision: str = "auto"
    """``auto``, ``fp32`` or ``fp16``."""


def refuse_settings(name: str, settings: EncoderSettings) -> None:
    """Raise InvalidArgument for the first setting that differs from its default: the encoder ``name`` takes none."""
    defaults = EncoderSettings()
    for field in fields(EncoderSettings):
        if getattr(settings, field.name) != getattr(defaults, field.name):
            raise InvalidArgument(
                field.name,
                f"{name} has no {field.name} to choose; leave out --{field.name} (SOUNDKIN_{field.name.upper()})",
            )
