"""Measures clips per second end to end: ``python -m benchmarks.encode_whole SOURCE FOLDER``.

Writes one JSON object to stdout; ``benchmarks.encode`` starts it. From tensors: waveforms in main memory to embeddings
in main memory. From files: MP3s through decoder processes, the encoder and the store, as in ``soundkin embed``; and
the decoders alone over the same files, to show which of the two is the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import soundfile

from benchmarks.encode_forms import sounds
from indexer.audio.decode import Excerpt
from indexer.audio.workers.pool import DecodeJob, DecoderPool
from indexer.embed.embed import EmbedOptions, embed
from indexer.encoders.mert.config import read_geometry
from indexer.encoders.mert.encoder import MertEncoder, MertOptions
from indexer.encoders.mert.models import SAMPLE_RATE_HZ, SPECS
from indexer.ingest.scan import scan
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog

DIFFERENT = 8
"""Different sounds; further clips repeat them in files with another tag."""
SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """One end-to-end run."""

    source: str
    device: str
    clips: int
    seconds: float
    cpu_s: float
    """CPU time of all threads of the encoding process, without the decoders."""
    busy_s: float
    """Seconds in which the device had a pass to work on."""
    decoded_per_s: float | None
    """Clips per second of the decoders alone; None from tensors."""
    decoders: int


def from_tensors(encoder: MertEncoder, clips: int, *, device: str) -> WholeRun:
    """Encode ``clips`` waveforms in batches of the encoder's size."""
    given = list(islice(cycle(sounds(min(DIFFERENT, clips), SECONDS)), clips))
    busy, cpu, started = encoder.busy_s, time.process_time(), time.perf_counter()
    for first in range(0, clips, encoder.batch):
        encoder.encode(given[first : first + encoder.batch])
    seconds = time.perf_counter() - started
    return WholeRun(
        source="tensors",
        device=device,
        clips=clips,
        seconds=seconds,
        cpu_s=time.process_time() - cpu,
        busy_s=encoder.busy_s - busy,
        decoded_per_s=None,
        decoders=0,
    )


def from_files(encoder: MertEncoder, clips: int, *, device: str, decoders: int) -> WholeRun:
    """Write ``clips`` MP3s, scan them, decode them all, and then embed them all."""
    with tempfile.TemporaryDirectory() as folder, DecoderPool(workers=decoders) as pool:
        home, music = Path(folder) / "home", Path(folder) / "music"
        home.mkdir()
        write_music(music, clips)
        with Catalog.open(home / "catalog.db") as catalog:
            scan(catalog, music, pool=pool, progress=lambda done, total: None)
            decoded_s = _timed(lambda: _decode_all(catalog, encoder, pool))
            busy, cpu = encoder.busy_s, time.process_time()
            report = embed(catalog, EmbeddingStore(home, encoder.space), encoder, pool, options=EmbedOptions())
            cpu_s = time.process_time() - cpu
    if report.embedded != clips:
        raise RuntimeError(f"{report.embedded} of {clips} clips were embedded: {report.by_reason}")
    return WholeRun(
        source="files",
        device=device,
        clips=clips,
        seconds=report.seconds,
        cpu_s=cpu_s,
        busy_s=encoder.busy_s - busy,
        decoded_per_s=clips / decoded_s,
        decoders=decoders,
    )


def write_music(folder: Path, clips: int) -> None:
    """MP3s of 30 s, 44.1 kHz, stereo; each with another tag, so that all have different contents."""
    folder.mkdir()
    made = [_mp3(folder / f"{number}.mp3", number) for number in range(min(DIFFERENT, clips))]
    for number in range(clips):
        tag = b"TAG" + f"{number:030d}".encode() + bytes(95)  # ID3v1: 128 bytes at the end, title first
        (folder / f"Artist {number} - Song {number}.mp3").write_bytes(made[number % len(made)] + tag)


def _mp3(path: Path, seed: int) -> bytes:
    (left,), (right,) = (sounds(1, SECONDS * 44_100 / SAMPLE_RATE_HZ, seed=2 * seed + side) for side in (0, 1))
    soundfile.write(path, list(zip(left, right, strict=True)), 44_100, format="MP3")
    written = path.read_bytes()
    path.unlink()
    return written


def _decode_all(catalog: Catalog, encoder: MertEncoder, pool: DecoderPool) -> None:
    jobs: Iterator[DecodeJob] = (
        DecodeJob(
            path=Path(clip.source_path),
            excerpt=Excerpt(start_ms=clip.start_ms, length_ms=clip.length_ms),
            sample_rate_hz=SAMPLE_RATE_HZ,
            content_sha256=clip.content_sha256,
        )
        for clip in catalog.pending_clips(encoder.space.key)
    )
    for outcome in pool.run(jobs):
        if outcome.error is not None:
            raise outcome.error


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the encoder, warm it up, run it end to end once, and print the figures."""
    parser = argparse.ArgumentParser(description="Measure MERT end to end.")
    parser.add_argument("source", choices=("tensors", "files"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--decoders", type=int, default=max(1, os.cpu_count() or 1))
    asked = parser.parse_args(arguments)
    geometry = read_geometry(asked.folder / "config.json")
    spec = next(spec for spec in SPECS.values() if spec.geometry == geometry)
    encoder = MertEncoder(spec, asked.folder, MertOptions(device=asked.device))
    encoder.encode(sounds(encoder.rows, 3.0 if asked.device == "cpu" else SECONDS))
    if asked.source == "tensors":
        found = from_tensors(encoder, asked.clips, device=asked.device)
    else:
        found = from_files(encoder, asked.clips, device=asked.device, decoders=asked.decoders)
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
