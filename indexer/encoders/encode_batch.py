"""Encodes a batch: an embedding for each clip, or the reason why it has none. A bad clip does not affect the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from indexer.encoders.base import ENCODER_MEMORY, Encoder, is_lost, is_out_of_memory
from recommender.errors import BadInput, EncoderEnded, EncoderLost, SoundkinError
from recommender.types import ClipEmbeddings, Waveform

ENCODER_FAILED = "encoder_failed"
"""The encoder raised an error that has no reason of its own."""
BAD_EMBEDDING = "bad_embedding"
"""The encoder returned a vector that is not finite, or all zero."""

Encoded: TypeAlias = ClipEmbeddings | BadInput
"""``[layer, dim]`` of one clip, or the reason why it has none."""


def encode_each(encoder: Encoder, clips: Sequence[Waveform]) -> list[Encoded]:
    """Encode ``clips``; the result or the reason of each, in their order.

    A batch that fails, because memory ran out or for another reason, is tried again in two halves, and so on, down to
    the clip that causes it: for one bad clip in n that takes about 2 log2 n more calls.

    Raises EncoderLost, or another error of the encoder itself, when no clip can be encoded any more.
    """
    if not clips:
        return []
    vectors = _attempt(encoder, clips)
    if isinstance(vectors, BadInput):
        return [vectors]
    if vectors is not None:
        return [_checked(embedding) for embedding in vectors]
    middle = (len(clips) + 1) // 2
    return encode_each(encoder, clips[:middle]) + encode_each(encoder, clips[middle:])


def _attempt(encoder: Encoder, clips: Sequence[Waveform]) -> ClipEmbeddings | BadInput | None:
    """Embeddings; None when several clips failed together; the reason when it was one.

    The next attempt is made only after this has returned: an error keeps the local variables of its frames alive, and
    where memory ran out that memory must be free first.
    """
    try:
        vectors = encoder.encode(clips)
    except Exception as error:  # one clip must not end the others: it gets a reason instead
        _raise_if_of_the_encoder(error)
        return _reason(error) if len(clips) == 1 else None
    if len(vectors) != len(clips):
        raise ValueError(f"the encoder returned {len(vectors)} embeddings for {len(clips)} clips")
    return vectors


def _raise_if_of_the_encoder(error: Exception) -> None:
    """Raise an error that every other clip would have, too; otherwise the ledger would reject good clips for it."""
    if isinstance(error, SoundkinError) and not isinstance(error, BadInput | EncoderEnded):
        raise error
    if is_lost(error) and not isinstance(error, SoundkinError):
        raise EncoderLost(f"{type(error).__name__}: {error}") from error


def _reason(error: Exception) -> BadInput:
    """The reason why the encoder refused a clip: its own, if any, else ``encoder_failed`` with the error as cause."""
    if isinstance(error, BadInput):
        return BadInput(error.reason, error.detail)
    if is_out_of_memory(error):
        return BadInput(ENCODER_MEMORY, "one clip alone takes more memory than is free; use --device cpu")
    reason = BadInput(ENCODER_FAILED, f"{type(error).__name__}: {error}")
    reason.__cause__ = error
    return reason


def _checked(vectors: ClipEmbeddings) -> Encoded:
    if np.isfinite(vectors).all() and vectors.any(axis=1).all():
        return vectors
    return BadInput(BAD_EMBEDDING, "the encoder returned a vector that is not finite or all zero")
