"""Which encoders there are, by name; each is loaded only when asked for, for some bring heavy libraries."""

from __future__ import annotations

from collections.abc import Callable

from indexer.encoders.base import Encoder
from recommender.errors import NotFound


def _descriptors() -> Encoder:
    from indexer.encoders.descriptors import DescriptorEncoder  # brings librosa

    return DescriptorEncoder()


_FACTORIES: dict[str, Callable[[], Encoder]] = {"descriptors": _descriptors}


def encoder_names() -> tuple[str, ...]:
    """Names of all encoders, the embedded default first. Loads none of them.

    >>> encoder_names()[0]
    'descriptors'
    """
    return tuple(_FACTORIES)


def load_encoder(name: str) -> Encoder:
    """The encoder called ``name``, ready to encode.

    Raises:
        NotFound: there is no encoder of that name; the message lists those that there are.
    """
    factory = _FACTORIES.get(name)
    if factory is None:
        raise NotFound("encoder", name, f"choose one of {', '.join(encoder_names())}")
    return factory()
