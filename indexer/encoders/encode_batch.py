"""A batch through an encoder: an embedding for every clip, or why there is none; one clip costs no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from indexer.encoders.base import Encoder
from indexer.encoders.device_errors import ENCODER_MEMORY, is_lost, is_out_of_memory
from recommender.errors import BadInput, EncoderEnded, EncoderLost, SoundkinError
from recommender.types import ClipEmbeddings, Waveform

ENCODER_FAILED = "encoder_failed"
"""The encoder raised something it does not explain."""
BAD_EMBEDDING = "bad_embedding"
"""The encoder gave a vector that is not finite, or all zero."""

Encoded: TypeAlias = ClipEmbeddings | BadInput
"""``[layer, dim]`` of one clip, or why there is none."""


def encode_each(encoder: Encoder, clips: Sequence[Waveform]) -> list[Encoded]:
    """Encode ``clips``, each on its own merits, in order.

    A batch that fails, for want of memory or otherwise, is tried again in halves, and those that fail in halves of
    theirs, down to the clip at fault: for one bad clip in n that takes about 2 log2 n calls more.

    Raises EncoderLost, or what else the encoder says of itself, when it cannot go on: that is no clip's fault.
    """
    if not clips:
        return []
    vectors = _attempt(encoder, clips)
    if isinstance(vectors, BadInput):
        return [vectors]
    if vectors is not None:
        return [_checked(one) for one in vectors]
    middle = (len(clips) + 1) // 2
    return encode_each(encoder, clips[:middle]) + encode_each(encoder, clips[middle:])


def _attempt(encoder: Encoder, clips: Sequence[Waveform]) -> ClipEmbeddings | BadInput | None:
    """Embeddings; None when several clips failed together; the reason when it was one.

    Another attempt is made only after this has returned: an error holds on to all that its frames held, and where
    memory ran out that is what must go.
    """
    try:
        vectors = encoder.encode(clips)
    except Exception as error:  # one clip must not cost the others: the file border of the indexer
        _end_if_of_the_encoder(error)
        return _reason(error) if len(clips) == 1 else None
    if len(vectors) != len(clips):
        raise ValueError(f"the encoder gave {len(vectors)} embeddings for {len(clips)} clips")
    return vectors


def _end_if_of_the_encoder(error: Exception) -> None:
    """Raise what every other clip would meet, too: in the ledger it would stand against clips that are good."""
    if isinstance(error, SoundkinError) and not isinstance(error, BadInput | EncoderEnded):
        raise error
    if is_lost(error) and not isinstance(error, SoundkinError):
        raise EncoderLost(f"{type(error).__name__}: {error}") from error


def _reason(error: Exception) -> BadInput:
    """Why the encoder refused a clip, in its own words where it has a reason; what it does not explain is the cause."""
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
    return BadInput(BAD_EMBEDDING, "the encoder gave a vector that is not finite or all zero")
