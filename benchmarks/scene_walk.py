"""What the walk over the scene costs: seconds, CPU and memory, beside the same walk by sparse products of scipy.

    python -m benchmarks.scene_walk [--artists N ...] [--million] [--json OUT]

Each walk runs in a process of its own, whose peak memory is read when it ends. The graph is made: artists with 38
neighbours each, half of them near (of a scene of its own) and half far, by a law with a long tail. The baseline is
scipy's block-wise product of the same steps, what one would write first; it is not run for a million artists, where it
takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.sparse import csr_array

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from indexer.build.scene_walk import scene_walk, walk_blocks, walk_compiled

NEIGHBOURS = 38
SIZES = (100_000,)
MILLION = 1_000_000
BARS = {100_000: (12.0, 1.0), MILLION: (180.0, 4.0)}
"""Artists -> seconds and GiB that the walk must stay below, on two cores."""
FASTER = 2.0
"""Least ratio of scipy's CPU time to the walk's."""
SEED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process measured."""

    artists: int
    way: str
    wall_s: float
    cpu_s: float
    peak_gib: float
    """Of the whole process, the made graph included."""
    kept: float
    """Entries an artist."""


def made_graph(artists: int) -> csr_array:
    """``[artist, artist]`` symmetric weights in (0, 1], about :data:`NEIGHBOURS` an artist."""
    random = np.random.default_rng(SEED)
    half = NEIGHBOURS // 4
    one = np.repeat(np.arange(artists), 2 * half)
    near = (one.reshape(artists, -1)[:, :half] + random.integers(1, 60, size=(artists, half))) % artists
    far = (random.random((artists, half)) ** 2 * artists).astype(np.int64)
    other = np.concatenate([near, far], axis=1).reshape(-1)
    weights = random.choice(np.linspace(0.1, 1.0, 10), size=len(one))
    graph = csr_array((weights, (one, other)), shape=(artists, artists))
    graph = csr_array(graph.maximum(graph.T))
    graph.setdiag(0.0)
    graph.eliminate_zeros()
    return graph


def measure_here(artists: int, way: str) -> Cost:
    """Walk in this process."""
    walk_compiled(csr_array(np.array([[0.0, 1.0], [1.0, 0.0]])))  # compiled before the clock runs
    graph = made_graph(artists)
    started, busy = time.perf_counter(), time.process_time()
    if way == "scipy":
        degrees = np.asarray(graph.sum(axis=1)).reshape(-1)
        shares = graph.data / np.repeat(np.where(degrees > 0, degrees, 1.0), np.diff(graph.indptr))
        entries = walk_blocks(csr_array((shares, graph.indices, graph.indptr), shape=graph.shape)).nnz
    else:
        entries = scene_walk(graph).nnz
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return Cost(artists=artists, way=way, wall_s=wall_s, cpu_s=cpu_s, peak_gib=peak, kept=entries / artists)


def measure(artists: int, way: str) -> Cost:
    """Walk in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scene_walk", "--one", str(artists), way]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


HEAD = "| artists | way | wall s | CPU s | peak GiB | entries an artist |\n|---:|---|---:|---:|---:|---:|"


def row(cost: Cost) -> str:
    """One line of the table."""
    figures = f"{cost.wall_s:.1f} | {cost.cpu_s:.1f} | {cost.peak_gib:.2f} | {cost.kept:.1f}"
    return f"| {cost.artists:,} | {cost.way} | {figures} |"


def bars_of(costs: Sequence[Cost]) -> list[Bar]:
    """Time and memory of the walk, and how much less it costs than scipy's."""
    bars = []
    plain = {cost.artists: cost.cpu_s for cost in costs if cost.way == "scipy"}
    for cost in (one for one in costs if one.way == "walk"):
        name = f"{cost.artists:,} artists"
        if cost.artists in BARS:
            seconds, gib = BARS[cost.artists]
            bars.append(Bar(name=f"{name}, wall s", value=cost.wall_s, threshold=seconds, at_least=False))
            bars.append(Bar(name=f"{name}, peak GiB", value=cost.peak_gib, threshold=gib, at_least=False))
        if cost.artists in plain:
            ratio = plain[cost.artists] / cost.cpu_s
            bars.append(Bar(name=f"{name}, CPU of scipy over CPU of the walk", value=ratio, threshold=FASTER))
    return bars


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Measure the walk over the scene.")
    parser.add_argument("--artists", type=int, action="append", metavar="N", help=f"sizes [default: {SIZES}]")
    parser.add_argument("--million", action="store_true", help="a million artists too: five minutes, 4 GB of memory")
    parser.add_argument("--one", nargs=2, metavar=("N", "WAY"), help=argparse.SUPPRESS)
    add_json_option(parser)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(asdict(measure_here(int(options.one[0]), options.one[1]))))
        return 0
    costs = [measure(artists, way) for artists in options.artists or SIZES for way in ("walk", "scipy")]
    if options.million:
        costs.append(measure(MILLION, "walk"))
    result = Measurement(
        title="The walk over the scene",
        command="python -m benchmarks.scene_walk" + (" --million" if options.million else ""),
        machine=machine("numba", "scipy"),
        table_markdown="\n".join([HEAD, *map(row, costs)]),
        notes=(
            f"Made graph, about {NEIGHBOURS} neighbours an artist. The walk runs on two threads, scipy on one: compare "
            f"CPU. Load of the machine {os.getloadavg()[0]:.1f} at the end.",
        ),
        bars=tuple(bars_of(costs)),
        figures={f"{cost.artists} {cost.way}": asdict(cost) for cost in costs},
    )
    publish(result, options.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
