"""Synthetic music with known styles: the demo catalogue, and small audio for calibration and tests."""

from __future__ import annotations

from indexer.demo.synth.demo_catalog import SyntheticCatalogue, SyntheticClip, write_catalogue
from indexer.demo.synth.render_clip import SAMPLE_RATE_HZ, STYLES, render, tempo_bpm

__all__ = ["SAMPLE_RATE_HZ", "STYLES", "SyntheticCatalogue", "SyntheticClip", "render", "tempo_bpm", "write_catalogue"]
