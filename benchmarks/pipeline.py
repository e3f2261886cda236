"""Cost of `soundkin embed` without decoding and encoding, its memory over time, and the work lost by kills.

Clips and encoder cost next to nothing (pipeline_stub.py), so the rest is the pipeline: sending jobs, moving 2.88 MB per
clip between processes, checks, batches, shards, the ledger, starting and replacing decoder processes. Its cost is the
CPU time of all processes, minus that of one plain loop that makes and encodes the same clips.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from benchmarks.pipeline_kills import WORKERS, KillReport, kill_and_resume, make_catalog, open_catalog
from benchmarks.pipeline_stub import HANDLER, StubEncoder, made_clip, path_of
from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, EmbedProgress, embed
from indexer.embed.pipeline import BATCH, SEAL_EVERY_CLIPS
from indexer.embed.progress import Progress
from indexer.store.store import EmbeddingStore

ROOT = Path(__file__).resolve().parent.parent
CLIPS = 10_000
RUNS = 5
KILLS = 5
MAX_OVERHEAD_MS = 2.0
MOMENTS = (0.1, 0.5, 1.0)
"""Shares of the run at which memory is read."""


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
    """Resident memory of the parent at each of ``MOMENTS``."""

    @property
    def overhead_s(self) -> float:
        """CPU time of the pipeline itself."""
        return self.parent_s + self.children_s - self.plain_s


def _cpu_s(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _plain_loop(clips: int) -> None:
    encoder = StubEncoder()
    for start in range(0, clips, BATCH):
        encoder.encode([made_clip(path_of(number)) for number in range(start, min(start + BATCH, clips))])


def _pipeline(home: Path, progress: Progress) -> None:
    encoder = StubEncoder()
    with open_catalog(home) as catalog, DecoderPool(workers=WORKERS, handler=HANDLER) as pool:
        store = EmbeddingStore(home, encoder.space)
        embed(catalog, store, encoder, pool, options=EmbedOptions(batch=BATCH, progress=progress))


def measure_run(home: Path, clips: int) -> Run:
    """Embed ``clips`` clips under ``home`` in this process and its decoders."""
    make_catalog(home, clips)
    moments = [round(share * clips) for share in MOMENTS]
    resident: list[float] = []

    def read_memory(now: EmbedProgress) -> None:
        while len(resident) < len(moments) and now.done >= moments[len(resident)]:
            resident.append(psutil.Process().memory_info().rss / 1e6)

    before = _cpu_s(resource.RUSAGE_SELF)
    _plain_loop(clips)
    plain_s = _cpu_s(resource.RUSAGE_SELF) - before
    parent, children, started = _cpu_s(resource.RUSAGE_SELF), _cpu_s(resource.RUSAGE_CHILDREN), time.monotonic()
    _pipeline(home, read_memory)
    return Run(
        wall_s=time.monotonic() - started,
        parent_s=_cpu_s(resource.RUSAGE_SELF) - parent,
        children_s=_cpu_s(resource.RUSAGE_CHILDREN) - children,
        plain_s=plain_s,
        resident_mb=tuple(resident),
    )


def print_run(clips: int) -> None:
    """Measure a run in a new folder, and print it as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asdict(measure_run(Path(folder), clips))))


def run_apart(clips: int) -> Run:
    """One run in its own process, so that its decoders do not load this module as their main module."""
    command = [sys.executable, "-c", f"from benchmarks.pipeline import print_run; print_run({clips})"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Run(**json.loads(done.stdout))


def _spread(values: Sequence[float], unit: str = "ms", *, digits: int = 2) -> str:
    """Median, with the lowest and the highest value."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{middle} {unit} ({low} to {high})"


def _table(runs: Sequence[Run], report: KillReport, clips: int) -> str:
    per_clip_ms = 1e3 / clips
    megabytes = " / ".join(f"{value:.0f}" for value in runs[0].resident_mb)
    overhead = _spread([run.overhead_s * per_clip_ms for run in runs])
    rows = (
        ("CPU time of the pipeline per clip, all processes", f"{overhead}; bound: {MAX_OVERHEAD_MS:g} ms"),
        ("of it: parent", _spread([(run.parent_s - run.plain_s) * per_clip_ms for run in runs])),
        ("of it: decoder processes", _spread([run.children_s * per_clip_ms for run in runs])),
        ("the plain loop that was subtracted", _spread([run.plain_s * per_clip_ms for run in runs])),
        ("clips a second, wall time", _spread([clips / run.wall_s for run in runs], "clips/s", digits=0)),
        ("memory of the parent after 10 / 50 / 100 % of the first run", f"{megabytes} MB"),
        ("kills at random moments, then a run to the end", f"{report.kills}"),
        (
            "clips missing, in two shards, with a wrong embedding",
            f"{report.missing}, {report.twice}, {report.wrong}",
        ),
        ("clips the ledger does not know", f"{report.unmarked}"),
        ("sealed clips encoded again; decoders left running", f"{report.sealed_again}; {report.left_running}"),
        ("most clips encoded again after one kill", f"{report.most_again} (bound: {SEAL_EVERY_CLIPS})"),
    )
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def bars_of(runs: Sequence[Run], report: KillReport, clips: int) -> list[Bar]:
    """CPU time a clip; and that kills lost nothing, left no decoder running, and repeated one shard each at most."""
    overhead = median([run.overhead_s for run in runs]) * 1e3 / clips
    none = {
        "clips missing": report.missing,
        "clips in two shards": report.twice,
        "clips with a wrong embedding": report.wrong,
        "clips the ledger does not know": report.unmarked,
        "sealed clips encoded again": report.sealed_again,
        "decoders left running": report.left_running,
    }
    most = f"at most {SEAL_EVERY_CLIPS} clips encoded again after one kill: clips above"
    return [
        Bar(name="CPU ms of the pipeline per clip", value=overhead, threshold=MAX_OVERHEAD_MS, at_least=False),
        *(Bar(name=f"after kills, {name}", value=count, threshold=1, at_least=False) for name, count in none.items()),
        Bar(name=most, value=max(report.most_again - SEAL_EVERY_CLIPS, 0), threshold=1, at_least=False),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the bars, write them where ``--json`` is given; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS, metavar="N")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N")
    add_json_option(parser)
    wanted = parser.parse_args(arguments)
    runs = [run_apart(wanted.clips) for _ in range(wanted.runs)]
    with tempfile.TemporaryDirectory() as folder:
        report = kill_and_resume(Path(folder), wanted.clips, kills=KILLS, seal_every=SEAL_EVERY_CLIPS)
    result = Measurement(
        title="Cost of the pipeline itself",
        command="python -m benchmarks.pipeline",
        machine=machine("numpy"),
        table_markdown=_table(runs, report, wanted.clips),
        notes=(
            f"{wanted.clips:,} generated clips of 30 s at 24 kHz, {WORKERS} decoder processes, 13 x 768 a clip.",
            "CPU time of parent and decoders, with their start, minus a plain loop over the clips in one process.",
            f"Median of {wanted.runs} runs (lowest to highest).",
            "After the kills every embedding is compared with that of its clip, bit by bit.",
        ),
        bars=tuple(bars_of(runs, report, wanted.clips)),
        figures={"runs": [asdict(run) for run in runs], "kills": asdict(report)},
    )
    publish(result, wanted.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
