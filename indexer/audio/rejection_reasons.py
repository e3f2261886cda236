"""Why a file cannot be used: the reasons that are stored in the ledger and printed in reports."""

from __future__ import annotations

import enum

from recommender import retry_schedule


class Reason(enum.StrEnum):
    """``BadInput.reason`` of all steps between a path and a waveform. The values are stored: never rename one."""

    NOT_A_FILE = "not_a_file"
    """Missing, a folder, a symbolic link, a pipe or a device. Checked before anything is opened."""
    UNREADABLE = "unreadable"
    """The operating system does not give the bytes: no permission, a failing disk, a file that changes meanwhile."""
    CHANGED_SINCE_SCAN = "changed_since_scan"
    """The file has other bytes than when its clip was scanned."""
    NOT_AUDIO = "not_audio"
    """Empty, or its first bytes belong to no audio format, or it has no audio stream."""
    UNSUPPORTED = "unsupported"
    """Audio, but of a format, codec, size, sample rate or channel count that Soundkin does not decode."""
    TOO_SHORT = "too_short"
    """Less than :data:`indexer.audio.decode.MIN_DURATION_S` of sound."""
    TOO_LONG = "too_long"
    """More than :data:`indexer.audio.decode.MAX_DURATION_S` of sound."""
    SILENT = "silent"
    """Nothing above :data:`indexer.audio.decode.SILENCE_DBFS`, once a constant offset is subtracted."""
    NON_FINITE = "non_finite"
    """NaN, infinity, or samples so large that the file must be damaged."""
    TRUNCATED = "truncated"
    """Less sound than the header of the file declares."""
    DECODE_ERROR = "decode_error"
    """A format that is decoded, but the decoder refused these bytes."""
    DECODER_CRASHED = "decoder_crashed"
    """The decoder process ended on this file. Other files are not affected."""
    DECODER_TIMEOUT = "decoder_timeout"
    """The decoder process did not answer in time and was killed."""
    DECODER_MEMORY = "decoder_memory"
    """The decoder process asked for more memory than it may have."""


PASSING = frozenset({Reason.NOT_A_FILE, Reason.UNREADABLE, Reason.CHANGED_SINCE_SCAN})
"""Reasons that may be gone at the next run: reported, not stored with the clip, tried again by every run."""

DECODER_LOST = frozenset(map(Reason, retry_schedule.DECODER_LOST))
"""Reasons that a busy machine can cause as well as the file. Such a file or clip is tried again in the 1st, the 3rd and
the 9th run after (docs/methods.md, "Retry schedule"), then in quarantine until it changes or ``--retry-failed``."""
