"""Cost of a build, compared in the same run with a plain script that makes the same files, and with FAISS alone.

A home is made of synthetic clustered vectors (benchmarks/build_home.py). Then three programs run one after the other,
each in its own process: the code of ``soundkin build``; the plain script (benchmarks/build_plain.py), which makes the
same product from the same catalog and shards, without checks and durability; and FAISS alone, which reads, trains,
fills, measures and writes the indexes with the parameters that the build found.

Bars: CPU time less than 20 % over the plain script, memory under 1.3 times the vectors and indexes of one layer,
recall@10 at least 0.99. Before the clock starts, each program builds a home of 600 tracks, so that imports and first
calls are not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks import build_plain
from benchmarks.build_home import DIM, TRACKS_OF, make_home
from benchmarks.measurement import ONE_THREAD, Bar, Measurement, add_json_option, machine, publish
from indexer.build.build import build
from indexer.files.home import STAGING
from indexer.store.store import EmbeddingStore, spaces
from recommender.catalog import Catalog
from recommender.generation.manifest import Manifest
from recommender.generation.open_generation import KINDS, index_file
from recommender.types import Use

QUICK = ((10_000, 1), (10_000, 13), (100_000, 1))
"""Tracks and layers measured with ``--quick``."""
CASES = (*QUICK, (100_000, 13), (1_000_000, 1))
"""Tracks and layers measured by default."""
WARM = 600
"""Tracks of the home that is built before the clock starts."""
MAX_OVERHEAD, MAX_SHARE, MIN_RECALL = 0.20, 1.3, 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of one program."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    """Peak of resident memory, mapped files included, minus the memory before the work began."""
    recall: float
    """Lowest recall@10 of its indexes; 1 where they are exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The costs of all three programs for one number of tracks and layers."""

    tracks: int
    layers: int
    ours: Cost
    plain: Cost
    alone: Cost
    overheads: tuple[float, ...]
    """CPU time of the build over that of the plain script, minus 1, of each round."""
    layer_mb: float
    """Size of one layer's vectors and of both its indexes."""
    kind: str

    @property
    def bars(self) -> tuple[Bar, Bar, Bar]:
        """Overhead over the plain script, share of memory, and recall."""
        name, overhead, share = f"{self.tracks:,} x {self.layers}", median(self.overheads), self.share
        return (
            Bar(name=f"{name}, CPU over the plain script", value=overhead, threshold=MAX_OVERHEAD, at_least=False),
            Bar(name=f"{name}, memory over one layer", value=share, threshold=MAX_SHARE, at_least=False),
            Bar(name=f"{name}, recall@10", value=self.ours.recall, threshold=MIN_RECALL),
        )

    @property
    def share(self) -> float:
        """Peak memory over the vectors and indexes of one layer."""
        return self.ours.peak_mb / self.layer_mb

    def row(self) -> str:
        """One line of the table."""
        overhead, share, recall = median(self.overheads), self.share, self.ours.recall
        times = " | ".join(f"{one.cpu_s:.2f} / {one.wall_s:.2f}" for one in (self.ours, self.plain, self.alone))
        return (
            f"| {self.tracks:,} | {self.layers} | {self.kind} | {times} | {overhead:+.0%}{self._spread()} "
            f"| {self.ours.cpu_s / self.alone.cpu_s:.2f} | {self.ours.peak_mb:,.0f} | {self.layer_mb:,.0f} "
            f"| {share:.2f} | {self.plain.peak_mb:,.0f} | {recall:.3f} | {self.alone.recall:.3f} |"
        )

    def _spread(self) -> str:
        """Lowest and highest overhead over the rounds; empty with one round."""
        least, most = min(self.overheads), max(self.overheads)
        return f" ({least:+.0%} to {most:+.0%})" if len(self.overheads) > 1 else ""


def build_ours(home: Path) -> float:
    """Stage a generation of the whole home; return the lowest recall of its indexes."""
    (space,) = spaces(home)
    with Catalog.open(home / "catalog.db") as catalog:
        manifest = build(catalog, EmbeddingStore(home, space), home, use=Use.PERSONAL)
    return min(1.0 if entry.recall_at_10 is None else entry.recall_at_10 for entry in manifest.indexes)


def run_plain(home: Path) -> float:
    """Run the plain script with the index types that :func:`build_ours` chose."""
    return build_plain.build(home, _factories(home), home / "plain")


def run_alone(home: Path) -> float:
    """Run FAISS alone with the index types and the parameters that :func:`build_ours` found."""
    entries = _staged(home)[1].indexes
    parameters = {f"{entry.layer}.{entry.kind}": entry.parameters for entry in entries}
    return build_plain.faiss_alone(home, _factories(home), parameters, home / "alone")


def _factories(home: Path) -> dict[str, str]:
    return {entry.kind: entry.factory for entry in _staged(home)[1].indexes}


def _staged(home: Path) -> tuple[Path, Manifest]:
    (folder,) = (home / STAGING).glob("v*/")
    return folder, Manifest.from_json((folder / "MANIFEST.json").read_text())


WORK: dict[str, Callable[[Path], float]] = {"ours": build_ours, "plain": run_plain, "alone": run_alone}
MADE = {"ours": STAGING, "plain": "plain", "alone": "alone"}
"""Folder that each program writes in a home; removed before it runs again, outside the measured time."""


def run_here(what: str, home: Path, warm: Path) -> Cost:
    """Run one of :data:`WORK` in this process, after one run on the small home ``warm``."""
    for folder in (warm, home):
        shutil.rmtree(folder / MADE[what], ignore_errors=True)
    WORK[what](warm)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak of resident memory
    before, started, busy = _memory_mb("VmRSS"), time.perf_counter(), time.process_time()
    recall = WORK[what](home)
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - busy
    return Cost(cpu_s=cpu_s, wall_s=wall_s, peak_mb=_memory_mb("VmHWM") - before, recall=recall)


def _memory_mb(name: str) -> float:
    """``VmHWM`` (peak) or ``VmRSS`` (now) of this process, in MB; getrusage would count the peak of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6


def measure(tracks: int, layers: int) -> CaseResult:
    """Make a home, run the three programs on it in turns for several rounds, and remove it."""
    with tempfile.TemporaryDirectory() as name:
        home, warm = Path(name) / "home", Path(name) / "warm"
        for folder, size, wide in ((home, tracks, layers), (warm, WARM, 1)):
            folder.mkdir()
            make_home(folder, size, wide)
        build_ours(warm)  # the other two programs read the index types from it
        runs: dict[str, list[Cost]] = {what: [] for what in WORK}
        for _ in range(_rounds(tracks * layers)):
            for what in WORK:
                runs[what].append(_elsewhere(what, home, warm))
        folder, manifest = _staged(home)
        indexes = sum((folder / index_file(0, kind)).stat().st_size for kind in KINDS)
        return CaseResult(
            tracks=tracks,
            layers=layers,
            **{what: _middle(costs) for what, costs in runs.items()},
            overheads=tuple(
                ours.cpu_s / plain.cpu_s - 1 for ours, plain in zip(runs["ours"], runs["plain"], strict=True)
            ),
            layer_mb=(tracks * DIM * 4 + indexes) / 1e6,
            kind=manifest.indexes[0].factory,
        )


def _rounds(vectors: int) -> int:
    """Rounds of each program: short runs vary more, so they are repeated more often.

    >>> _rounds(10_000), _rounds(1_000_000)
    (5, 3)
    """
    return 5 if vectors <= 20_000 else 3


def _middle(costs: Sequence[Cost]) -> Cost:
    """Median times, highest memory, lowest recall."""
    return Cost(
        cpu_s=median(cost.cpu_s for cost in costs),
        wall_s=median(cost.wall_s for cost in costs),
        peak_mb=max(cost.peak_mb for cost in costs),
        recall=min(cost.recall for cost in costs),
    )


def _elsewhere(what: str, home: Path, warm: Path) -> Cost:
    command = [sys.executable, "-m", "benchmarks.build", "--only", what, str(home), str(warm)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
    return Cost(**json.loads(done.stdout))


def _case(text: str) -> tuple[int, int]:
    tracks, layers = map(int, text.split("x"))
    return tracks, layers


HEAD = (
    "| tracks | layers | index of the tracks | build: CPU s / wall s | plain script: CPU s / wall s "
    "| FAISS alone: CPU s / wall s | CPU over the plain script | times FAISS alone | build: peak MB "
    "| one layer's vectors + indexes, MB | share | plain script: peak MB | recall@10 | on other queries |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)
NOTES = (
    f"Made, clustered vectors of {DIM}, {TRACKS_OF} tracks an artist, a clip a track, one thread; medians of 5 rounds "
    "at 10,000 x 1, of 3 otherwise, overheads with the lowest and the highest of a round. Peak memory of all rounds, "
    "minus the memory before the work: Python and the libraries, some 120 MB at every size.",
    "The plain script makes the same product from the same catalog and shards: indexes of the same types, whose "
    "parameters it finds by the same search, artist averages, the fitted calibration with every artist's numbers, from "
    "5,000 artists codes that lead to candidates, columns of ids and titles, a hash a file. It checks nothing, "
    "reads nothing back, syncs nothing and records no golden answers: the difference is the cost of those.",
    "FAISS alone reads, scales, averages the artists, trains, fills, measures and writes with given parameters. "
    "A build also calibrates, and searches for the parameters.",
    "Recall@10 is the least of all indexes, as the manifest has it, on queries that the parameters were not first "
    'tuned with; "on other queries" that of FAISS alone with the same parameters on a third set. 1 where every '
    "vector is compared.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the bars, write them where ``--json`` is given; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", type=_case, action="append", metavar="TRACKSxLAYERS")
    parser.add_argument(
        "--quick", action="store_true", help="leave out 100,000 x 13 and 1,000,000 x 1, which take 40 minutes"
    )
    parser.add_argument("--only", nargs=3, metavar=("ours|plain|alone", "HOME", "WARM"), help=argparse.SUPPRESS)
    add_json_option(parser)
    wanted = parser.parse_args(arguments)
    if not Path("/proc/self/clear_refs").exists():
        print("cannot be measured here: needs Linux, for the peak memory of a process")
        return 0
    if wanted.only:
        print(json.dumps(asdict(run_here(wanted.only[0], *map(Path, wanted.only[1:])))))
        return 0
    cases = [_measure_and_print(*case) for case in wanted.case or (QUICK if wanted.quick else CASES)]
    result = _page(cases, " --quick" if wanted.quick else "")
    publish(result, wanted.out)
    return result.status


def _measure_and_print(tracks: int, layers: int) -> CaseResult:
    started = time.monotonic()
    case = measure(tracks, layers)
    print(f"{case.row()} took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return case


def _page(cases: Sequence[CaseResult], option: str) -> Measurement:
    return Measurement(
        title="Cost of a build, compared with a plain script and with FAISS alone",
        command=f"python -m benchmarks.build{option}",
        machine=machine("faiss"),
        table_markdown="\n".join([HEAD, *(case.row() for case in cases)]),
        notes=NOTES,
        bars=tuple(bar for case in cases for bar in case.bars),
        figures={f"{case.tracks}x{case.layers}": asdict(case) for case in cases},
    )


if __name__ == "__main__":
    sys.exit(main())
