"""Why a file cannot be used: the stable words that end up in the ledger."""

from __future__ import annotations

import enum

from recommender import retry_schedule


class Reason(enum.StrEnum):
    """``BadInput.reason`` of everything between a path and a waveform. The words are stored: never rename one."""

    NOT_A_FILE = "not_a_file"
    """Missing, a folder, a symbolic link, a pipe or a device. Found before anything is opened."""
    UNREADABLE = "unreadable"
    """The operating system would not give us the bytes: permission, a failing disk, a file that changes meanwhile."""
    CHANGED_SINCE_SCAN = "changed_since_scan"
    """The file holds other bytes than those its clip was made of."""
    NOT_AUDIO = "not_audio"
    """Empty, or its first bytes belong to no audio format, or it holds no sound track."""
    UNSUPPORTED = "unsupported"
    """Audio, but of a format, codec, size, sample rate or channel count outside what Soundkin takes."""
    TOO_SHORT = "too_short"
    """Less than :data:`indexer.audio.decode.MIN_DURATION_S` of sound."""
    TOO_LONG = "too_long"
    """More than :data:`indexer.audio.decode.MAX_DURATION_S` of sound."""
    SILENT = "silent"
    """Nothing above :data:`indexer.audio.decode.SILENCE_DBFS`, once a constant offset is taken away."""
    NON_FINITE = "non_finite"
    """NaN, infinity, or samples so large that they can only be damage."""
    TRUNCATED = "truncated"
    """Less sound than the file's own header promises."""
    DECODE_ERROR = "decode_error"
    """A format we read, but the decoder refused these bytes."""
    DECODER_CRASHED = "decoder_crashed"
    """The decoder process died on this file. It alone is affected."""
    DECODER_TIMEOUT = "decoder_timeout"
    """The decoder process had not answered in time and was stopped."""
    DECODER_MEMORY = "decoder_memory"
    """The decoder process asked for more memory than it may have."""


PASSING = frozenset({Reason.NOT_A_FILE, Reason.UNREADABLE, Reason.CHANGED_SINCE_SCAN})
"""Reasons that lie in the moment, not in the clip: reported, never held against it, tried again by every run."""

DECODER_LOST = frozenset(map(Reason, retry_schedule.DECODER_LOST))
"""Reasons that may lie in a busy machine as well as in the file. Such a file or clip is tried again in the 1st, the 3rd
and the 9th run after, then left in quarantine until it changes or ``--retry-failed`` asks for it."""
