"""What a decoder is: it tells about a file and reads one passage of it as mono."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from indexer.audio.containers import Container
from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput, InvalidArgument
from recommender.types import Waveform

MIN_SAMPLE_RATE_HZ = 4_000
MAX_SAMPLE_RATE_HZ = 384_000
MAX_CHANNELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """What a file holds."""

    duration_s: float
    sample_rate_hz: int
    channels: int
    container: str
    """A value of :class:`indexer.audio.containers.Container`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Which part of a file is listened to. Raises InvalidArgument unless start >= 0 and length > 0."""

    start_ms: int
    length_ms: int

    def __post_init__(self) -> None:
        if self.start_ms < 0 or self.length_ms <= 0:
            raise InvalidArgument("excerpt", f"starts at {self.start_ms} ms and lasts {self.length_ms} ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What came out of a decoder: perhaps less than was asked for, never more."""

    samples: Waveform
    sample_rate_hz: int
    complaint: str = ""
    """The decoder's own words if it gave up before the end."""


class Decoder(Protocol):
    """Reads files that :func:`indexer.audio.containers.sniff` found to be of ``container``."""

    def info(self, file: BinaryIO, container: Container) -> AudioInfo:
        """Tell what ``file`` holds. Raises BadInput."""

    def read(self, file: BinaryIO, container: Container, *, excerpt: Excerpt) -> Passage:
        """Decode ``excerpt`` at the rate of the file. Raises BadInput if not one sample can be had."""


def samples_in(length_ms: int, sample_rate_hz: int) -> int:
    """How many samples last ``length_ms``, rounded to the nearest."""
    return (length_ms * sample_rate_hz + 500) // 1000


def downmix(block: npt.NDArray[np.float32]) -> Waveform:
    """Mean over the channels of ``[sample, channel]``.

    The mean, and not the gain of 1.414 by which FFmpeg's own mixer adds stereo: a mono file and its stereo copy are
    the same to us.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mono: Waveform = block.mean(axis=1, dtype=np.float32)
    return mono


def require_format(sample_rate_hz: int, channels: int) -> None:
    """Refuse rates and channel counts that only damaged headers have. Raises BadInput ``unsupported``."""
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        detail = f"{sample_rate_hz} Hz; {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz are read"
        raise BadInput(Reason.UNSUPPORTED, detail)
    if not 1 <= channels <= MAX_CHANNELS:
        raise BadInput(Reason.UNSUPPORTED, f"{channels} channels; 1 to {MAX_CHANNELS} are read")
