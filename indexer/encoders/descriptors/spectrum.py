"""The spectral shape layer: brightness, width, noisiness, contrast and balance of the spectrum, and their variation.

Formulas and sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from indexer.encoders.descriptors.clip_analysis import (
    FLOOR_DB,
    FRAME,
    HOP,
    SAMPLE_RATE_HZ,
    Array,
    ClipAnalysis,
    Descriptors,
    bin_hz,
)

CONTRAST_EDGES_HZ = (0.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, SAMPLE_RATE_HZ / 2)
"""Seven octave bands for spectral contrast (Jiang and others, "Music type classification by spectral contrast feature",
2002; the edges are librosa's default)."""
BALANCE_EDGES_HZ = (20.0, 60.0, 120.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, SAMPLE_RATE_HZ / 2)
"""Nine bands, about an octave each, for the balance of the long-term spectrum."""
CONTRAST_SHARE = 0.1
"""Share of the bins of a band that are averaged for its peak, and for its valley."""
BALANCE_FLOOR = 1e-6
"""Lowest share of the power of a band (-60 dB)."""


def spectral_shape(analysis: ClipAnalysis) -> Descriptors:
    """Mean and standard deviation of each measure over the active frames, and the balance of bands (35 values).

    Frequencies are log2 of Hz, because equal ratios of frequency sound like equal steps of brightness. The functions
    below need magnitudes that are all positive: bins are raised to FLOOR_DB below the strongest, like mel levels.
    """
    loudest = float(analysis.magnitude.max())
    magnitude = np.maximum(analysis.magnitude[analysis.active].astype(np.float64), loudest * 10 ** (FLOOR_DB / 20))
    centroid = centroid_hz(magnitude)
    curves = {
        "centroid": _octaves(centroid),
        "bandwidth": _octaves(bandwidth_hz(magnitude, centroid)),
        "rolloff_85": _octaves(rolloff_hz(magnitude, 0.85)),
        "rolloff_50": _octaves(rolloff_hz(magnitude, 0.5)),
        "flatness": np.log10(flatness(magnitude)),
        "zero_crossings": np.log2(1 + _zero_crossing_rate_hz(analysis)),
    }
    contrast = contrast_db(magnitude)
    curves |= {f"contrast_{band}": contrast[:, band] for band in range(contrast.shape[1])}
    values = {f"{name}_mean": float(curve.mean()) for name, curve in curves.items()}
    values |= {f"{name}_spread": float(curve.std()) for name, curve in curves.items()}
    balance = balance_db(magnitude)
    return values | {f"balance_{band}": float(level) for band, level in enumerate(balance)}


def centroid_hz(magnitude: Array) -> Array:
    """Centre of mass of the magnitude spectrum, in Hz. ``[frame, bin] -> [frame]``."""
    return _mean_over_bins(magnitude, bin_hz())


def bandwidth_hz(magnitude: Array, centre_hz: Array) -> Array:
    """Magnitude-weighted standard deviation of frequency about ``centre_hz``, in Hz. ``[frame]``."""
    # The variance is the mean square minus the square of the mean; rounding can make it slightly negative.
    second = _mean_over_bins(magnitude, np.square(bin_hz()))
    return np.asarray(np.sqrt(np.maximum(second - np.square(centre_hz), 0)))


def rolloff_hz(magnitude: Array, share: float) -> Array:
    """Frequency below which ``share`` of the summed magnitude lies, in Hz. ``[frame]``."""
    running = np.cumsum(magnitude, axis=1)
    return np.asarray(bin_hz()[(running < share * running[:, -1:]).sum(axis=1)])


def flatness(magnitude: Array) -> Array:
    """Geometric over arithmetic mean of the power spectrum: 1 for white, toward 0 for tones. ``[frame]``."""
    power = np.square(magnitude)
    return np.asarray(np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1))


def contrast_db(magnitude: Array) -> Array:
    """Level of the peaks minus level of the valleys in each octave band, in dB. ``[frame, band]``.

    Peaks and valleys are the means of the strongest and of the weakest tenth of a band's bins.
    """
    bands = []
    for low, high in pairwise(CONTRAST_EDGES_HZ):
        band = np.sort(magnitude[:, (bin_hz() >= low) & (bin_hz() < high)], axis=1)
        count = max(1, round(CONTRAST_SHARE * band.shape[1]))
        peak, valley = band[:, -count:].mean(axis=1), band[:, :count].mean(axis=1)
        bands.append(20 * np.log10(peak / valley))
    return np.stack(bands, axis=1)


def balance_db(magnitude: Array) -> Array:
    """Share of the clip's power in each band of BALANCE_EDGES_HZ, in dB. ``[band]``."""
    power = np.square(magnitude).mean(axis=0)
    edges = np.searchsorted(bin_hz(), BALANCE_EDGES_HZ)
    shares = np.add.reduceat(power[: edges[-1]], edges[:-1]) / power.sum()
    return np.asarray(10 * np.log10(np.maximum(shares, BALANCE_FLOOR)))


def _zero_crossing_rate_hz(analysis: ClipAnalysis) -> Array:
    """Sign changes per second in each active frame ``[frame]``."""
    crossings = np.concatenate(([0], np.cumsum(np.diff(np.signbit(analysis.waveform)))))
    starts = np.flatnonzero(analysis.active) * HOP
    return (crossings[starts + FRAME - 1] - crossings[starts]) * (SAMPLE_RATE_HZ / FRAME)


def _mean_over_bins(magnitude: Array, values: Array) -> Array:
    """Mean of ``values [bin]`` weighted by each frame's magnitudes ``[frame]``."""
    return np.asarray(np.einsum("fb,b->f", magnitude, values) / magnitude.sum(axis=1))


def _octaves(frequency_hz: Array) -> Array:
    return np.log2(np.maximum(frequency_hz, 20.0))
