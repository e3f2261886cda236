"""Onset envelope, its autocorrelation and its tempo: what the rhythm layer is computed from.

Sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

import numpy as np

from indexer.encoders.descriptors.clip_analysis import FRAME_RATE_HZ, Array, Indices

ONSET_FLOOR_DB = -60.0
"""Lower mel levels are raised to this, so that noise far below the music makes no onsets."""
MAX_LAG_S = 4.0
"""Four beats at 60 bpm; for slower tempi the autocorrelation at four beats counts as zero."""
TEMPI_BPM = 40 * 2 ** (np.arange(125) / 48)
"""Tempi that are tried: 40 to 240 bpm, 48 an octave (1.5 % apart)."""
PRIOR_BPM = 120.0
PRIOR_OCTAVES = 1.0
"""Tempi are weighted by a Gaussian in octaves around 120 bpm: Ellis, "Beat tracking by dynamic programming", 2007."""
BEAT_LEVELS = ((1, 1.0), (2, 0.5), (4, 0.5))
"""A tempo scores by the autocorrelation at one, two and four beats: (beats, weight). Without the four, patterns of
three sixteenths score higher than the beat of dance music."""
PEAK_SPAN = 3
"""An onset is the highest frame among this many on either side (70 ms) …"""
PEAK_MEAN_SPAN = 22
"""… and at least half a standard deviation above the mean of this many on either side (0.5 s)."""


def onset_envelope(mel_db: Array) -> Array:
    """Mean rise of the mel levels from frame to frame, in dB. ``[frame, band] -> [frame - 1]`` float64, >= 0."""
    levels = np.maximum(mel_db, ONSET_FLOOR_DB)
    return np.asarray(np.maximum(np.diff(levels, axis=0), 0).mean(axis=1, dtype=np.float64))


def autocorrelation(envelope: Array) -> Array:
    """Autocorrelation of ``envelope`` minus its mean ``[lag]``, 1 at lag 0, up to MAX_LAG_S.

    Each lag is averaged over the pairs that it has, so that a short clip is not damped. A constant envelope gives zeros
    after lag 0; lags longer than half the clip are zero.
    """
    size = envelope.size
    lags = round(MAX_LAG_S * FRAME_RATE_HZ) + 1
    centred = envelope - envelope.mean()
    # Wiener-Khinchin: the inverse transform of the power spectrum; at twice the length, so that nothing wraps round.
    power = np.square(np.abs(np.fft.rfft(centred, n=2 * size)))
    pairs = np.fft.irfft(power)[: min(lags, size // 2)]
    result = np.zeros(lags)
    result[0] = 1.0
    if pairs[0] > 1e-9 * size:
        result[: pairs.size] = pairs / pairs[0] * size / (size - np.arange(pairs.size))
    return result


def at_lag(correlation: Array, lag_s: Array | float) -> Array:
    """``correlation`` at lags in seconds, linearly interpolated between frames; 0 beyond the last."""
    return np.interp(np.multiply(lag_s, FRAME_RATE_HZ), np.arange(correlation.size), correlation, right=0.0)


def tempo_bpm(correlation: Array) -> float:
    """The tempo with the highest autocorrelation at BEAT_LEVELS, weighted by the prior; 120 when nothing repeats."""
    beat_s = 60 / TEMPI_BPM
    strength = sum(weight * at_lag(correlation, beats * beat_s) for beats, weight in BEAT_LEVELS)
    prior = np.exp(-0.5 * np.square(np.log2(TEMPI_BPM / PRIOR_BPM) / PRIOR_OCTAVES))
    weighted = np.maximum(strength, 0) * prior
    return float(TEMPI_BPM[weighted.argmax()]) if weighted.max() > 0 else PRIOR_BPM


def onset_frames(envelope: Array) -> Indices:
    """Frames of the onsets ``[onset]``, in order: local maxima well above their surroundings."""
    highest = _running(envelope, PEAK_SPAN).max(axis=1)
    around = _running(envelope, PEAK_MEAN_SPAN).mean(axis=1)
    is_onset = (envelope >= highest) & (envelope > around + 0.5 * envelope.std()) & (envelope > 0)
    return np.flatnonzero(is_onset).astype(np.int64)


def _running(envelope: Array, span: int) -> Array:
    """Windows ``[frame, 2 * span + 1]`` centred on each frame, the ends repeated."""
    padded = np.pad(envelope, span, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * span + 1)
