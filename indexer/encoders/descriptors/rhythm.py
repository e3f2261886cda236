"""The rhythm layer: tempo, strength of the pulse, division and grouping of beats, onsets by part of the spectrum.

Formulas and sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from indexer.encoders.descriptors.clip_analysis import FRAME_RATE_HZ, Array, ClipAnalysis, Descriptors, Indices, mel_hz

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


PERIODICITY_EDGES_BPM = 30 * 2 ** (np.arange(17) / 4)
"""Sixteen bands of a quarter octave, 30 to 480 bpm, whose strongest periodicity is kept."""
BEAT_RATIOS = (
    ("quarter", 1 / 4),
    ("third", 1 / 3),
    ("half", 1 / 2),
    ("dotted", 3 / 2),
    ("two", 2),
    ("three", 3),
    ("four", 4),
)
"""Divisions and groups of the beat: sixteenths or triplets, two, three or four beats in the bar."""
PARTS = (("low", 0.0, 200.0), ("mid", 200.0, 2000.0), ("high", 2000.0, 12_000.0))
"""Kick and bass, voices and chords, hi-hats: name, from Hz, to Hz."""
PULSE_LAGS_S = (0.25, 1.5)
"""Beats of 40 to 240 bpm."""


def rhythm(analysis: ClipAnalysis) -> Descriptors:
    """All descriptors of this layer (42 values)."""
    envelope = onset_envelope(analysis.mel_db)
    correlation = autocorrelation(envelope)
    return {
        **_tempo(correlation),
        **_periodicity(correlation),
        **_accents(envelope),
        **_intervals(onset_frames(envelope)),
        **_parts(analysis),
    }


def _tempo(correlation: Array) -> Descriptors:
    """Tempo in octaves above 60 bpm, and its position in the octave as a point on a circle.

    On the circle 70 and 140 bpm are the same point: which of the two is the tempo is often ambiguous. The distance from
    the centre is the strength of the beat, so that an uncertain tempo has little weight.
    """
    tempo = tempo_bpm(correlation)
    beat_s = 60 / tempo
    octaves = float(np.log2(tempo / 60))
    strength = max(0.0, float(at_lag(correlation, beat_s)))
    values = {
        "tempo": octaves,
        "tempo_cosine": strength * float(np.cos(2 * np.pi * octaves)),
        "tempo_sine": strength * float(np.sin(2 * np.pi * octaves)),
        "beat_strength": strength,
    }
    return values | {f"beat_{name}": float(at_lag(correlation, ratio * beat_s)) for name, ratio in BEAT_RATIOS}


def _periodicity(correlation: Array) -> Descriptors:
    """The strongest autocorrelation in each band of PERIODICITY_EDGES_BPM."""
    values = {}
    for band, (slow, fast) in enumerate(pairwise(PERIODICITY_EDGES_BPM)):
        lags_s = 60 / np.linspace(slow, fast, 12, endpoint=False)
        values[f"periodicity_{band}"] = float(at_lag(correlation, lags_s).max())
    return values


def _accents(envelope: Array) -> Descriptors:
    """Distribution of the onset envelope: mean, variation, and the share of the strongest tenth of its frames."""
    mean = float(envelope.mean())
    strongest = np.sort(envelope)[-max(1, envelope.size // 10) :]
    return {
        "flux": float(np.log2(mean + 1e-3)),
        "flux_variation": float(np.log2(envelope.std() / (mean + 1e-3) + 1e-2)),
        "accent_share": float(strongest.sum() / (envelope.sum() + 1e-9)),
    }


def _intervals(onsets: Indices) -> Descriptors:
    """Intervals between onsets: log2 of the median in seconds, deviation over mean; 4 s and 0 below three."""
    if onsets.size < 3:
        return {"interval": 2.0, "interval_variation": 0.0}
    seconds = np.diff(onsets) / FRAME_RATE_HZ
    return {
        "interval": float(np.log2(np.median(seconds))),
        "interval_variation": float(seconds.std() / seconds.mean()),
    }


def _parts(analysis: ClipAnalysis) -> Descriptors:
    """For each of PARTS its flux, onsets per second and pulse clarity; and the correlation of the low and high part."""
    values: Descriptors = {}
    envelopes = []
    for name, low, high in PARTS:
        envelope = onset_envelope(analysis.mel_db[:, (mel_hz() >= low) & (mel_hz() < high)])
        envelopes.append(envelope)
        values[f"{name}_flux"] = float(np.log2(envelope.mean() + 1e-2))
        values[f"{name}_onset_rate"] = float(onset_frames(envelope).size / envelope.size * FRAME_RATE_HZ)
        values[f"{name}_pulse"] = _pulse_clarity(envelope)
    return values | {"low_with_high": _correlation(envelopes[0], envelopes[2])}


def _pulse_clarity(envelope: Array) -> float:
    """The highest autocorrelation at the lag of a beat.

    Lartillot and others, "Multi-feature modeling of pulse clarity", ISMIR 2008.
    """
    shortest, longest = (round(lag * FRAME_RATE_HZ) for lag in PULSE_LAGS_S)
    return float(autocorrelation(envelope)[shortest : longest + 1].max())


def _correlation(one: Array, other: Array) -> float:
    """Pearson correlation; 0 where either is constant."""
    scale = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / scale) if scale > 1e-9 else 0.0
