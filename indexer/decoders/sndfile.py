"""libsndfile: wav, aiff, flac, ogg and MPEG audio."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from indexer.decoders.base import AudioInfo, Excerpt, Passage, downmix, require_format, samples_in
from indexer.decoders.containers import Container
from indexer.decoders.mpeg import has_frame_count, walk_duration_s
from indexer.decoders.ogg import is_cut_off
from indexer.decoders.riff import missing_fraction
from indexer.reasons import Reason
from recommender.errors import BadInput

_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3"})
_UNKNOWN_FRAMES = 1 << 62
_COUNT_FRAMES = 1 << 16
_COUNT_LIMIT_S = 24 * 3600
_TOLERATED_MISSING = 0.1
_RUN_UP_MS = 1000
"""Decoded before the excerpt and thrown away. An mp3 frame draws on the ones before it: without a run-up the first
20 ms after a seek were measured to be wrong, or silent."""


class SndfileDecoder:
    """Reads only the seconds asked for: a fresh handle, one seek, one read.

    One seek and one read, because a libsndfile handle that has read Ogg Vorbis lands up to 900 samples off on the
    next seek (libsndfile issue 885), and the Python binding seeks after every read.
    """

    def info(self, file: BinaryIO, container: Container) -> AudioInfo:
        """See :class:`indexer.decoders.base.Decoder`. ``truncated`` when the container shows a cut."""
        if container in (Container.WAV, Container.AIFF):
            _require_whole(file)
        if container is Container.OGG and is_cut_off(file):
            raise BadInput(Reason.TRUNCATED, "the file ends in the middle of an ogg page; fetch the file again")
        with _opened(file) as handle:
            frames, rate_hz, channels = handle.frames, handle.samplerate, handle.channels
        duration_s = (frames if frames < _UNKNOWN_FRAMES else _counted(file)) / rate_hz
        if container is Container.MP3 and not has_frame_count(file):
            duration_s = min(duration_s, walk_duration_s(file) or duration_s)
        return AudioInfo(duration_s=duration_s, sample_rate_hz=rate_hz, channels=channels, container=container.value)

    def read(self, file: BinaryIO, container: Container, *, excerpt: Excerpt) -> Passage:
        """See :class:`indexer.decoders.base.Decoder`."""
        with _opened(file) as handle:
            rate_hz = handle.samplerate
            samples, complaint = np.zeros(0, np.float32), ""
            run_up_ms = min(_RUN_UP_MS, excerpt.start_ms)
            try:
                handle.seek(samples_in(excerpt.start_ms - run_up_ms, rate_hz))
                frames = samples_in(run_up_ms + excerpt.length_ms, rate_hz)
                heard = handle.read(frames, dtype="float32", always_2d=True)
                samples = downmix(heard[samples_in(run_up_ms, rate_hz) :])
            except soundfile.LibsndfileError as error:
                complaint = _words(error)
        return Passage(samples=samples, sample_rate_hz=rate_hz, complaint=complaint)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[soundfile.SoundFile]:
    """A handle on the descriptor of ``file``: names are never handed to the library."""
    file.seek(0)
    try:
        handle = soundfile.SoundFile(file.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        raise BadInput(Reason.DECODE_ERROR, f"libsndfile finds nothing to decode: {_words(error)}") from error
    with handle:
        if handle.format not in _FORMATS:
            raise BadInput(Reason.UNSUPPORTED, f"{handle.format} is not read; convert it to flac, mp3, ogg, m4a or wav")
        require_format(handle.samplerate, handle.channels)
        yield handle


def _words(error: soundfile.LibsndfileError) -> str:
    """What the library says, where it is about the sound: MPEG audio without a frame is "not a regular file" to it."""
    words = str(error.error_string).strip()
    return "damaged or empty" if "regular file" in words else words


def _counted(file: BinaryIO) -> int:
    """Sample count by decoding, for streamed flac, whose header leaves it open. The sound is not kept.

    The binding answers a read beyond the end with an error and nothing else, so the end is felt for with ever smaller
    reads, each time on a fresh handle.
    """
    counted, block = 0, _COUNT_FRAMES
    while block:
        with _opened(file) as handle:
            counted += _read_through(handle, counted, block)
        block //= 2
    return counted


def _read_through(handle: soundfile.SoundFile, start: int, block: int) -> int:
    """How many samples can be read from ``start`` in whole blocks."""
    read, limit = 0, _COUNT_LIMIT_S * handle.samplerate
    with contextlib.suppress(soundfile.LibsndfileError):
        handle.seek(start)
        while start + read < limit and len(handle.read(block, dtype="float32")) == block:
            read += block
    return read


def _require_whole(file: BinaryIO) -> None:
    missing = missing_fraction(file)
    if missing > _TOLERATED_MISSING:
        detail = f"{missing:.0%} of the sound its header promises is missing; fetch the file again"
        raise BadInput(Reason.TRUNCATED, detail)
