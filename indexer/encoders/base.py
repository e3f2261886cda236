"""The protocol of encoders, which turn waveforms into vectors of one space, and what an encoder may have besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

from recommender.types import ClipEmbeddings, Licence, Space, Waveform


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
