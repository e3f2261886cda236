"""Timbre: the shape of the spectral envelope and how it moves, as mel-frequency cepstral coefficients."""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

from indexer.encoders.descriptors.clip_analysis import Array, Descriptors, Sound

COEFFICIENTS = range(1, 14)
"""MFCC 1 to 13. Coefficient 0 is the level and says nothing of timbre."""


def timbre(sound: Sound) -> Descriptors:
    """Mean, spread and mean absolute frame-to-frame change of each coefficient, over the active frames (39 values)."""
    coefficients = mfcc(sound)
    heard = coefficients[sound.active]
    motion = np.abs(np.diff(coefficients, axis=0))[sound.active[1:]]
    change = motion.mean(axis=0) if motion.size else np.zeros(len(COEFFICIENTS))
    measures = (("mean", heard.mean(axis=0)), ("spread", heard.std(axis=0)), ("change", change))
    return {
        f"mfcc_{number}_{measure}": float(values[index])
        for measure, values in measures
        for index, number in enumerate(COEFFICIENTS)
    }


def mfcc(sound: Sound) -> Array:
    """MFCC ``[frame, coefficient]`` float64 of COEFFICIENTS: orthonormal DCT-II of the mel levels in dB.

    Davis and Mermelstein 1980; Logan, "Mel frequency cepstral coefficients for music modeling", ISMIR 2000.
    """
    cepstrum: Array = dct(sound.mel_db.astype(np.float64), type=2, norm="ortho", axis=1)
    return cepstrum[:, COEFFICIENTS.start : COEFFICIENTS.stop]
