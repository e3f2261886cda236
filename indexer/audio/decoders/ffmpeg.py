"""The second decoder, and the only one for what libsndfile cannot read: FFmpeg, through PyAV.

It reads m4a (AAC, ALAC, Opus, FLAC), AAC, Matroska and WebM, Windows Media, WavPack, True Audio, Monkey's Audio and
AC-3, and any other file that libsndfile refuses or gives too little of.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import av
import av.container
import numpy as np
import numpy.typing as npt
import soxr

from indexer.audio.containers import Container
from indexer.audio.decoder_base import (
    AudioInfo,
    Block,
    Excerpt,
    Mix,
    Passage,
    Sound,
    downmix,
    require_format,
    samples_in,
)
from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput
from recommender.types import Waveform

DEMUXERS = {
    Container.WAV: "wav",
    Container.AIFF: "aiff",
    Container.FLAC: "flac",
    Container.OGG: "ogg",
    Container.MP3: "mp3",
    Container.MP4: "mov",
    Container.ADTS: "aac",
    Container.MATROSKA: "matroska",
    Container.CAF: "caf",
    Container.AU: "au",
    Container.W64: "w64",
    Container.ASF: "asf",
    Container.WAVPACK: "wv",
    Container.TTA: "tta",
    Container.APE: "ape",
    Container.AC3: "ac3",
    Container.EAC3: "eac3",
}
"""FFmpeg's name of the demuxer of each container; a file is given to no other."""
_MUSIC_CODECS = "aac alac mp1 mp1float mp2 mp2float mp3 mp3float flac opus vorbis speex ac3 eac3 wavpack tta ape"
_WINDOWS_CODECS = "wmav1 wmav2 wmapro wmalossless adpcm_ms adpcm_ima_wav adpcm_ima_qt adpcm_yamaha gsm_ms"
_PCM_CODECS = tuple(name for name in sorted(av.codecs_available) if name.startswith("pcm_"))
CODECS = (*_MUSIC_CODECS.split(), *_WINDOWS_CODECS.split(), *_PCM_CODECS)
"""FFmpeg's names of the codecs that may be opened."""
_FULL_SCALE = {"flt": 1.0, "dbl": 1.0, "u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}
"""Full scale of each sample format, by FFmpeg's name without the ``p`` of its planar form."""

_MAX_BAD_PACKETS = 50
"""Up to here damaged packets are skipped whatever their share; above, up to half of all."""
_DECODED_LENGTH_S = 600.0
"""A sound up to this length is measured by decoding it, which takes half a second of CPU time for four minutes. A
longer one by the durations of its packets: these lose up to a packet or two, 80 ms, in Matroska and Windows Media."""
_COUNT_LIMIT_S = 24 * 3600.0
_LONG_FRAME_S = 0.05
_TOP_BOXES = 64
_BOX_HEADER_BYTES = 16


class FfmpegDecoder:
    """Decodes from the start of the sound and drops what comes before the excerpt.

    A seek would be faster, but not reproducible: AAC fills bands with noise (perceptual noise substitution), and that
    noise depends on what the decoder decoded before. The demuxer and the codecs are fixed, the sound is given as a file
    object and no protocol is allowed, so nothing in the file can make FFmpeg open another file or an address.
    """

    def info(self, sound: Sound) -> AudioInfo:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(sound) as (_, stream):
            header_s = _header_duration_s(stream)
            rate_hz, channels = stream.codec_context.sample_rate, stream.codec_context.channels
        if sound.container is Container.MP4 and not _is_fragmented(sound):
            duration_s = _require_length(header_s)
        else:
            duration_s = self.count_s(sound)
        return AudioInfo(
            duration_s=duration_s, sample_rate_hz=rate_hz, channels=channels, container=sound.container.value
        )

    def count_s(self, sound: Sound) -> float:
        """Seconds of sound by reading all packets, and by decoding them too where that takes little time."""
        with _opened(sound) as (source, stream):
            packets_s, frame_s = _packets_duration_s(source, stream)
        if sound.container is Container.ADTS and frame_s <= _LONG_FRAME_S:
            return packets_s - frame_s  # the last frame is often cut
        return self._decoded_s(sound) if packets_s <= _DECODED_LENGTH_S else packets_s

    def _decoded_s(self, sound: Sound) -> float:
        seconds = 0.0
        with _opened(sound) as (source, stream):
            for frame in _Frames(source, stream):
                seconds += frame.samples / frame.sample_rate
                if seconds > _COUNT_LIMIT_S:
                    break
        return seconds

    def read(self, sound: Sound, *, excerpt: Excerpt, mix: Mix = downmix) -> Passage:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(sound) as (source, stream):
            rate_hz = stream.codec_context.sample_rate
            start, count = samples_in(excerpt.start_ms, rate_hz), samples_in(excerpt.length_ms, rate_hz)
            frames = _Frames(source, stream)
            blocks = list(_between(_mono_blocks(frames, rate_hz, mix), start, count))
        samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
        return Passage(samples=samples, sample_rate_hz=rate_hz, decoder_message=frames.message)

    def blocks(self, sound: Sound) -> Iterator[Block]:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        with _opened(sound) as (source, stream):
            for frame in _Frames(source, stream):
                yield frame.sample_rate, _channels_last(frame)


class _Frames:
    """Decodes packet after packet. A damaged one is skipped, not the end: ``container.decode()`` stops at the first."""

    def __init__(self, source: av.container.InputContainer, stream: av.AudioStream) -> None:
        self._source, self._stream = source, stream
        self.message = ""
        """The last error."""

    def __iter__(self) -> Iterator[av.AudioFrame]:
        packets = bad = 0
        for packet in self._packets():
            packets += 1
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self.message = error.strerror or str(error)
                bad += 1
                if bad > _MAX_BAD_PACKETS and bad > packets / 2:
                    return
                continue
            yield from (frame for frame in frames if frame.samples and frame.sample_rate)

    def _packets(self) -> Iterator[av.Packet[av.AudioStream]]:
        try:
            yield from self._source.demux(self._stream)
        except av.FFmpegError as error:
            self.message = error.strerror or str(error)


@contextmanager
def _opened(sound: Sound) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    demuxer = DEMUXERS[sound.container]
    limits = {"protocol_whitelist": "none", "format_whitelist": demuxer, "codec_whitelist": ",".join(CODECS)}
    try:
        source = av.open(sound.view(), mode="r", format=demuxer, options=limits, metadata_errors="replace")
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
    if codec not in CODECS:
        raise BadInput(Reason.UNSUPPORTED, f"the codec {codec} is not read; convert it to flac, mp3, ogg, m4a or wav")
    require_format(stream.codec_context.sample_rate, stream.codec_context.channels)
    return stream


def _header_duration_s(stream: av.AudioStream) -> float:
    if not stream.duration or stream.time_base is None:
        return 0.0
    return float(stream.duration * stream.time_base)


def _require_length(duration_s: float) -> float:
    if not duration_s:
        raise BadInput(Reason.DECODE_ERROR, "its header gives no length; convert it again")
    return duration_s


def _is_fragmented(sound: Sound) -> bool:
    """Whether an MP4 file has its samples in fragments, whose length is not in the header (ISO/IEC 14496-12, 8.8)."""
    view, position = sound.view(), 0
    for _ in range(_TOP_BOXES):
        view.seek(position)
        header = view.read(_BOX_HEADER_BYTES)
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:], "big")
        if header[4:8] == b"moof":
            return True
        if size < 8:
            break
        position += size
    return False


def _packets_duration_s(source: av.container.InputContainer, stream: av.AudioStream) -> tuple[float, float]:
    """Seconds of all packets, and of the longest. FFmpeg's estimate from the bit rate is a percent or more wrong."""
    durations: list[int] = []
    try:
        durations.extend(packet.duration or 0 for packet in source.demux(stream))
    except av.FFmpegError as error:
        if not durations:
            raise BadInput(Reason.DECODE_ERROR, f"FFmpeg refuses it: {error.strerror or error}") from error
    if stream.time_base is None:
        return 0.0, 0.0
    return float(sum(durations) * stream.time_base), float(max(durations, default=0) * stream.time_base)


def _mono_blocks(frames: _Frames, rate_hz: int, mix: Mix) -> Iterator[Waveform]:
    """One channel at ``rate_hz``; parts of the sound that have another rate are resampled each by itself."""
    for own_rate_hz, group in itertools.groupby(frames, key=lambda frame: frame.sample_rate):
        blocks = (mix(_channels_last(frame)) for frame in group)
        yield from blocks if own_rate_hz == rate_hz else _resampled(blocks, own_rate_hz, rate_hz)


def _resampled(blocks: Iterator[Waveform], from_hz: int, to_hz: int) -> Iterator[Waveform]:
    require_format(from_hz, 1)
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield np.asarray(stream.resample_chunk(block), np.float32)
    yield np.asarray(stream.resample_chunk(np.zeros(0, np.float32), last=True), np.float32)


def _channels_last(frame: av.AudioFrame) -> npt.NDArray[np.float32]:
    """``[sample, channel]`` float32 within [-1, 1]."""
    name = frame.format.name
    planar = frame.format.is_planar
    kind = name.removesuffix("p") if planar else name
    full_scale = _FULL_SCALE.get(kind)
    if full_scale is None:
        raise BadInput(Reason.UNSUPPORTED, f"samples of the form {name} are not read; convert it to flac")
    values = frame.to_ndarray().astype(np.float32) / np.float32(full_scale)
    if kind == "u8":
        values -= np.float32(1)
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
