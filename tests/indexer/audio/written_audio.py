"""Audio files for the tests of the decoders: synthesised sound, written by every codec there is."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

Sound = npt.NDArray[np.float32]
"""``[sample]`` or ``[sample, channel]``."""

RATE_HZ = 44_100


def melody(seconds: float, *, rate_hz: int = RATE_HZ, seed: int = 0) -> Sound:
    """Low-passed noise at about -20 dBFS, mono: it never repeats, so a shift by one sample shows."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * rate_hz) + 128)
    smooth = np.convolve(noise, np.hanning(129), mode="valid")[: round(seconds * rate_hz)]
    return np.asarray(0.1 * smooth / smooth.std(), dtype=np.float32)


def tone(hz: float, seconds: float, *, rate_hz: int = RATE_HZ) -> Sound:
    """A sine at half of full scale, mono."""
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.asarray(0.5 * np.sin(2 * np.pi * hz * at_s), dtype=np.float32)


def write(path: Path, sound: Sound, *, rate_hz: int = RATE_HZ, subtype: str | None = None) -> Path:
    """Write ``sound`` in the format that the suffix of ``path`` names; returns ``path``."""
    if path.suffix in (".m4a", ".aac"):
        return _write_aac(path, np.atleast_2d(sound.T).astype(np.float32), rate_hz)
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    file_format = path.suffix.removeprefix(".").upper()
    with soundfile.SoundFile(path, "w", rate_hz, channels, subtype=subtype, format=file_format) as file:
        for start in range(0, len(sound), rate_hz):  # libsndfile crashes when it is given a minute of Vorbis at once
            file.write(sound[start : start + rate_hz])
    return path


def _write_aac(path: Path, sound: Sound, rate_hz: int) -> Path:
    layout = "mono" if len(sound) == 1 else "stereo"
    options = {"movflags": "faststart"} if path.suffix == ".m4a" else {}
    with av.open(path, "w", format="mp4" if path.suffix == ".m4a" else "adts", options=options) as target:
        stream = target.add_stream("aac", rate=rate_hz)
        stream.layout = layout
        stream.bit_rate = 192_000
        for start in range(0, sound.shape[1], 1024):
            block = np.ascontiguousarray(sound[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate_hz, start
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path
