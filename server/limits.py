"""How much one request may carry: checked before any of it is looked up, so that a small message stays a small job."""

from __future__ import annotations

from collections.abc import Sized

from recommender.errors import InvalidArgument

MAX_SEEDS = 100
"""Seeds, and negative seeds."""
MAX_REFS = 1000
"""References to resolve, candidates, and artists to leave out."""
MAX_BATCHED = 100
"""Requests of one batch."""
MAX_CLIPS = 32
"""Clips of one act."""
MAX_CLIP_BYTES = 16 << 20
"""Of one clip: 30 s of stereo take 0.5 to 1.5 MB as mp3 or m4a, 5.3 MB as 16-bit wav at 44.1 kHz."""
MAX_AUDIO_BYTES = 64 << 20
"""Of all clips of one act; what the encoder takes at once."""
MAX_CLIP_NAME = 200
"""Characters of a clip's name that are kept."""
MAX_MESSAGE_BYTES = 1 << 20
"""Of a request without audio."""
MAX_GENRES = 100
"""In one list of a filter."""
MAX_MIXED = 100
"""Layers or aspects of one mix."""


def check_size(given: Sized, field: str, most: int) -> None:
    """Refuse a list of more than ``most`` entries. Raises InvalidArgument that names ``field``.

    >>> check_size(["a", "b"], "seeds", 2)
    """
    if len(given) > most:
        raise InvalidArgument(field, f"has {len(given)} entries, at most {most}")
