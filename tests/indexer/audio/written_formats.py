"""Small files of every format, container and encoding that the installed libraries write, also oddly wrapped ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
import soundfile

from tests.indexer.audio.written_audio import Sound, melody

SECONDS = 5.6
Wrap = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Written:
    """How a file is written: by libsndfile (``codec`` is its subtype), or by FFmpeg with ``options`` of the muxer."""

    container: str
    codec: str
    rate_hz: int = 44_100
    channels: int = 2
    library: str = "ffmpeg"
    options: tuple[tuple[str, str], ...] = ()
    gapless: bool = True
    """Whether the file tells the exact length of its source."""
    vary: bool = False
    """Whether the bit rate varies."""

    def content(self, seconds: float = SECONDS, *, seed: int = 0) -> bytes:
        """The bytes of a file of a melody."""
        mono = melody(seconds, rate_hz=self.rate_hz, seed=seed)
        sound = np.stack([mono] * self.channels, axis=1)
        return _by_sndfile(self, sound) if self.library == "sndfile" else _by_ffmpeg(self, sound)


def _by_sndfile(how: Written, sound: Sound) -> bytes:
    target = io.BytesIO()
    mode = {"bitrate_mode": "VARIABLE"} if how.vary else {}
    with soundfile.SoundFile(
        target, "w", how.rate_hz, how.channels, subtype=how.codec, format=how.container, **mode
    ) as file:
        for start in range(0, len(sound), how.rate_hz):
            file.write(sound[start : start + how.rate_hz])
    return target.getvalue()


def _by_ffmpeg(how: Written, sound: Sound) -> bytes:
    target = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[how.channels]
    with av.open(target, "w", format=how.container, options=dict(how.options)) as muxer:
        stream = cast(av.AudioStream, muxer.add_stream(how.codec, rate=how.rate_hz))
        stream.layout = layout
        stream.codec_context.options = {"strict": "experimental"}
        if how.codec.startswith("wma"):
            stream.bit_rate = 128_000
        for start in range(0, len(sound), 1024):
            block = np.ascontiguousarray(sound[start : start + 1024].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = how.rate_hz, start
            muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode(None))
    return target.getvalue()


def decoded_seconds(content: bytes) -> float:
    """Length by a full decode with FFmpeg, whatever the format; damaged packets are skipped."""
    seconds = 0.0
    with av.open(io.BytesIO(content), mode="r") as source:
        for packet in source.demux(source.streams.audio[0]):
            try:
                seconds += sum(frame.samples / frame.sample_rate for frame in packet.decode())
            except av.FFmpegError:
                continue
    return seconds


def id3(body: bytes = b"\0" * 3000) -> bytes:
    """An ID3v2.4 tag around ``body``."""
    return b"ID3\x04\0\0" + bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0)) + body


def ape_tag(body: bytes = b"") -> bytes:
    """An APEv2 tag with header and footer."""
    fields = (2000).to_bytes(4, "little") + (len(body) + 32).to_bytes(4, "little") + bytes(4)
    header = b"APETAGEX" + fields + (0xA0000000).to_bytes(4, "little") + bytes(8)
    return header + body + b"APETAGEX" + fields + (0x80000000).to_bytes(4, "little") + bytes(8)


def with_xing_frames(factor: float) -> Wrap:
    """Multiply the frame count of a Xing or Info header."""

    def change(content: bytes) -> bytes:
        at = max(content.find(b"Xing", 0, 4000), content.find(b"Info", 0, 4000)) + 8
        count = int.from_bytes(content[at : at + 4], "big")
        return content[:at] + round(count * factor).to_bytes(4, "big") + content[at + 4 :]

    return change


def without_first_frame(content: bytes) -> bytes:
    """An mp3 without its Xing or Info frame."""
    return content[content.index(content[:2], 4) :]


def with_data_size(size: int) -> Wrap:
    """Another size in the ``data`` chunk of a wav."""

    def change(content: bytes) -> bytes:
        at = content.index(b"data") + 4
        return content[:at] + size.to_bytes(4, "little") + content[at + 4 :]

    return change


def with_flac_total(total: int) -> Wrap:
    """Another number of samples in the header of a FLAC; 0 leaves it open."""

    def change(content: bytes) -> bytes:
        packed = int.from_bytes(content[18:26], "big") >> 36 << 36 | total
        return content[:18] + packed.to_bytes(8, "big") + content[26:]

    return change
