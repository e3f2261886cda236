"""The analysis of a clip that all descriptors share: its waveform at unit level, one STFT, mel bands, block levels.

No product of large matrices goes through BLAS, whose last bit depends on its number of threads: a clip's embedding is
the same to the bit for any number of threads. Formulas and sources: docs/methods.md, "Descriptors".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import librosa
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput
from recommender.types import Waveform

SAMPLE_RATE_HZ = 22_050
FRAME = 2048
"""Samples in one STFT frame (93 ms), Hann window."""
HOP = 512
"""Samples from frame to frame, and in one block of level (23 ms)."""
FRAME_RATE_HZ = SAMPLE_RATE_HZ / HOP
MEL_BANDS = 64
FLOOR_DB = -80.0
"""Lowest mel level, relative to the loudest of the clip."""
ACTIVE_DB = -50.0
"""Frames below this, relative to the loudest frame, are left out of timbre and harmony: too quiet to matter."""
BLOCK_FLOOR_DB = -60.0
"""Lowest block level, relative to the RMS level of the clip."""
MIN_DURATION_S = 1.0

Array: TypeAlias = npt.NDArray[np.floating]
"""float32 or float64; the axes are given where it is used."""

Indices: TypeAlias = npt.NDArray[np.int64]
"""Indices of frames or samples."""

Descriptors: TypeAlias = dict[str, float]
"""Name of a descriptor -> its value for one clip; always finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipAnalysis:
    """What the descriptors of one clip are computed from. Nothing in it depends on the level of the recording."""

    waveform: Array
    """``[sample]`` float32, mean 0, RMS 1."""
    magnitude: Array
    """``[frame, bin]`` float32, of the STFT; every frame lies wholly inside the clip."""
    mel_db: Array
    """``[frame, band]`` float32, dB under the clip's loudest mel band, from FLOOR_DB to 0."""
    active: npt.NDArray[np.bool_]
    """``[frame]``: whether the frame is within ACTIVE_DB of the loudest; at least one is."""
    block_db: Array
    """``[block]`` float64, level of HOP samples in dB relative to the clip's RMS level, at least BLOCK_FLOOR_DB."""


def analyse(clip: Waveform) -> ClipAnalysis:
    """Analyse ``clip``, ``[sample]`` at SAMPLE_RATE_HZ, MIN_DURATION_S or longer.

    Raises:
        BadInput: ``too_short``, ``non_finite`` or ``silent`` (constant).
    """
    waveform = _at_unit_level(clip)
    magnitude = stft_magnitude(waveform)
    power = np.square(magnitude)
    loudness = power.sum(axis=1, dtype=np.float64)
    return ClipAnalysis(
        waveform=waveform,
        magnitude=magnitude,
        mel_db=_mel_db(power),
        active=loudness >= loudness.max() * 10 ** (ACTIVE_DB / 10),
        block_db=_block_db(waveform),
    )


def stft_magnitude(waveform: Array) -> Array:
    """Magnitudes ``[frame, bin]`` float32 of Hann-windowed frames that lie wholly inside ``waveform``.

    The same numbers as ``librosa.stft(…, center=False)``, which is not used because importing it compiles code for 14 s
    on a fresh machine.
    """
    # The periodic Hann window, as STFTs use: its denominator is FRAME, not FRAME - 1.
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FRAME)[::HOP]
    return np.abs(np.fft.rfft(frames * window, axis=1))


@cache
def bin_hz() -> Array:
    """Centre frequency of each STFT bin ``[bin]``."""
    return np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE_HZ)


@cache
def mel_filters() -> csr_array:
    """Mel filter bank ``[band, bin]`` float32, Slaney's scale and area normalisation (librosa's default)."""
    return csr_array(librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=FRAME, n_mels=MEL_BANDS))


@cache
def mel_hz() -> Array:
    """Centre frequency of each mel band ``[band]``."""
    return np.asarray(bin_hz()[mel_filters().toarray().argmax(axis=1)])


def _at_unit_level(clip: Waveform) -> Array:
    samples = np.array(clip, dtype=np.float64)
    if samples.size < MIN_DURATION_S * SAMPLE_RATE_HZ:
        raise BadInput(
            Reason.TOO_SHORT, f"{samples.size / SAMPLE_RATE_HZ:.2f} s; descriptors need {MIN_DURATION_S:g} s"
        )
    if not np.isfinite(samples).all():
        raise BadInput(Reason.NON_FINITE, "the waveform has NaN or infinity")
    peak = np.abs(samples).max()
    samples -= samples.mean()
    level = np.sqrt(np.mean(np.square(samples)))
    # Compared with the peak before the mean was subtracted: rounding alone leaves about 1e-16 of that.
    if level <= peak * 1e-9:
        raise BadInput(Reason.SILENT, "the waveform is constant")
    return np.asarray(samples / level, dtype=np.float32)


def _mel_db(power: Array) -> Array:
    # The filter bank is sparse, so this product does not go through BLAS.
    mel = np.ascontiguousarray((mel_filters() @ power.T).T)
    loudest = mel.max()
    return np.asarray(10 * np.log10(np.maximum(mel / loudest, 10 ** (FLOOR_DB / 10))))


def _block_db(waveform: Array) -> Array:
    whole = waveform.size // HOP * HOP
    power = np.square(waveform[:whole].reshape(-1, HOP).astype(np.float64)).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (BLOCK_FLOOR_DB / 10))))
