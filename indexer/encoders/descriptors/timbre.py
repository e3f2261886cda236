"""The timbre layer: the spectral envelope and its change, as mel-frequency cepstral coefficients (MFCC)."""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

from indexer.encoders.descriptors.clip_analysis import Array, ClipAnalysis, Descriptors

COEFFICIENTS = range(1, 14)
"""MFCC 1 to 13. Coefficient 0 is the level, which is not timbre."""


def timbre(analysis: ClipAnalysis) -> Descriptors:
    """Mean, deviation and mean absolute change between frames of each coefficient, in the active frames (39 values)."""
    coefficients = mfcc(analysis)
    active = coefficients[analysis.active]
    motion = np.abs(np.diff(coefficients, axis=0))[analysis.active[1:]]
    change = motion.mean(axis=0) if motion.size else np.zeros(len(COEFFICIENTS))
    measures = (("mean", active.mean(axis=0)), ("spread", active.std(axis=0)), ("change", change))
    return {
        f"mfcc_{number}_{measure}": float(values[index])
        for measure, values in measures
        for index, number in enumerate(COEFFICIENTS)
    }


def mfcc(analysis: ClipAnalysis) -> Array:
    """MFCC ``[frame, coefficient]`` float64 of COEFFICIENTS: orthonormal DCT-II of the mel levels in dB.

    Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word recognition", 1980; Logan,
    "Mel frequency cepstral coefficients for music modeling", ISMIR 2000.
    """
    cepstrum: Array = dct(analysis.mel_db.astype(np.float64), type=2, norm="ortho", axis=1)
    return cepstrum[:, COEFFICIENTS.start : COEFFICIENTS.stop]
