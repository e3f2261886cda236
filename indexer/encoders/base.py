"""The protocol of encoders, which turn waveforms into vectors of one space, and what an encoder may have besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from recommender.errors import InvalidArgument
from recommender.types import ClipEmbeddings, Licence, Space, Waveform

ENCODER_MEMORY = "encoder_memory"
"""Reason of a clip that alone takes more memory than the encoder's device has."""

_NO_MEMORY = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed")
"""PyTorch's messages on CUDA, on Apple's devices and on a CPU, in errors that are no MemoryError."""
_LOST = "CUDA error"


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, so that fewer clips at once may still fit.

    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    True
    """
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY)


def is_lost(error: Exception) -> bool:
    """Whether the process that had the error cannot use its device any more, for any clip.

    >>> is_lost(RuntimeError("CUDA error: an illegal memory access was encountered"))
    True
    >>> is_lost(RuntimeError("CUDA error: out of memory"))
    False
    """
    return _LOST in str(error) and not is_out_of_memory(error)


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


class Encoder(Protocol):
    """Turns clips into embeddings, one vector per clip and layer.

    An implementation is deterministic, keeps every layer, and gives a clip the same vector in any batch. It receives
    audio that was decoded to ``space.sample_rate_hz`` and is long enough, finite and not silent
    (:mod:`indexer.audio.decode`).
    """

    @property
    def space(self) -> Space:
        """The space of the vectors that this encoder makes."""

    @property
    def licence(self) -> Licence:
        """Licence of the weights; ``space.licence`` is its name."""

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips``, each ``[sample]`` float32 of its own length -> ``[clip, layer, dim]`` float32, finite."""


@runtime_checkable
class InRows(Protocol):
    """An encoder that always computes a fixed number of clips in one pass; with fewer clips the rest is wasted."""

    @property
    def rows(self) -> int:
        """Clips in a pass; it may become smaller while the encoder works."""


@runtime_checkable
class Batching(Protocol):
    """An encoder that is fastest with a certain number of clips at once."""

    @property
    def batch(self) -> int:
        """Clips at once, by the memory of the device; it may become smaller while the encoder works."""


@runtime_checkable
class Closing(Protocol):
    """An encoder that must be closed after use, for example because it has processes of its own."""

    def close(self) -> None:
        """Release everything. Calling it again does nothing."""


_EncoderT = TypeVar("_EncoderT", bound=Encoder)


@contextmanager
def in_use(encoder: _EncoderT) -> Iterator[_EncoderT]:
    """``encoder`` for a block; closed after it if it has something to close."""
    any_encoder: object = encoder  # or mypy takes the test below for one that can never be true
    try:
        yield encoder
    finally:
        if isinstance(any_encoder, Closing):
            any_encoder.close()
