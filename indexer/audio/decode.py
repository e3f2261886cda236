"""An audio file to a mono waveform: chooses the excerpt, decodes and resamples it, and refuses what is unusable."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import soxr

from indexer.audio.audible_window import SILENCE_DBFS, other_windows
from indexer.audio.containers import AUDIO_SUFFIXES, IGNORED_SUFFIXES, looks_like_audio
from indexer.audio.decoder_base import (
    MAX_PAD_MS,
    MAX_SAMPLE_RATE_HZ,
    MIN_SAMPLE_RATE_HZ,
    AudioInfo,
    Excerpt,
    Mix,
    Passage,
    Sound,
    downmix,
    samples_in,
)
from indexer.audio.decoders.second_opinion import decoder_for
from indexer.audio.rejection_reasons import Reason
from indexer.audio.safe_open import open_regular, reading
from indexer.audio.sound_range import find_sound
from recommender.errors import BadInput, InvalidArgument
from recommender.types import Waveform

__all__ = [
    "AUDIO_SUFFIXES",
    "EXCERPT_MS",
    "EXCERPT_POLICY",
    "IGNORED_SUFFIXES",
    "MAX_DURATION_S",
    "MIN_DURATION_S",
    "PREPROCESSING",
    "SILENCE_DBFS",
    "AudioInfo",
    "Excerpt",
    "Reason",
    "choose_excerpt",
    "decode",
    "decode_audible",
    "decode_open",
    "looks_like_audio",
    "probe",
    "probe_open",
    "require_rate",
]

EXCERPT_POLICY = "middle30"
"""Name of the rule in :func:`choose_excerpt`; recorded with every clip."""

PREPROCESSING = f"1:mean-downmix:soxr-hq:{EXCERPT_POLICY}"
"""Version of all steps between file and encoder. Part of every space: change the number when a waveform changes."""

EXCERPT_MS = 30_000
MIN_DURATION_S = 5.0
MAX_DURATION_S = 6 * 3600.0
"""Six hours: a long DJ set. AAC and m4a are decoded from their start, so a longer file takes more time."""

_WHOLE_FILE_MS = 30_500
"""Up to here a file is a clip already: published clips of 30 s are a little longer by the padding of their codec."""
_MAX_SAMPLE = 1e6
"""In multiples of full scale. Loud float files pass 1; a million can only be damage."""
_EDGES_PER_S = 20
"""The level is measured without the first and last 1/20 s, where the resampler rings if the signal has an offset."""


def choose_excerpt(duration_s: float) -> Excerpt:
    """The part of a file of ``duration_s`` seconds that is embedded: one rule for every file.

    Files up to 30.5 s are clips already: from 0, at most 30 s. Longer ones: the 30 s in the middle, after the intro and
    before the fade-out. The start is floored to a whole second, so that two readings of the length that differ by
    milliseconds give the same clip, and so that the start is a whole sample at any rate.

    Raises BadInput ``too_short`` or ``too_long``.

    >>> choose_excerpt(12.5), choose_excerpt(30.4).length_ms, choose_excerpt(185.0)
    (Excerpt(start_ms=0, length_ms=12500), 30000, Excerpt(start_ms=77000, length_ms=30000))
    """
    _require_duration(duration_s)
    duration_ms = int(duration_s * 1000 + 1e-6)
    if duration_ms <= _WHOLE_FILE_MS:
        return Excerpt(start_ms=0, length_ms=min(EXCERPT_MS, duration_ms))
    return Excerpt(start_ms=(duration_ms - EXCERPT_MS) // 2000 * 1000, length_ms=EXCERPT_MS)


def probe(path: Path) -> AudioInfo:
    """Duration, rate and channels of an audio file, from its header where that can be trusted.

    Raises BadInput with a :class:`indexer.audio.rejection_reasons.Reason`; among them ``too_short`` and ``too_long``.
    """
    with open_regular(path) as file:
        return probe_open(file)


def probe_open(file: BinaryIO) -> AudioInfo:
    """:func:`probe` for a file that :func:`indexer.audio.safe_open.open_regular` has opened."""
    with reading():
        sound = Sound(file=file, range=find_sound(file))
        info = decoder_for(sound).info(sound)
    _require_duration(info.duration_s)
    return info


def decode(path: Path, *, excerpt: Excerpt, sample_rate_hz: int) -> Waveform:
    """Decode ``excerpt`` of a file to mono at ``sample_rate_hz``: exactly ``round(length * rate)`` samples, float32.

    Channels are averaged; the rate is converted by soxr at quality HQ (docs/methods.md, "Audio files"). What the
    resampler gives beyond the exact length is cut. Up to 50 ms that are missing at the end, as in files whose last
    codec block is shorter than announced, are zeros. If more is missing the file is ``truncated``.

    Raises BadInput with a reason of ``rejection_reasons``; InvalidArgument for a rate outside 4-384 kHz.
    """
    with open_regular(path) as file:
        return decode_open(file, excerpt=excerpt, sample_rate_hz=sample_rate_hz)


def decode_open(file: BinaryIO, *, excerpt: Excerpt, sample_rate_hz: int) -> Waveform:
    """:func:`decode` for a file that :func:`indexer.audio.safe_open.open_regular` has opened."""
    require_rate(sample_rate_hz)
    _require_duration(excerpt.length_ms / 1000)
    with reading():
        return decode_sound(Sound(file=file, range=find_sound(file)), excerpt=excerpt, sample_rate_hz=sample_rate_hz)


def decode_audible(file: BinaryIO, *, excerpt: Excerpt, sample_rate_hz: int) -> Waveform:
    """:func:`decode_open`, but where ``excerpt`` is silent another part of the sound, or one channel, is taken.

    Tried in this order: the excerpt; its loudest channel, for channels that cancel each other in the mean; the windows
    of the same length at a quarter and at three quarters of the sound; the first window that is loud by the second. The
    choice depends on the sound alone (docs/methods.md, "Audio files").

    Raises BadInput as :func:`decode` does; ``silent`` only when nothing was audible anywhere.
    """
    try:
        return decode_open(file, excerpt=excerpt, sample_rate_hz=sample_rate_hz)
    except BadInput as error:
        if error.reason != Reason.SILENT:
            raise
        silent = error
    with reading():
        waveform = _decode_elsewhere(Sound(file=file, range=find_sound(file)), excerpt, sample_rate_hz)
    if waveform is None:
        raise silent
    return waveform


def _decode_elsewhere(sound: Sound, silent: Excerpt, sample_rate_hz: int) -> Waveform | None:
    """The first window that is audible; None if none is."""
    for window, mix in other_windows(sound, silent):
        try:
            return decode_sound(sound, excerpt=window, sample_rate_hz=sample_rate_hz, mix=mix)
        except BadInput as error:
            if error.reason not in (Reason.SILENT, Reason.TRUNCATED):
                raise
    return None


def decode_sound(sound: Sound, *, excerpt: Excerpt, sample_rate_hz: int, mix: Mix = downmix) -> Waveform:
    """:func:`decode` for a sound that was found in an open file, with another way to make one channel."""
    passage = decoder_for(sound).read(sound, excerpt=excerpt, mix=mix)
    _require_complete(passage, excerpt)
    _require_finite(passage.samples)
    samples = _resample(passage, sample_rate_hz)
    edge = sample_rate_hz // _EDGES_PER_S
    _require_audible(samples[edge:-edge])
    return _fit(samples, samples_in(excerpt.length_ms, sample_rate_hz))


def require_rate(sample_rate_hz: int) -> None:
    """Raise InvalidArgument for a rate to decode to that is outside 4-384 kHz."""
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        problem = f"{sample_rate_hz} is outside {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}"
        raise InvalidArgument("sample_rate_hz", problem)


def _require_duration(duration_s: float) -> None:
    if not duration_s >= MIN_DURATION_S:
        raise BadInput(Reason.TOO_SHORT, f"{duration_s:.2f} s of sound; at least {MIN_DURATION_S:g} s are needed")
    if duration_s > MAX_DURATION_S:
        detail = f"{duration_s / 3600:.1f} h of sound; up to {MAX_DURATION_S / 3600:g} h are read, split it"
        raise BadInput(Reason.TOO_LONG, detail)


def _require_complete(passage: Passage, excerpt: Excerpt) -> None:
    needed = samples_in(excerpt.length_ms - MAX_PAD_MS, passage.sample_rate_hz)
    if len(passage.samples) >= needed:
        return
    decoded_s = len(passage.samples) / passage.sample_rate_hz
    message = f" ({passage.decoder_message.strip()})" if passage.decoder_message else ""
    detail = f"{decoded_s:.2f} s of {excerpt.length_ms / 1000:.2f} s could be decoded{message}; fetch the file again"
    raise BadInput(Reason.TRUNCATED, detail)


def _require_finite(samples: Waveform) -> None:
    # "not <=" and not ">": every comparison with NaN is false, so this counts NaN as well.
    bad = int(np.count_nonzero(~(np.abs(samples) <= _MAX_SAMPLE)))
    if bad:
        detail = f"{bad} samples are NaN, infinite or beyond {_MAX_SAMPLE:g} times full scale; export the file again"
        raise BadInput(Reason.NON_FINITE, detail)


def _require_audible(samples: Waveform) -> None:
    # The standard deviation is the root mean square without the mean: a constant offset is no sound.
    rms = float(np.std(samples, dtype=np.float64))
    if rms < 10 ** (SILENCE_DBFS / 20):
        level = f"{20 * np.log10(rms):.0f} dBFS" if rms else "digital silence"
        raise BadInput(Reason.SILENT, f"{level}; the excerpt must reach {SILENCE_DBFS:g} dBFS")


def _resample(passage: Passage, sample_rate_hz: int) -> Waveform:
    if passage.sample_rate_hz == sample_rate_hz:
        return passage.samples
    resampled = soxr.resample(passage.samples, passage.sample_rate_hz, sample_rate_hz, quality="HQ")
    return np.asarray(resampled, dtype=np.float32)


def _fit(samples: Waveform, count: int) -> Waveform:
    missing = max(0, count - len(samples))
    return np.ascontiguousarray(np.pad(samples[:count], (0, missing)))
