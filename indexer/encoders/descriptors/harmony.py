"""The harmony layer: intervals, number of notes, clarity of key, change of chords. The same in every key.

Formulas and sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.encoders.descriptors.clip_analysis import FRAME, SAMPLE_RATE_HZ, Array, ClipAnalysis, Descriptors, Indices

LOWEST_HZ = 65.4
HIGHEST_HZ = 2093.0
"""C2 to C7: below, the bins are wider than a semitone; above, there are mostly overtones."""
BASS_HZ = 262.0
"""Peaks under middle C are also counted as bass."""
PEAK_RANGE_DB = 40.0
"""Peaks more than this below the strongest of their frame are ignored."""
SEGMENT_FRAMES = 16
"""Frames in one chroma segment (0.37 s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Spectral peaks of all active frames, between LOWEST_HZ and HIGHEST_HZ; there may be none."""

    frame: Indices
    """``[peak]``."""
    pitch: Array
    """``[peak]`` semitones, MIDI numbering (A4 = 440 Hz = 69), with fractions."""
    weight: Array
    """``[peak]`` magnitude."""


def find_peaks(analysis: ClipAnalysis) -> Peaks:
    """Local maxima of each frame's spectrum, their frequency refined by a parabola through the log magnitudes.

    Gómez, "Tonal description of polyphonic audio for music content processing", 2006; the parabola: Smith and Serra,
    "PARSHL", 1987.
    """
    low, high = (round(edge * FRAME / SAMPLE_RATE_HZ) for edge in (LOWEST_HZ, HIGHEST_HZ))
    band = analysis.magnitude[:, low - 1 : high + 2]
    left, centre, right = band[:, :-2], band[:, 1:-1], band[:, 2:]
    threshold = centre.max(axis=1, keepdims=True) * 10 ** (-PEAK_RANGE_DB / 20)
    is_peak = (centre > left) & (centre >= right) & (centre > threshold) & analysis.active[:, None]
    frame, index = np.nonzero(is_peak)
    before, peak, after = (np.log(side[is_peak].astype(np.float64) + 1e-12) for side in (left, centre, right))
    # The vertex of the parabola through three equally spaced points, in bins from the middle one.
    offset = 0.5 * (before - after) / (before - 2 * peak + after)
    frequency_hz = (index + low + offset) * SAMPLE_RATE_HZ / FRAME
    return Peaks(frame=frame.astype(np.int64), pitch=69 + 12 * np.log2(frequency_hz / 440), weight=np.exp(peak))


def tuning(peaks: Peaks) -> complex:
    """Weighted mean of the peaks' offsets from the equal-tempered scale at 440 Hz, as a point in the unit circle.

    The angle is the offset (a full turn is a semitone). The length is the agreement of the peaks, from 0 (none) to 1
    (all in tune with one another). A circular mean, because an offset of +0.5 semitones is the same as one of -0.5.
    """
    total = peaks.weight.sum()
    if total == 0:
        return 0j
    return complex((peaks.weight * np.exp(2j * np.pi * peaks.pitch)).sum() / total)


def chroma(peaks: Peaks, *, frames: int) -> Array:
    """Pitch-class profile of each segment ``[segment, 12]`` float64, C first, each row summing to 1.

    The tuning offset is subtracted first, and a peak between two pitch classes is divided between both by its distance.
    Segments without a peak are left out; if no segment has one, the result is a single even row.
    """
    offset = float(np.angle(tuning(peaks))) / (2 * np.pi)
    pitch = peaks.pitch - offset
    lower = np.floor(pitch).astype(np.int64)
    fraction = pitch - lower
    segment = peaks.frame // SEGMENT_FRAMES
    size = (frames // SEGMENT_FRAMES + 1) * 12
    profile = np.bincount(segment * 12 + lower % 12, weights=peaks.weight * (1 - fraction), minlength=size)
    profile += np.bincount(segment * 12 + (lower + 1) % 12, weights=peaks.weight * fraction, minlength=size)
    rows = profile.reshape(-1, 12)
    total = rows.sum(axis=1, keepdims=True)
    has_peak = total[:, 0] > 0
    return rows[has_peak] / total[has_peak] if has_peak.any() else np.full((1, 12), 1 / 12)


def bass(peaks: Peaks) -> Peaks:
    """The peaks below BASS_HZ."""
    low = peaks.pitch < 69 + 12 * np.log2(BASS_HZ / 440)
    return Peaks(frame=peaks.frame[low], pitch=peaks.pitch[low], weight=peaks.weight[low])


MAJOR_KEY = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_KEY = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""Probe-tone profiles, tonic first: Krumhansl, "Cognitive Foundations of Musical Pitch", 1990, table 2.1."""
CHANGE_LAGS = (1, 2, 4, 8, 16)
"""Distances, in segments of 0.37 s, at which change is measured: from passing notes to phrases."""


def harmony(analysis: ClipAnalysis) -> Descriptors:
    """All descriptors of this layer (37 values). Transposing the music changes each of them little."""
    peaks = find_peaks(analysis)
    segments = chroma(peaks, frames=analysis.active.size)
    return {
        **_intervals(segments),
        **_keys(segments.mean(axis=0)),
        **_evenness(segments),
        **_changes(segments),
        **_bass(peaks, frames=analysis.active.size),
        **_texture(peaks, analysis),
    }


def interval_content(profile: Array) -> Array:
    """Magnitudes of Fourier coefficients 1 to 6 of a pitch-class profile, ``[..., 12] -> [..., 6]``, 0 to 1.

    Transposition rotates a profile, which changes only the phase of its coefficients. Coefficient 1 is chromatic
    clustering, 3 major thirds, 4 minor thirds, 5 fifths (diatonic), 6 the whole-tone scale: Quinn, "General
    equal-tempered harmony", 2006; Yust, "Special collections", 2016. The complex coefficients 3, 4 and 5 are the
    tonnetz of Harte, Sandler and Gasser, "Detecting harmonic change in musical audio", 2006, up to scale.
    """
    return np.abs(np.fft.rfft(profile, axis=-1))[..., 1:]


def key_correlations(profile: Array) -> Array:
    """Pearson correlation of ``profile`` with the 12 major and the 12 minor keys ``[2, 12]``; 0 for an even profile."""
    centred = profile - profile.mean()
    length = np.linalg.norm(centred)
    if length < 1e-9:
        return np.zeros((2, 12))
    keys = np.array([[np.roll(mode, tonic) for tonic in range(12)] for mode in (MAJOR_KEY, MINOR_KEY)])
    keys = keys - keys.mean(axis=2, keepdims=True)
    return np.asarray(keys @ centred / (np.linalg.norm(keys, axis=2) * length))


def _intervals(segments: Array) -> Descriptors:
    """Interval content of the whole clip, and its mean and standard deviation over the segments."""
    whole = interval_content(segments.mean(axis=0))
    chords = interval_content(segments)
    measures = (("whole", whole), ("chord", chords.mean(axis=0)), ("spread", chords.std(axis=0)))
    return {
        f"interval_{order}_{measure}": float(values[order - 1]) for measure, values in measures for order in range(1, 7)
    }


def _keys(profile: Array) -> Descriptors:
    """The correlation of the best key, and of the best major key minus that of the best minor key."""
    major, minor = key_correlations(profile).max(axis=1)
    return {"key_clarity": float(max(major, minor)), "major_not_minor": float(major - minor)}


def _evenness(segments: Array) -> Descriptors:
    """Entropy of pitch classes, 0 (one note) to 1 (all twelve equal), of the whole clip and of its segments."""
    chords = _entropy(segments)
    return {
        "entropy_whole": float(_entropy(segments.mean(axis=0))),
        "entropy_chord": float(chords.mean()),
        "entropy_spread": float(chords.std()),
    }


def _changes(segments: Array) -> Descriptors:
    """Mean cosine distance of chroma at each of CHANGE_LAGS, and mean and deviation of the steps in the tonnetz."""
    unit = segments / np.linalg.norm(segments, axis=1, keepdims=True)
    changes = {f"change_{lag}": _distance_at(unit, lag) for lag in CHANGE_LAGS}
    tonnetz = np.fft.rfft(segments, axis=1)[:, 3:6]
    step = np.linalg.norm(np.diff(tonnetz, axis=0), axis=1) if len(segments) > 1 else np.zeros(1)
    return changes | {"tonnetz_step_mean": float(step.mean()), "tonnetz_step_spread": float(step.std())}


def _bass(peaks: Peaks, *, frames: int) -> Descriptors:
    """Entropy and change of the pitch classes of the bass, and its share of the weight of all peaks."""
    low = bass(peaks)
    segments = chroma(low, frames=frames)
    unit = segments / np.linalg.norm(segments, axis=1, keepdims=True)
    share = low.weight.sum() / max(peaks.weight.sum(), 1e-12)
    return {
        "bass_entropy": float(_entropy(segments.mean(axis=0))),
        "bass_change": _distance_at(unit, 1),
        "bass_share": float(share),
    }


def _texture(peaks: Peaks, analysis: ClipAnalysis) -> Descriptors:
    """Number of peaks per frame, how well they are in tune with one another, and their distance from 440 Hz."""
    counts = np.bincount(peaks.frame, minlength=analysis.active.size)[analysis.active]
    tuned = tuning(peaks)
    return {
        "peaks_mean": float(np.log2(1 + counts.mean())),
        "peaks_spread": float(np.log2(1 + counts.std())),
        "in_tune": abs(tuned),
        "off_440": float(abs(np.angle(tuned)) / np.pi * abs(tuned)),
    }


def _entropy(profile: Array) -> Array:
    """Shannon entropy over the last axis, divided by log 12, the entropy of twelve equal classes."""
    safe = np.maximum(profile, 1e-12)
    return np.asarray(-(profile * np.log(safe)).sum(axis=-1) / np.log(12))


def _distance_at(unit: Array, lag: int) -> float:
    """Mean cosine distance of rows ``lag`` apart; 0 when there are too few."""
    if len(unit) <= lag:
        return 0.0
    return float(1 - (unit[lag:] * unit[:-lag]).sum(axis=1).mean())
