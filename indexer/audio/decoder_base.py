"""The protocol of decoders, which describe a file and read one excerpt of it as mono, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from indexer.audio.containers import Container
from indexer.audio.rejection_reasons import Reason
from indexer.audio.sound_range import SoundRange, SoundView
from recommender.errors import BadInput, InvalidArgument
from recommender.types import Waveform

MIN_SAMPLE_RATE_HZ = 4_000
MAX_SAMPLE_RATE_HZ = 384_000
MAX_CHANNELS = 8
MAX_PAD_MS = 50
"""A whole file may end this much before its header says: codecs work in blocks. 9 ms was measured on real Vorbis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """Length and format of the sound in a file."""

    duration_s: float
    sample_rate_hz: int
    channels: int
    container: str
    """A value of :class:`indexer.audio.containers.Container`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The part of a file that is decoded. Raises InvalidArgument unless start >= 0 and length > 0."""

    start_ms: int
    length_ms: int

    def __post_init__(self) -> None:
        if self.start_ms < 0 or self.length_ms <= 0:
            raise InvalidArgument("excerpt", f"starts at {self.start_ms} ms and lasts {self.length_ms} ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The samples that a decoder returned for an excerpt: fewer than requested if the file ends early, never more."""

    samples: Waveform
    """``[sample]``, mono."""
    sample_rate_hz: int
    """Rate of the file."""
    decoder_message: str = ""
    """The error message of the library if it stopped before the end."""


Mix: TypeAlias = Callable[[npt.NDArray[np.float32]], Waveform]
"""Makes one channel, ``[sample]``, of ``[sample, channel]``: :func:`downmix`, or :class:`OneChannel`."""


Block: TypeAlias = tuple[int, npt.NDArray[np.float32]]
"""A sample rate in Hz, and ``[sample, channel]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """An open file and where in it the sound is."""

    file: BinaryIO
    range: SoundRange
    is_link: bool = False
    """Whether the range is one link of a chained file, and not all of its sound."""

    @property
    def container(self) -> Container:
        """The format."""
        return self.range.container

    def view(self) -> BinaryIO:
        """A new file object of only the sound."""
        return cast(BinaryIO, SoundView(self.file, self.range))


class Decoder(Protocol):
    """Describes a sound and reads parts of it."""

    def info(self, sound: Sound) -> AudioInfo:
        """Length and format of ``sound``. Raises BadInput."""

    def read(self, sound: Sound, *, excerpt: Excerpt, mix: Mix) -> Passage:
        """Decode ``excerpt`` at the rate of the file. Raises BadInput if nothing can be decoded."""

    def blocks(self, sound: Sound) -> Iterator[Block]:
        """Decode all of ``sound``, a second or less at a time, as far as it can be decoded. Raises BadInput."""


def samples_in(length_ms: int, sample_rate_hz: int) -> int:
    """Number of samples in ``length_ms`` milliseconds, rounded to the nearest.

    >>> samples_in(30_000, 24_000), samples_in(1, 44_100)
    (720000, 44)
    """
    return (length_ms * sample_rate_hz + 500) // 1000


def downmix(block: npt.NDArray[np.float32]) -> Waveform:
    """Mean over the channels of ``[sample, channel]`` -> ``[sample]``.

    The mean, not FFmpeg's own mixer, which adds stereo with a gain of 1.414: a mono file and its stereo copy must give
    the same waveform.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mono: Waveform = block.mean(axis=1, dtype=np.float32)
    return mono


@dataclass(frozen=True, slots=True)
class OneChannel:
    """Takes the channel with this number, counted from 0, or the last one where there are fewer."""

    number: int

    def __call__(self, block: npt.NDArray[np.float32]) -> Waveform:
        """``[sample, channel]`` -> ``[sample]``."""
        return np.ascontiguousarray(block[:, min(self.number, block.shape[1] - 1)])


def require_format(sample_rate_hz: int, channels: int) -> None:
    """Raise BadInput ``unsupported`` for rates and channel counts that only damaged headers have."""
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        detail = f"{sample_rate_hz} Hz; {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz are read"
        raise BadInput(Reason.UNSUPPORTED, detail)
    if not 1 <= channels <= MAX_CHANNELS:
        raise BadInput(Reason.UNSUPPORTED, f"{channels} channels; 1 to {MAX_CHANNELS} are read")
