"""Shards that were sealed once and are read for ever: what they hold, and the program that sealed them.

``python -m tests.indexer.store.golden_shards FOLDER`` seals the forms of today into FOLDER; ``tests/data/shards`` holds
what came from it and are never made again. ``release-0.1.shard`` was sealed from the same values by the first release
(commit fa2deb8), whose header did not name a type. A new form gets a file of its own beside them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from indexer.store.shard import Stored, seal
from recommender.types import ClipEmbeddings

FOLDER = Path(__file__).resolve().parents[2] / "data" / "shards"
FINGERPRINT = "0123456789abcdef"
CLIP_IDS = tuple(f"{number:032x}" for number in (0xB0B, 0xA11CE, 0xFF << 120))


def golden_embeddings() -> ClipEmbeddings:
    """Three clips, two layers, four dimensions; every value is a sixteenth, so that fp16 holds it to the bit."""
    return (np.arange(24, dtype=np.float32).reshape(3, 2, 4) - 7.5) / np.float32(16)


def seal_all(folder: Path) -> None:
    """Seal the values above into ``folder``, once in each type."""
    for stored in Stored:
        seal(
            folder / f"{stored.value}.shard",
            fingerprint=FINGERPRINT,
            clip_ids=CLIP_IDS,
            embeddings=golden_embeddings(),
            stored=stored,
        )


if __name__ == "__main__":
    seal_all(Path(sys.argv[1]))
