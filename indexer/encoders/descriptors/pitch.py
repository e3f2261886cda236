"""Spectral peaks, tuning and chroma of a clip: what the harmony layer is computed from.

Sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.encoders.descriptors.clip_analysis import FRAME, SAMPLE_RATE_HZ, Array, ClipAnalysis, Indices

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
