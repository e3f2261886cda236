"""The dynamics layer: the distribution of level, and how fast it rises, falls and pulses; not the loudness itself.

Formulas and sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from indexer.encoders.descriptors.clip_analysis import (
    BLOCK_FLOOR_DB,
    FRAME_RATE_HZ,
    HOP,
    Array,
    ClipAnalysis,
    Descriptors,
    mel_hz,
)

PERCENTILES = (5, 10, 25, 50, 75, 90, 95)
PULSE_EDGES_HZ = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Six octaves of level modulation, from phrases to tremolo."""
BAND_EDGES_HZ = (0.0, 150.0, 400.0, 1000.0, 2500.0, 6000.0, 12_000.0)
"""Six bands whose range of level is measured apart: a pumping bass and a gated hi-hat differ here."""
PHRASE_S = 3.0
"""Window of the loudness range (EBU Tech 3342, 2016)."""
PAUSE_DB = -30.0
"""A block with a lower level than this, relative to the clip's, counts as a pause."""


def dynamics(analysis: ClipAnalysis) -> Descriptors:
    """All descriptors of this layer (32 values); levels are in dB relative to the RMS level of the clip."""
    return {
        **_distribution(analysis.block_db),
        **_peaks(analysis.waveform),
        **_slopes(analysis.block_db),
        **_pulsation(analysis.block_db),
        **_band_ranges(analysis),
    }


def _distribution(block_db: Array) -> Descriptors:
    levels = np.percentile(block_db, PERCENTILES)
    values = {f"level_p{percentile}": float(level) for percentile, level in zip(PERCENTILES, levels, strict=True)}
    return values | {
        "level_spread": float(block_db.std()),
        "level_range": float(levels[-1] - levels[0]),
        "low_energy": float(np.mean(block_db < 0)),
        "pauses": float(np.mean(block_db < PAUSE_DB)),
        "phrase_range": _phrase_range_db(block_db),
    }


def _phrase_range_db(block_db: Array) -> float:
    """95th minus 10th percentile of the level of overlapping windows of PHRASE_S, in dB (EBU Tech 3342)."""
    window = round(PHRASE_S * FRAME_RATE_HZ)
    # Differences of the running sum are the sums of all windows, in one pass.
    running = np.concatenate(([0.0], np.cumsum(10 ** (block_db / 10))))
    window = min(window, block_db.size)
    levels = 10 * np.log10((running[window:] - running[:-window]) / window + 10 ** (BLOCK_FLOOR_DB / 10))
    low, high = np.percentile(levels, (10, 95))
    return float(high - low)


def _peaks(waveform: Array) -> Descriptors:
    """Crest factors (peak over RMS) in dB: of the whole clip, and their mean and standard deviation over the blocks."""
    blocks = waveform[: waveform.size // HOP * HOP].reshape(-1, HOP)
    level = np.sqrt(np.square(blocks).mean(axis=1))
    loud = level > 10 ** (BLOCK_FLOOR_DB / 20)
    crest = 20 * np.log10(np.abs(blocks[loud]).max(axis=1) / level[loud])
    return {
        "crest": float(20 * np.log10(np.abs(waveform).max())),
        "block_crest_mean": float(crest.mean()),
        "block_crest_spread": float(crest.std()),
    }


def _slopes(block_db: Array) -> Descriptors:
    """How fast the level rises and falls, in dB per block; how often it rises; how far its energy is off centre."""
    # Levels are limited from below, or the fade into silence would outweigh every attack in the music.
    slope = np.diff(np.maximum(block_db, PAUSE_DB))
    power = 10 ** (block_db / 10)
    middle = float(np.average(np.arange(power.size) / power.size, weights=power))
    return {
        "attack_mean": float(np.maximum(slope, 0).mean()),
        "attack_p95": float(np.percentile(slope, 95)),
        "decay_p5": float(np.percentile(slope, 5)),
        "rising": float(np.mean(slope > 0)),
        "lopsided": abs(middle - 0.5),
    }


def _pulsation(block_db: Array) -> Descriptors:
    """log10 of the share of the level's variation in each octave of PULSE_EDGES_HZ (the modulation spectrum)."""
    level = np.maximum(block_db, PAUSE_DB)
    spectrum = np.square(np.abs(np.fft.rfft((level - level.mean()) * np.hanning(level.size))))
    rate_hz = np.fft.rfftfreq(level.size, 1 / FRAME_RATE_HZ)
    total = spectrum.sum() + 1e-9
    shares = [spectrum[(rate_hz >= low) & (rate_hz < high)].sum() / total for low, high in pairwise(PULSE_EDGES_HZ)]
    return {f"pulse_{band}": float(np.log10(share + 1e-3)) for band, share in enumerate(shares)}


def _band_ranges(analysis: ClipAnalysis) -> Descriptors:
    """90th minus 10th percentile of the level of each band of BAND_EDGES_HZ, in dB."""
    power = 10 ** (analysis.mel_db / 10)
    values = {}
    for band, (low, high) in enumerate(pairwise(BAND_EDGES_HZ)):
        level = 10 * np.log10(power[:, (mel_hz() >= low) & (mel_hz() < high)].mean(axis=1))
        bottom, top = np.percentile(level, (10, 90))
        values[f"band_range_{band}"] = float(top - bottom)
    return values
