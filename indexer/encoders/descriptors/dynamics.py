"""Dynamics: how level is spread, how fast it rises, falls and pulses. Never how loud the recording is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from indexer.encoders.descriptors.clip_analysis import (
    BLOCK_FLOOR_DB,
    FRAME_RATE_HZ,
    HOP,
    Array,
    Descriptors,
    Sound,
    mel_hz,
)

PERCENTILES = (5, 10, 25, 50, 75, 90, 95)
PULSE_EDGES_HZ = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Six octaves of level modulation, from phrases to tremolo."""
BAND_EDGES_HZ = (0.0, 150.0, 400.0, 1000.0, 2500.0, 6000.0, 12_000.0)
"""Six bands whose own range of level is measured: pumping bass and gated hats differ."""
PHRASE_S = 3.0
"""Window of the loudness range, as in EBU Tech 3342."""
FALLEN_SILENT_DB = -30.0
"""A block this far under the clip's level counts as a pause."""


def dynamics(sound: Sound) -> Descriptors:
    """Everything below in one dict (32 values); levels are in dB over the clip's own level."""
    return {
        **_distribution(sound.block_db),
        **_peaks(sound.waveform),
        **_slopes(sound.block_db),
        **_pulsation(sound.block_db),
        **_band_ranges(sound),
    }


def _distribution(block_db: Array) -> Descriptors:
    levels = np.percentile(block_db, PERCENTILES)
    described = {f"level_p{percentile}": float(level) for percentile, level in zip(PERCENTILES, levels, strict=True)}
    return described | {
        "level_spread": float(block_db.std()),
        "level_range": float(levels[-1] - levels[0]),
        "low_energy": float(np.mean(block_db < 0)),
        "pauses": float(np.mean(block_db < FALLEN_SILENT_DB)),
        "phrase_range": _phrase_range_db(block_db),
    }


def _phrase_range_db(block_db: Array) -> float:
    """95th less 10th percentile of the level of overlapping windows of PHRASE_S, in dB."""
    window = round(PHRASE_S * FRAME_RATE_HZ)
    running = np.concatenate(([0.0], np.cumsum(10 ** (block_db / 10))))
    window = min(window, block_db.size)
    levels = 10 * np.log10((running[window:] - running[:-window]) / window + 10 ** (BLOCK_FLOOR_DB / 10))
    low, high = np.percentile(levels, (10, 95))
    return float(high - low)


def _peaks(waveform: Array) -> Descriptors:
    """Crest factors in dB: of the whole clip, and mean and spread of blocks of HOP samples."""
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
    """How fast level rises and falls, in dB a block; how often it rises; where in the clip its energy is."""
    slope = np.diff(np.maximum(block_db, FALLEN_SILENT_DB))
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
    """Share of the level's variation (in log10) that lies in each octave of PULSE_EDGES_HZ."""
    level = np.maximum(block_db, FALLEN_SILENT_DB)
    spectrum = np.square(np.abs(np.fft.rfft((level - level.mean()) * np.hanning(level.size))))
    rate_hz = np.fft.rfftfreq(level.size, 1 / FRAME_RATE_HZ)
    total = spectrum.sum() + 1e-9
    shares = [spectrum[(rate_hz >= low) & (rate_hz < high)].sum() / total for low, high in pairwise(PULSE_EDGES_HZ)]
    return {f"pulse_{band}": float(np.log10(share + 1e-3)) for band, share in enumerate(shares)}


def _band_ranges(sound: Sound) -> Descriptors:
    """90th less 10th percentile of the level of each band of BAND_EDGES_HZ, in dB."""
    power = 10 ** (sound.mel_db / 10)
    described = {}
    for band, (low, high) in enumerate(pairwise(BAND_EDGES_HZ)):
        level = 10 * np.log10(power[:, (mel_hz() >= low) & (mel_hz() < high)].mean(axis=1))
        bottom, top = np.percentile(level, (10, 90))
        described[f"band_range_{band}"] = float(top - bottom)
    return described
