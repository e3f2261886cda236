"""Measures the bars of "one recording": which copies of a clip they find, and whether they merge different clips.

``python -m benchmarks.one_recording [FOLDER] [--clips N]``: on the audio files of FOLDER, one clip a file, or else on
generated clips. Exits with 1 when one pair of different clips reaches a bar. Needs PyAV.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.fit_material import generated_clip
from indexer.audio.decode import choose_excerpt, decode, probe
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from recommender.errors import BadInput
from recommender.ranking.duplicates import SAME_FROM, SAME_TITLE_FROM, STRANGER_FROM
from recommender.types import Waveform

Samples: TypeAlias = npt.NDArray[np.float32]
"""``[time, channel]``"""
Directions: TypeAlias = npt.NDArray[np.float64]
"""``[clip, layer, dim]`` unit vectors, relative to the centre of the layer."""

RATE_HZ = 48_000
"""Of every copy: Opus has no other."""
SECONDS = 30.0
BLOCK = 48_000
SAME_AUDIO = 0.9999
"""Two files with so much in common are one recording: a folder may have one under two names."""
STRIDE = 4
"""Every fourth clip is copied; all are compared with one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """How a copy of a clip is made: something done to its samples, then written by a codec."""

    name: str
    suffix: str
    codec: str
    bit_rate: int = 0
    change: Callable[[Samples], Samples] = lambda samples: samples


COPIES = (
    Copy(name="flac", suffix=".flac", codec="flac"),
    Copy(name="mp3, 320 kbit/s", suffix=".mp3", codec="libmp3lame", bit_rate=320_000),
    Copy(name="mp3, 128 kbit/s", suffix=".mp3", codec="libmp3lame", bit_rate=128_000),
    Copy(name="mp3, 64 kbit/s", suffix=".mp3", codec="libmp3lame", bit_rate=64_000),
    Copy(name="aac, 96 kbit/s", suffix=".m4a", codec="aac", bit_rate=96_000),
    Copy(name="opus, 48 kbit/s", suffix=".opus", codec="libopus", bit_rate=48_000),
    Copy(name="a quarter of the level", suffix=".flac", codec="flac", change=lambda s: s * np.float32(0.25)),
    Copy(name="without the first 1.2 s", suffix=".flac", codec="flac", change=lambda s: s[int(1.2 * RATE_HZ) :]),
    Copy(name="without the first 5 s", suffix=".flac", codec="flac", change=lambda s: s[5 * RATE_HZ :]),
)


def write_copy(path: Path, samples: Samples, copy: Copy) -> None:
    """Write ``samples`` at 48 kHz by the codec of ``copy``."""
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(copy.codec, rate=RATE_HZ, layout=layout)  # Any: its class depends on the codec
        if copy.bit_rate:
            stream.bit_rate = copy.bit_rate
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=RATE_HZ)
        for start in range(0, len(samples), BLOCK):
            block = np.ascontiguousarray(samples[start : start + BLOCK].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = RATE_HZ, start
            for ready in resampler.resample(frame):
                out.mux(stream.encode(ready))
        out.mux(stream.encode(None))


def clips_of(folder: Path | None, count: int) -> list[Samples]:
    """The clips to copy, at 48 kHz: of the first files of ``folder`` that can be read, or generated ones."""
    if folder is None:
        return [generated_clip(seed, seconds=SECONDS, sample_rate_hz=RATE_HZ)[:, None] for seed in range(count)]
    clips: list[Samples] = []
    for path in sorted(folder.iterdir()):
        if len(clips) < count:
            clips += _clip(path)
    return clips


def _clip(path: Path) -> list[Samples]:
    try:
        excerpt = choose_excerpt(probe(path).duration_s)
        return [decode(path, excerpt=excerpt, sample_rate_hz=RATE_HZ)[:, None]]
    except (BadInput, soundfile.LibsndfileError):
        return []


def embed(waves: Sequence[Waveform], encoder: DescriptorEncoder) -> npt.NDArray[np.float64]:
    """``[clip, layer, dim]``, each vector of unit length."""
    vectors = np.concatenate([encoder.encode([wave]) for wave in waves]).astype(np.float64)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=2, keepdims=True))


def relative(vectors: npt.NDArray[np.float64], centre: npt.NDArray[np.float64]) -> Directions:
    """Unit vectors after the centre ``[layer, dim]`` is taken off, as recommender/ranking/duplicates.py does."""
    moved = vectors - centre
    return np.asarray(moved / np.linalg.norm(moved, axis=2, keepdims=True))


def mean_cosines(a: Directions, b: Directions) -> npt.NDArray[np.float64]:
    """``[clip of a, clip of b]`` mean over layers."""
    return np.asarray(np.einsum("ild,jld->ij", a, b) / a.shape[1])


def measure(clips: Sequence[Samples], folder: Path) -> tuple[npt.NDArray[np.float64], Mapping[str, list[float]]]:
    """Mean cosines of all pairs of different clips, and of copied clips with each of their copies.

    The first of :data:`COPIES` stands for the clip itself.
    """
    encoder = DescriptorEncoder()
    rate_hz = encoder.space.sample_rate_hz
    read: dict[str, npt.NDArray[np.float64]] = {}
    for copy in COPIES:
        waves = []
        for number, samples in enumerate(clips if copy is COPIES[0] else clips[::STRIDE]):
            path = folder / f"{number}{copy.suffix}"
            write_copy(path, copy.change(samples), copy)
            waves.append(decode(path, excerpt=choose_excerpt(probe(path).duration_s), sample_rate_hz=rate_hz))
            path.unlink()
        read[copy.name] = embed(waves, encoder)
        print(f"{copy.name}: embedded", file=sys.stderr)
    plain = read[COPIES[0].name]
    centre = plain.mean(axis=0)
    base = relative(plain, centre)
    between = mean_cosines(base, base)[np.triu_indices(len(clips), 1)]
    del read[COPIES[0].name]
    own = {n: np.diagonal(mean_cosines(base[::STRIDE], relative(v, centre))).tolist() for n, v in read.items()}
    return between, own


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table; 1 when a pair of different clips reaches a bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--clips", type=int, default=24)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        between, own = measure(clips_of(chosen.folder, chosen.clips), Path(work))
    bars = (SAME_TITLE_FROM, SAME_FROM, STRANGER_FROM)
    print(f"| copy | least | median |{''.join(f' at {bar} |' for bar in bars)}\n{'|---' * 6}|")
    for name, values in own.items():
        found = [f"{sum(value >= bar for value in values)} of {len(values)}" for bar in bars]
        print(f"| {name} | {min(values):.4f} | {np.median(values):.4f} | {' | '.join(found)} |")
    alike = int(np.sum(between >= SAME_AUDIO))
    between = between[between < SAME_AUDIO]
    print(f"pairs that are the same audio under two names, left out of what follows: {alike}")
    top = ", ".join(f"{value:.3f}" for value in np.sort(between)[::-1][:5])
    print(f"{len(between)} pairs of different clips: the five nearest {top}")
    merged = int(np.sum(between >= min(bars)))
    print(f"{'FAIL' if merged else 'PASS'}: {merged} pairs of different clips reach {min(bars)}")
    return int(merged > 0)


if __name__ == "__main__":
    sys.exit(main())
