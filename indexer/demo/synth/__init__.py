"""Synthesises music of known styles: the demo catalog, and short clips for calibration and tests."""

from __future__ import annotations

from indexer.demo.synth.demo_catalog import SyntheticCatalog, SyntheticClip, write_catalog
from indexer.demo.synth.render_clip import SAMPLE_RATE_HZ, STYLES, render, tempo_bpm

__all__ = ["SAMPLE_RATE_HZ", "STYLES", "SyntheticCatalog", "SyntheticClip", "render", "tempo_bpm", "write_catalog"]
