"""The decoder for wav, aiff, flac, ogg and MPEG audio: libsndfile, through soundfile.

libsndfile silently corrects the length of a file that was cut off. So the headers of wav and aiff, and the last page of
ogg, are read here first, and a cut file is rejected as ``truncated``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal

import numpy as np
import soundfile

from indexer.audio.containers import Container
from indexer.audio.decoder_base import AudioInfo, Excerpt, Passage, downmix, require_format, samples_in
from indexer.audio.mpeg import has_frame_count, walk_duration_s
from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput

_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3"})
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

_CHUNK_HEADER_BYTES = 8
_FIRST_CHUNK = 12
_MAX_CHUNKS = 1000
_STREAMED = 0x7FFF0000
"""A writer that could not go back to fill in the size leaves this or more, commonly 0xFFFFFFFF."""

_CAPTURE = b"OggS"
_PAGE_HEADER_BYTES = 27
_SERIAL = slice(14, 18)
_SEGMENTS = 26
_MAX_PAGE_BYTES = _PAGE_HEADER_BYTES + 255 + 255 * 255
"""Layout of an ogg page: RFC 3533, section 6."""


class SndfileDecoder:
    """Decodes only the excerpt: a fresh handle, one seek, one read.

    One seek and one read, because a libsndfile handle that has read Ogg Vorbis is up to 900 samples off after the
    next seek (libsndfile issue 885), and the Python binding seeks after every read.
    """

    def info(self, file: BinaryIO, container: Container) -> AudioInfo:
        """See :class:`indexer.audio.decoder_base.Decoder`. Raises BadInput ``truncated`` for a cut file."""
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
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(file) as handle:
            rate_hz = handle.samplerate
            samples, message = np.zeros(0, np.float32), ""
            run_up_ms = min(_RUN_UP_MS, excerpt.start_ms)
            try:
                handle.seek(samples_in(excerpt.start_ms - run_up_ms, rate_hz))
                frames = samples_in(run_up_ms + excerpt.length_ms, rate_hz)
                block = handle.read(frames, dtype="float32", always_2d=True)
                samples = downmix(block[samples_in(run_up_ms, rate_hz) :])
            except soundfile.LibsndfileError as error:
                message = _message(error)
        return Passage(samples=samples, sample_rate_hz=rate_hz, decoder_message=message)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[soundfile.SoundFile]:
    """A handle on the descriptor of ``file``: the library is given no file name, so it can open no other file."""
    file.seek(0)
    try:
        handle = soundfile.SoundFile(file.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        raise BadInput(Reason.DECODE_ERROR, f"libsndfile finds nothing to decode: {_message(error)}") from error
    with handle:
        if handle.format not in _FORMATS:
            raise BadInput(Reason.UNSUPPORTED, f"{handle.format} is not read; convert it to flac, mp3, ogg, m4a or wav")
        require_format(handle.samplerate, handle.channels)
        yield handle


def _message(error: soundfile.LibsndfileError) -> str:
    """The message of the library, but for MPEG audio without a frame, which it calls "not a regular file"."""
    message = str(error.error_string).strip()
    return "damaged or empty" if "regular file" in message else message


def _counted(file: BinaryIO) -> int:
    """Sample count by decoding, for streamed flac, whose header leaves it open. The samples are not kept.

    For a read beyond the end the binding raises an error and returns no samples, so the end is searched for with
    smaller and smaller reads, each on a fresh handle.
    """
    counted, block = 0, _COUNT_FRAMES
    while block:
        with _opened(file) as handle:
            counted += _read_through(handle, counted, block)
        block //= 2
    return counted


def _read_through(handle: soundfile.SoundFile, start: int, block: int) -> int:
    """Number of samples that can be read from ``start`` in whole blocks."""
    read, limit = 0, _COUNT_LIMIT_S * handle.samplerate
    with contextlib.suppress(soundfile.LibsndfileError):
        handle.seek(start)
        while start + read < limit and len(handle.read(block, dtype="float32")) == block:
            read += block
    return read


def _require_whole(file: BinaryIO) -> None:
    missing = missing_fraction(file)
    if missing > _MAX_MISSING:
        detail = f"{missing:.0%} of the sound its header promises is missing; fetch the file again"
        raise BadInput(Reason.TRUNCATED, detail)


def missing_fraction(file: BinaryIO) -> float:
    """The part of the declared sound of a wav or aiff that is not in the file, in [0, 1].

    0 where the header declares no length: 64-bit files, sizes left open by a streaming writer, no sound chunk.
    """
    file.seek(0)
    header = file.read(_FIRST_CHUNK)
    order: Literal["little", "big"] = "big" if header[:4] == b"FORM" else "little"
    end = file.seek(0, os.SEEK_END)
    declared, present = _sound_bytes(file, end, order=order)
    if declared == 0 or declared >= _STREAMED:
        return 0.0
    return max(0.0, 1.0 - present / declared)


def _sound_bytes(file: BinaryIO, end: int, *, order: Literal["little", "big"]) -> tuple[int, int]:
    """(declared, present) bytes of the ``data`` or ``SSND`` chunk; (0, 0) without one."""
    position = _FIRST_CHUNK
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(_CHUNK_HEADER_BYTES)
        if len(header) < _CHUNK_HEADER_BYTES:
            break
        size = int.from_bytes(header[4:], order)
        position += _CHUNK_HEADER_BYTES
        if header[:4] in (b"data", b"SSND"):
            return size, max(0, end - position)
        position += size + size % 2  # chunks are padded to an even length
    return 0, 0


def is_cut_off(file: BinaryIO) -> bool:
    """Whether an ogg file ends inside a page.

    A cut exactly between two pages cannot be detected: ogg declares no length.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    serial = file.read(_PAGE_HEADER_BYTES)[_SERIAL]
    file.seek(max(0, end - 2 * _MAX_PAGE_BYTES))
    tail = file.read()
    # From the end backwards: "OggS" can also occur inside the data of a page, which then has another serial number.
    at = tail.rfind(_CAPTURE)
    while at >= 0:
        missing = _missing_bytes(tail[at:], serial)
        if missing is not None:
            return missing > 0
        at = tail.rfind(_CAPTURE, 0, at)
    return False


def _missing_bytes(page: bytes, serial: bytes) -> int | None:
    """Bytes of ``page`` that are after the end of the file; None when it is no page of the stream ``serial``."""
    if len(page) < _PAGE_HEADER_BYTES:
        return _PAGE_HEADER_BYTES - len(page)
    if page[4] != 0 or page[_SERIAL] != serial:
        return None
    lacing = page[_PAGE_HEADER_BYTES : _PAGE_HEADER_BYTES + page[_SEGMENTS]]
    length = _PAGE_HEADER_BYTES + page[_SEGMENTS] + sum(lacing)
    if length < len(page) and _CAPTURE.startswith(page[length:]):
        return 1  # the next page had just begun
    return max(0, length - len(page))
