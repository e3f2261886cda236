"""Files of every codec and container that PyAV and libsndfile write, and what taggers and remuxers do to them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import mutagen
import numpy as np
from mutagen.id3 import APIC, ID3, TCON, TIT2, TPE1
from mutagen.mp4 import MP4, MP4Cover

from tests.indexer.audio.written_audio import Sound, write

RATE_HZ = 48_000
BY_SNDFILE = {
    "wav": None,
    "aiff": None,
    "flac": None,
    "ogg": "VORBIS",
    "oga": "OPUS",
    "mp3": None,
    "caf": "PCM_24",
    "au": "FLOAT",
    "w64": "PCM_16",
    "rf64": "PCM_16",
}
BY_FFMPEG = {
    "m4a": ("ipod", "aac"),
    "alac.m4a": ("ipod", "alac"),
    "flac.mp4": ("mp4", "flac"),
    "opus.mp4": ("mp4", "libopus"),
    "frag.mp4": ("mp4", "aac"),
    "aac": ("adts", "aac"),
    "mp2": ("mp2", "mp2"),
    "flac.ogg": ("ogg", "flac"),
    "wv": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
    "ac3": ("ac3", "ac3"),
    "eac3": ("eac3", "eac3"),
    "wma": ("asf", "wmav2"),
    "mka": ("matroska", "flac"),
    "webm": ("webm", "libopus"),
}
KINDS = (*BY_SNDFILE, *BY_FFMPEG)
"""The names of all kinds: also the last part of the names of their files."""
LOSSLESS = ("wav", "aiff", "flac", "caf", "au", "w64", "rf64", "alac.m4a", "flac.mp4", "flac.ogg", "wv", "tta", "mka")
BY_PACKETS = ("wma", "mka", "webm")
COVER = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 1200


def write_kind(folder: Path, kind: str, sound: Sound) -> Path:
    """Write mono ``sound`` at 48 kHz as one of :data:`KINDS`."""
    path = folder / f"a.{kind}"
    if kind == "oga":
        return write(folder / "a.ogg", sound, rate_hz=RATE_HZ, subtype="OPUS").rename(path)
    if kind in BY_SNDFILE:
        return write(path, sound, rate_hz=RATE_HZ, subtype=BY_SNDFILE[kind])
    container, codec = BY_FFMPEG[kind]
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"} if kind == "frag.mp4" else {}
    with av.open(path, "w", format=container, options=options) as target:
        stream = target.add_stream(codec, rate=RATE_HZ)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        if kind not in LOSSLESS:
            stream.bit_rate = 96_000
        sample_format = stream.codec_context.codec.audio_formats[0].name  # type: ignore[index]
        resampler = av.AudioResampler(sample_format, "mono", RATE_HZ)
        fifo = av.AudioFifo()
        frame = av.AudioFrame.from_ndarray(sound[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        for resampled in resampler.resample(frame):
            fifo.write(resampled)
        while block := fifo.read(stream.codec_context.frame_size or 4096, partial=True):
            target.mux(stream.encode(block))
        target.mux(stream.encode(None))
    return path


def retag(path: Path) -> bool:
    """Give ``path`` new tags and a large cover where mutagen can; returns whether it could."""
    opened = None if path.suffix == ".rf64" else mutagen.File(path)
    if opened is None or type(opened).__name__ in ("AC3", "AAC"):
        return False
    if opened.tags is None:
        opened.add_tags()
    if isinstance(opened.tags, ID3):
        for frame in (TPE1(3, ["New"]), TIT2(3, ["Words"]), TCON(3, ["jazz"]), APIC(3, "image/jpeg", 3, "", COVER)):
            opened.tags.add(frame)
    elif isinstance(opened, MP4):
        opened["\xa9ART"], opened["covr"] = ["New"], [MP4Cover(COVER)]
    else:
        opened["Artist"], opened["Comment"] = "New", "x" * 70_000
    opened.save()
    return True


def untag(path: Path) -> None:
    """Delete all tags."""
    opened = mutagen.File(path)
    if opened is not None:
        opened.delete()


def remux(source: Path, target: Path, kind: str) -> Path:
    """Copy the packets of ``source`` into a new file of ``kind`` with other tags."""
    container = BY_FFMPEG[kind][0] if kind in BY_FFMPEG else {"oga": "ogg", "rf64": "wav"}.get(kind, kind)
    options = {"rf64": "always"} if kind == "rf64" else {}
    with av.open(source) as old, av.open(target, "w", format=container, options=options) as new:
        new.metadata.update({"artist": "New", "title": "Words"})
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(old.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return target


def with_one_sample_changed(sound: Sound) -> Sound:
    """``sound`` with one sample louder by a hundredth of full scale."""
    changed = sound.copy()
    changed[len(sound) // 2] += np.float32(0.01)
    return changed
