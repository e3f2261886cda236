"""What an encoder is: a space, and a way to turn waveforms into vectors of that space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from recommender.types import ClipEmbeddings, Licence, Space, Waveform


class Encoder(Protocol):
    """Turns clips into embeddings, one vector per clip and layer.

    An implementation is deterministic, keeps every layer, and gives a clip the same vector whatever else is in the
    batch. It receives audio that was decoded to ``space.sample_rate_hz`` and already found long enough, finite and
    not silent (:mod:`indexer.audio`).
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
