"""The decoder for AAC and ALAC (m4a, mp4, adts), which libsndfile cannot read: FFmpeg, through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import av.container
import numpy as np

from indexer.audio.containers import Container
from indexer.audio.decoder_base import AudioInfo, Excerpt, Passage, downmix, require_format, samples_in
from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput
from recommender.types import Waveform

_DEMUXERS = {Container.MP4: "mov", Container.ADTS: "aac"}
_CODECS = ("aac", "alac", "mp3", "mp3float")
_FULL_SCALE = {"flt": 1.0, "dbl": 1.0, "s16": 2.0**15, "s32": 2.0**31}
"""Full scale of each sample format, by FFmpeg's name without the ``p`` of its planar form."""


class FfmpegDecoder:
    """Decodes from the start of the file and drops what comes before the excerpt.

    A seek would be faster, but not reproducible: AAC fills bands with noise (perceptual noise substitution), and that
    noise depends on what the decoder decoded before. The demuxer and the codecs are fixed, the file is given as an open
    descriptor and no protocol is allowed, so nothing in the file can make FFmpeg open another file or an address.
    """

    def info(self, file: BinaryIO, container: Container) -> AudioInfo:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(file, container) as (source, stream):
            context = stream.codec_context
            has_header = container is Container.MP4
            duration_s = _header_duration_s(stream) if has_header else _counted_duration_s(source, stream)
            rate_hz, channels = context.sample_rate, context.channels
        return AudioInfo(duration_s=duration_s, sample_rate_hz=rate_hz, channels=channels, container=container.value)

    def read(self, file: BinaryIO, container: Container, *, excerpt: Excerpt) -> Passage:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(file, container) as (source, stream):
            rate_hz = stream.codec_context.sample_rate
            start, count = samples_in(excerpt.start_ms, rate_hz), samples_in(excerpt.length_ms, rate_hz)
            blocks: list[Waveform] = []
            message = ""
            try:
                blocks.extend(_between(_mono_blocks(source, stream), start, count))
            except av.FFmpegError as error:
                message = error.strerror or str(error)
        samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
        return Passage(samples=samples, sample_rate_hz=rate_hz, decoder_message=message)


@contextmanager
def _opened(file: BinaryIO, container: Container) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    demuxer = _DEMUXERS[container]
    limits = {"protocol_whitelist": "none", "format_whitelist": demuxer, "codec_whitelist": ",".join(_CODECS)}
    file.seek(0)
    try:
        source = av.open(file, mode="r", format=demuxer, options=limits, metadata_errors="replace")
    except av.FFmpegError as error:
        detail = f"FFmpeg refuses it ({error.strerror or error}); an m4a that was cut off has lost its index"
        raise BadInput(Reason.DECODE_ERROR, detail) from error
    with source:
        yield source, _audio_stream(source)


def _audio_stream(source: av.container.InputContainer) -> av.AudioStream:
    """The first audio stream. Raises BadInput if there is none, or its codec is not decoded."""
    if not source.streams.audio:
        raise BadInput(Reason.NOT_AUDIO, "there is no sound track in it")
    stream = source.streams.audio[0]
    codec = getattr(stream.codec_context, "name", "unknown")  # no context where FFmpeg knows no such codec
    if codec not in _CODECS:
        raise BadInput(Reason.UNSUPPORTED, f"the codec {codec} is not read; convert it to flac, mp3, ogg, m4a or wav")
    require_format(stream.codec_context.sample_rate, stream.codec_context.channels)
    return stream


def _header_duration_s(stream: av.AudioStream) -> float:
    if not stream.duration or stream.time_base is None:
        raise BadInput(Reason.DECODE_ERROR, "its header gives no length; convert it again")
    return float(stream.duration * stream.time_base)


def _counted_duration_s(source: av.container.InputContainer, stream: av.AudioStream) -> float:
    """Sum of the frames without the last one, which is often cut.

    AAC frames have no file header, and FFmpeg's estimate from the bit rate is one percent or more too long.
    """
    durations: list[int] = []
    try:
        durations.extend(packet.duration or 0 for packet in source.demux(stream))
    except av.FFmpegError as error:
        if not durations:
            raise BadInput(Reason.DECODE_ERROR, f"FFmpeg refuses it: {error.strerror or error}") from error
    whole = sum(durations) - max(durations, default=0)
    return float(whole * stream.time_base) if stream.time_base is not None else 0.0


def _mono_blocks(source: av.container.InputContainer, stream: av.AudioStream) -> Iterator[Waveform]:
    rate_hz, channels = stream.codec_context.sample_rate, stream.codec_context.channels
    for frame in source.decode(stream):
        if (frame.sample_rate, frame.layout.nb_channels) != (rate_hz, channels):
            raise BadInput(Reason.UNSUPPORTED, "its sample rate or channels change midway; convert it to flac")
        yield downmix(_channels_last(frame))


def _channels_last(frame: av.AudioFrame) -> Waveform:
    """``[sample, channel]`` float32 within [-1, 1]."""
    name = frame.format.name
    planar = frame.format.is_planar
    full_scale = _FULL_SCALE.get(name.removesuffix("p") if planar else name)
    if full_scale is None:
        raise BadInput(Reason.UNSUPPORTED, f"samples of the form {name} are not read; convert it to flac")
    values = frame.to_ndarray().astype(np.float32) / np.float32(full_scale)
    return values.T if planar else values.reshape(frame.samples, -1)


def _between(blocks: Iterator[Waveform], start: int, count: int) -> Iterator[Waveform]:
    """The samples ``start`` to ``start + count`` of the joined blocks; stops decoding there."""
    position, end = 0, start + count
    for block in blocks:
        piece = block[max(0, start - position) : max(0, end - position)]
        position += len(block)
        if len(piece):
            yield piece
        if position >= end:
            return
