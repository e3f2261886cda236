"""The first decoder for wav, aiff, w64, caf, au, flac, ogg and MPEG audio: libsndfile, through soundfile.

libsndfile silently corrects the length of a file that was cut off. So the headers of wav and aiff, and the last page of
ogg, are read here first, and a cut file is rejected as ``truncated``.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import numpy as np
import soundfile

from indexer.audio.containers import Container
from indexer.audio.decoder_base import (
    MIN_SAMPLE_RATE_HZ,
    AudioInfo,
    Block,
    Excerpt,
    Mix,
    Passage,
    Sound,
    require_format,
    samples_in,
)
from indexer.audio.lengths.ogg_pages import is_cut_off
from indexer.audio.lengths.wave_chunks import OpenSizeView, missing_fraction, wrong_size
from indexer.audio.mpeg import skip_tags
from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput

_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3", "CAF", "AU", "W64"})
_UNKNOWN_FRAMES = 1 << 62
"""libsndfile gives this frame count or more where the header leaves the length open."""
_COUNT_FRAMES = 1 << 16
_COUNT_LIMIT_S = 24 * 3600
_MAX_MISSING = 0.1
"""Part of the sound that may be missing before a wav or aiff is rejected. What is missing from the excerpt is checked
apart (:func:`indexer.audio.decode.decode`)."""
_RUN_UP_MS = 1000
"""Decoded before the excerpt and thrown away. An mp3 frame uses bits of the frames before it (the bit reservoir):
without a run-up the first 20 ms after a seek were measured to be wrong, or silent."""


class SndfileDecoder:
    """Decodes only the excerpt: a fresh handle, one seek, one read.

    One seek and one read, because a libsndfile handle that has read Ogg Vorbis is up to 900 samples off after the
    next seek (libsndfile issue 885), and the Python binding seeks after every read.
    """

    def info(self, sound: Sound) -> AudioInfo:
        """See :class:`indexer.audio.decoder_base.Decoder`. Infinite seconds where the header leaves the length open.

        Raises BadInput ``truncated`` for a cut file.
        """
        _require_whole(sound)
        with _opened(sound) as handle:
            return AudioInfo(
                duration_s=_duration_s(handle),
                sample_rate_hz=handle.samplerate,
                channels=handle.channels,
                container=sound.container.value,
            )

    def header_s(self, sound: Sound) -> float:
        """The length that libsndfile takes from the header, as in :meth:`info`, also of a cut file."""
        with _opened(sound) as handle:
            return _duration_s(handle)

    def read(self, sound: Sound, *, excerpt: Excerpt, mix: Mix) -> Passage:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(sound) as handle:
            rate_hz = handle.samplerate
            samples, message = np.zeros(0, np.float32), ""
            run_up_ms = min(_RUN_UP_MS, excerpt.start_ms)
            try:
                handle.seek(samples_in(excerpt.start_ms - run_up_ms, rate_hz))
                frames = samples_in(run_up_ms + excerpt.length_ms, rate_hz)
                block = handle.read(frames, dtype="float32", always_2d=True)
                samples = mix(block[samples_in(run_up_ms, rate_hz) :])
            except soundfile.LibsndfileError as error:
                message = _message(error)
        return Passage(samples=samples, sample_rate_hz=rate_hz, decoder_message=message)

    def blocks(self, sound: Sound) -> Iterator[Block]:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(sound) as handle, contextlib.suppress(soundfile.LibsndfileError):
            limit = _COUNT_LIMIT_S * handle.samplerate
            for _ in range(0, min(handle.frames, limit), handle.samplerate):
                yield handle.samplerate, handle.read(handle.samplerate, dtype="float32", always_2d=True)

    def count_s(self, sound: Sound) -> float:
        """Seconds of sound by decoding, for a header that leaves the length open. The samples are not kept.

        For a read beyond the end the binding raises an error and returns no samples, so the end is searched for with
        smaller and smaller reads, each on a fresh handle.
        """
        counted, block, rate_hz = 0, _COUNT_FRAMES, MIN_SAMPLE_RATE_HZ
        while block:
            with _opened(sound) as handle:
                rate_hz = handle.samplerate
                counted += _read_through(handle, counted, block)
            block //= 2
        return counted / rate_hz


@contextmanager
def _opened(sound: Sound) -> Iterator[soundfile.SoundFile]:
    """A handle on the sound: the library is given no file name, so it can open no other file."""
    source = _source(sound)
    try:
        handle = soundfile.SoundFile(source, closefd=False)
    except soundfile.LibsndfileError as error:
        raise BadInput(Reason.DECODE_ERROR, f"libsndfile finds nothing to decode: {_message(error)}") from error
    with handle:
        if handle.format not in _FORMATS:
            raise BadInput(Reason.UNSUPPORTED, f"{handle.format} is not read; convert it to flac, mp3, ogg, m4a or wav")
        require_format(handle.samplerate, handle.channels)
        yield handle


def _source(sound: Sound) -> int | BinaryIO:
    """The descriptor of a plain file, which libsndfile reads by itself; else a view, read through Python."""
    file = sound.file
    if sound.container is Container.WAV:
        chunk = wrong_size(sound.view())
        if chunk is not None:
            return cast(BinaryIO, OpenSizeView(sound.view(), chunk))
    tags = skip_tags(file) if sound.container is Container.MP3 else 0
    if sound.is_link or sound.range.start not in (0, tags):
        return sound.view()
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # seek(0) of a buffered file may leave the descriptor where it was
    return file.fileno()


def _duration_s(handle: soundfile.SoundFile) -> float:
    return handle.frames / handle.samplerate if handle.frames < _UNKNOWN_FRAMES else math.inf


def _message(error: soundfile.LibsndfileError) -> str:
    """The message of the library, but for MPEG audio without a frame, which it calls "not a regular file"."""
    message = str(error.error_string).strip()
    return "damaged or empty" if "regular file" in message else message


def _read_through(handle: soundfile.SoundFile, start: int, block: int) -> int:
    """Number of samples that can be read from ``start`` in whole blocks."""
    read, limit = 0, _COUNT_LIMIT_S * handle.samplerate
    with contextlib.suppress(soundfile.LibsndfileError):
        handle.seek(start)
        while start + read < limit and len(handle.read(block, dtype="float32")) == block:
            read += block
    return read


def _require_whole(sound: Sound) -> None:
    if sound.container in (Container.WAV, Container.AIFF):
        missing = missing_fraction(sound.view())
        if missing > _MAX_MISSING:
            detail = f"{missing:.0%} of the sound its header promises is missing; fetch the file again"
            raise BadInput(Reason.TRUNCATED, detail)
    if sound.container is Container.OGG and is_cut_off(sound.view()):
        raise BadInput(Reason.TRUNCATED, "the file ends in the middle of an ogg page; fetch the file again")
