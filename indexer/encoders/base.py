"""What an encoder is: a space, and a way to turn waveforms into vectors of that space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

from recommender.types import ClipEmbeddings, Licence, Space, Waveform


class Encoder(Protocol):
    """Turns clips into embeddings, one vector per clip and layer.

    An implementation is deterministic, keeps every layer, and gives a clip the same vector whatever else is in the
    batch. It receives audio that was decoded to ``space.sample_rate_hz`` and already found long enough, finite and
    not silent (:mod:`indexer.audio.decode`).
    """

    @property
    def space(self) -> Space:
        """Identity of the vectors this encoder makes."""

    @property
    def licence(self) -> Licence:
        """Terms of the weights; ``space.licence`` is its name."""

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips``, each ``[sample]`` float32 of its own length -> ``[clip, layer, dim]`` float32, finite."""


@runtime_checkable
class InRows(Protocol):
    """What an encoder may have besides: passes over a fixed number of clips, wasted where there are fewer."""

    @property
    def rows(self) -> int:
        """Clips in a pass; it may shrink while the encoder works."""


@runtime_checkable
class Batching(Protocol):
    """What an encoder may have besides: how many clips it likes to be handed at once."""

    @property
    def batch(self) -> int:
        """Clips at once, sized to the memory of what it computes on; it may shrink while the encoder works."""


@runtime_checkable
class Closing(Protocol):
    """What an encoder may have besides: something of its own that has to be ended, such as processes."""

    def close(self) -> None:
        """End it. Calling it again does nothing."""


_EncoderT = TypeVar("_EncoderT", bound=Encoder)


@contextmanager
def in_use(encoder: _EncoderT) -> Iterator[_EncoderT]:
    """``encoder`` for a block, closed behind it where it can be closed."""
    held: object = encoder
    try:
        yield encoder
    finally:
        if isinstance(held, Closing):
            held.close()
