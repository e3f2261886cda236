"""How much one request may contain. Checked before anything is looked up, so that a small message is little work.

``server/rpc/requests.py`` says which field has which limit.
"""

from __future__ import annotations

MAX_SEEDS = 100
"""Seeds, and negative seeds."""
MAX_REFS = 1000
"""References to resolve, candidates, and artists to leave out."""
MAX_BATCHED = 100
"""Requests of one batch."""
MAX_CLIPS = 32
"""Clips of one request."""
MAX_CLIP_BYTES = 16 << 20
"""Bytes of one clip: 30 s of stereo take 0.5 to 1.5 MB as mp3 or m4a, 5.3 MB as 16-bit wav at 44.1 kHz."""
MAX_AUDIO_BYTES = 64 << 20
"""Bytes of all clips of one request; what the encoder takes at once."""
MAX_CLIP_NAME = 200
"""Characters of a clip's name that are kept."""
MAX_MESSAGE_BYTES = 1 << 20
"""Bytes of a request without audio."""
MAX_GENRES = 100
"""Genres in one list of a filter."""
MAX_MIXED = 100
"""Layers or aspects of one mix."""
