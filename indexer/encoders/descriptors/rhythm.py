"""The rhythm layer: tempo, strength of the pulse, division and grouping of beats, onsets by part of the spectrum.

Formulas and sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from indexer.encoders.descriptors.clip_analysis import FRAME_RATE_HZ, Array, ClipAnalysis, Descriptors, Indices, mel_hz
from indexer.encoders.descriptors.onsets import at_lag, autocorrelation, onset_envelope, onset_frames, tempo_bpm

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
