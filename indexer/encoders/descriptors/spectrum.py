"""Spectral shape: how bright, wide, noisy, peaky and balanced the spectrum is, and how much that varies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from indexer.encoders.descriptors.clip_analysis import (
    FLOOR_DB,
    FRAME,
    HOP,
    SAMPLE_RATE_HZ,
    Array,
    Descriptors,
    Sound,
    bin_hz,
)

CONTRAST_EDGES_HZ = (0.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, SAMPLE_RATE_HZ / 2)
"""Seven octave bands for spectral contrast (Jiang and others 2002; librosa's default edges)."""
BALANCE_EDGES_HZ = (20.0, 60.0, 120.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, SAMPLE_RATE_HZ / 2)
"""Nine bands, about an octave each, for the balance of the long-term spectrum."""
CONTRAST_SHARE = 0.1
"""Share of a band's bins that make its peaks and its valleys."""
BALANCE_FLOOR = 1e-6
"""Least share of the power that a band is said to have (-60 dB)."""


def spectral_shape(sound: Sound) -> Descriptors:
    """Means and spreads over the active frames of each measure, and the balance of bands (35 values).

    Frequencies are in octaves over 1 Hz, because that is how brightness is heard. The functions below take magnitudes
    that are all positive: bins are held at FLOOR_DB under the clip's strongest, as the mel levels are.
    """
    loudest = float(sound.magnitude.max())
    magnitude = np.maximum(sound.magnitude[sound.active].astype(np.float64), loudest * 10 ** (FLOOR_DB / 20))
    middle = centroid_hz(magnitude)
    curves = {
        "centroid": _octaves(middle),
        "bandwidth": _octaves(bandwidth_hz(magnitude, middle)),
        "rolloff_85": _octaves(rolloff_hz(magnitude, 0.85)),
        "rolloff_50": _octaves(rolloff_hz(magnitude, 0.5)),
        "flatness": np.log10(flatness(magnitude)),
        "zero_crossings": np.log2(1 + _zero_crossing_rate_hz(sound)),
    }
    contrast = contrast_db(magnitude)
    curves |= {f"contrast_{band}": contrast[:, band] for band in range(contrast.shape[1])}
    described = {f"{name}_mean": float(curve.mean()) for name, curve in curves.items()}
    described |= {f"{name}_spread": float(curve.std()) for name, curve in curves.items()}
    balance = balance_db(magnitude)
    return described | {f"balance_{band}": float(level) for band, level in enumerate(balance)}


def centroid_hz(magnitude: Array) -> Array:
    """Centre of mass of the magnitude spectrum, in Hz. ``[frame, bin] -> [frame]``."""
    return _mean_over_bins(magnitude, bin_hz())


def bandwidth_hz(magnitude: Array, centre_hz: Array) -> Array:
    """Magnitude-weighted standard deviation of frequency about ``centre_hz``, in Hz. ``[frame]``."""
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
    """Level of the peaks over the level of the valleys in each octave band, in dB. ``[frame, band]``.

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


def _zero_crossing_rate_hz(sound: Sound) -> Array:
    """Sign changes per second in each active frame ``[frame]``."""
    crossings = np.concatenate(([0], np.cumsum(np.diff(np.signbit(sound.waveform)))))
    starts = np.flatnonzero(sound.active) * HOP
    return (crossings[starts + FRAME - 1] - crossings[starts]) * (SAMPLE_RATE_HZ / FRAME)


def _mean_over_bins(magnitude: Array, values: Array) -> Array:
    """Mean of ``values [bin]`` weighted by each frame's magnitudes ``[frame]``."""
    return np.asarray(np.einsum("fb,b->f", magnitude, values) / magnitude.sum(axis=1))


def _octaves(frequency_hz: Array) -> Array:
    return np.log2(np.maximum(frequency_hz, 20.0))
