"""The eight styles of the demo catalog, one per module, by name."""

from __future__ import annotations

from indexer.demo.synth.styles import ambient, drum_and_bass, folk, jazz_trio, minimal_techno, techno, trap, vocal_pop
from indexer.demo.synth.styles.base import Style

BY_NAME: dict[str, Style] = {
    module.STYLE.name: module.STYLE
    for module in (techno, minimal_techno, drum_and_bass, trap, vocal_pop, ambient, folk, jazz_trio)
}

__all__ = ["BY_NAME", "Style"]
