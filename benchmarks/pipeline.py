"""What `soundkin embed` costs beside decoding and encoding, whether its memory is flat, and what kills cost.

With clips and an encoder that cost next to nothing (pipeline_stub.py), what is left is the pipeline: handing out jobs,
moving 2.88 MB a clip between processes, checking, batching, sealing, the ledger, starting and replacing the decoder
processes. Its cost is the CPU time of all processes, less that of one plain loop that makes and encodes the same clips.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.pipeline_kills import WORKERS, Survived, kill_and_resume, make_catalogue, open_catalogue
from benchmarks.pipeline_stub import HANDLER, StubEncoder, made_clip, path_of
from indexer.embed import SEAL_EVERY_CLIPS, EmbedOptions, embed
from indexer.store import EmbeddingStore
from indexer.workers.pool import DecoderPool

CLIPS = 10_000
KILLS = 5
BATCH = EmbedOptions().batch
MOST_OVERHEAD_MS = 2.0
MOMENTS = (0.1, 0.5, 1.0)
"""Shares of the run after which memory is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run from an empty store to a full one."""

    wall_s: float
    parent_s: float
    """CPU time of the process that calls ``embed``, user and system."""
    children_s: float
    """CPU time of its decoder processes, starting them included."""
    plain_s: float
    """CPU time of the plain loop over the same clips."""
    resident_mb: tuple[float, ...]
    """Of the parent, at each of ``MOMENTS``."""


def _cpu_s(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _plain_loop(clips: int) -> None:
    encoder = StubEncoder()
    for start in range(0, clips, BATCH):
        encoder.encode([made_clip(path_of(number)) for number in range(start, min(start + BATCH, clips))])


def _pipeline(home: Path, progress: Callable[[int, int], None]) -> None:
    encoder = StubEncoder()
    with open_catalogue(home) as catalog, DecoderPool(workers=WORKERS, handler=HANDLER) as pool:
        store = EmbeddingStore(home, encoder.space)
        embed(catalog, store, encoder, pool, options=EmbedOptions(batch=BATCH, progress=progress))


def measure_run(home: Path, clips: int) -> Run:
    """Embed ``clips`` clips under ``home`` in this process and its decoders."""
    make_catalogue(home, clips)
    moments = {round(share * clips) for share in MOMENTS}
    resident: list[float] = []

    def look(done: int, _total: int) -> None:
        if done in moments:
            resident.append(psutil.Process().memory_info().rss / 1e6)

    before = _cpu_s(resource.RUSAGE_SELF)
    _plain_loop(clips)
    plain_s = _cpu_s(resource.RUSAGE_SELF) - before
    parent, children, started = _cpu_s(resource.RUSAGE_SELF), _cpu_s(resource.RUSAGE_CHILDREN), time.monotonic()
    _pipeline(home, look)
    return Run(
        wall_s=time.monotonic() - started,
        parent_s=_cpu_s(resource.RUSAGE_SELF) - parent,
        children_s=_cpu_s(resource.RUSAGE_CHILDREN) - children,
        plain_s=plain_s,
        resident_mb=tuple(resident),
    )


def _table(run: Run, survived: Survived, clips: int) -> str:
    overhead_ms = (run.parent_s + run.children_s - run.plain_s) / clips * 1e3
    megabytes = " / ".join(f"{value:.0f}" for value in run.resident_mb)
    rows = (
        ("the pipeline's own CPU time a clip, all processes", f"{overhead_ms:.2f} ms (bound: {MOST_OVERHEAD_MS:g} ms)"),
        (
            "of it: parent, decoder processes",
            f"{run.parent_s / clips * 1e3:.2f} ms, {run.children_s / clips * 1e3:.2f} ms",
        ),
        ("the plain loop that was taken off", f"{run.plain_s / clips * 1e3:.2f} ms"),
        ("wall time, clips a second", f"{run.wall_s:.1f} s, {clips / run.wall_s:.0f}"),
        ("memory of the parent after 10 / 50 / 100 %", f"{megabytes} MB"),
        ("kills at random moments, then a run to the end", f"{survived.kills}"),
        (
            "clips missing, in two shards, with another's embedding",
            f"{survived.missing}, {survived.twice}, {survived.wrong}",
        ),
        ("clips the ledger does not know", f"{survived.unmarked}"),
        ("clips encoded again, a kill", f"{survived.encoded_again / survived.kills:.0f} (bound: {_most_again()})"),
    )
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _most_again() -> int:
    return SEAL_EVERY_CLIPS + BATCH


def _lost_nothing(survived: Survived) -> bool:
    return not (survived.missing or survived.twice or survived.wrong or survived.unmarked)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it as JSON when asked. Exits with 1 when a kill cost more than time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run = measure_run(Path(folder), wanted.clips)
    with tempfile.TemporaryDirectory() as folder:
        survived = kill_and_resume(Path(folder), wanted.clips, kills=KILLS, seal_every=SEAL_EVERY_CLIPS)
    table = _table(run, survived, wanted.clips)
    print(table)
    if wanted.json:
        measured = {
            "title": "What the pipeline itself costs",
            "command": "python -m benchmarks.pipeline",
            "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}",
            "table_markdown": table,
            "notes": [
                f"{wanted.clips:,} generated clips of 30 s at 24 kHz, {WORKERS} decoder processes, 13 x 768 a clip.",
                "CPU time of parent and decoders, with their start, less a plain loop over the clips in one process.",
                "Every embedding is compared with its clip's, to the bit, after the kills.",
            ],
        }
        wanted.json.write_text(json.dumps(measured))
    if not _lost_nothing(survived):
        raise SystemExit("a kill cost an embedding, or doubled or mistook one")


if __name__ == "__main__":
    main()
