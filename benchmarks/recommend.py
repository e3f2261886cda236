"""Cost of one ranking as the catalog grows: by candidates, by a full scan with the same code, and the floor.

    python -m benchmarks.recommend [--artists N ...] [--json OUT]

A ranking is ``Recommender.rank_artists``: the first 20 with the breakdown of each, four signals, the default profile,
one thread. The full scan is the same call on the same generation without its candidates; the floor is one product of
the seed's vector with all others in numpy, which is not an answer. Candidates are made by the code of ``soundkin
build``.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from msgspec import structs

from benchmarks.measurement import Measurement, add_json_option, machine
from benchmarks.recommend_catalog import make_generation
from indexer.build.candidate_overlap import TOP
from indexer.build.candidates import MIN_OVERLAP, PATTERN, CandidateInputs, write_candidates
from recommender import layer_mix
from recommender.generation.candidate_files import Candidates, open_candidates
from recommender.generation.manifest import CandidatesEntry
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender

SIZES = (10_000, 100_000, 1_000_000)
ASKED, SCANNED = 1000, 100
"""Seeds ranked with candidates, and how many of them are also ranked by a full scan and measured for the floor."""
SEED = 5
"""Another seed than that of the build, which measures on its own artists."""
BARS_MS = {100_000: 3.0, 1_000_000: 10.0}

Times = npt.NDArray[np.float64]
"""``[query]`` in ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeResult:
    """Result for one number of artists."""

    artists: int
    near: Times
    near_cpu: Times
    """CPU time of the same rankings."""
    scan: Times
    floor: Times
    overlap: float
    """Share of the first 20 of the full scan that candidates find; an artist as good as the 20th counts."""
    same: float
    """Share of the first 20 with the same artist in the same place."""
    entry: CandidatesEntry
    build_s: float
    """Seconds to make candidates and to measure them."""
    build_mb: float
    """Size of the candidates on disk."""
    open_s: float
    """Seconds to open a recommender on the generation in memory."""


def with_candidates(generation: Generation, folder: Path) -> Generation:
    """The generation with candidates, which the product's builder writes into ``folder``."""
    space = generation.manifest.space
    ground = CandidateInputs(
        space=space,
        contents=generation.contents,
        calibration=generation.calibration,
        artists=generation.artists,
    )
    manifest = structs.replace(generation.manifest, candidates=write_candidates(folder, ground))
    found: Candidates | None = open_candidates(folder, manifest, generation.contents, generation.calibration.layers)
    return replace(generation, manifest=manifest, candidates=found)


def measure(artists: int) -> SizeResult:
    """Make a catalog and measure rankings in it."""
    with tempfile.TemporaryDirectory() as name:
        folder, plain = Path(name), make_generation(artists)
        started = time.perf_counter()
        generation = with_candidates(plain, folder)
        built = time.perf_counter()
        near, scan = Recommender(generation), Recommender(plain)
        opened = time.perf_counter()
        seeds = np.random.default_rng(SEED).permutation(artists)[: min(ASKED, artists)].tolist()
        few = seeds[:SCANNED]
        near_ms, near_cpu_ms, found = timed(lambda seed: ask(near, seed), seeds)
        scan_ms, _, right = timed(lambda seed: ask(scan, seed), few)
        overlap, same = compared(found[: len(few)], right)
        return SizeResult(
            artists=artists,
            near=near_ms,
            near_cpu=near_cpu_ms,
            scan=scan_ms,
            floor=floor(plain, few),
            overlap=overlap,
            same=same,
            entry=generation.manifest.candidates,
            build_s=built - started,
            build_mb=sum(path.stat().st_size for path in folder.glob(PATTERN)) / 1e6,
            open_s=(opened - built) / 2,
        )


Ranking = list[tuple[int, float]]


def ask(recommender: Recommender, seed: int) -> Ranking:
    """Row and score of the first 20 artists."""
    query = ArtistQuery(seeds=(seed,), mix=layer_mix.by_default(recommender.generation.manifest.space))
    return [(each.row, each.score) for each in recommender.rank_artists(query, offset=0, n=TOP)]


def timed(answer: Callable[[int], Ranking], seeds: Sequence[int]) -> tuple[Times, Times, list[Ranking]]:
    """Wall time, CPU time (both in ms) and ranking of each seed, after five seeds to warm up."""
    for seed in seeds[:5]:
        answer(seed)
    times, busy, answers = [], [], []
    for seed in seeds:
        started, at_work = time.perf_counter(), time.thread_time()
        answers.append(answer(seed))
        busy.append(1e3 * (time.thread_time() - at_work))
        times.append(1e3 * (time.perf_counter() - started))
    return np.array(times), np.array(busy), answers


def floor(generation: Generation, seeds: Sequence[int]) -> Times:
    """Milliseconds of one matrix product with every vector."""
    (layer,) = generation.calibration.layers.values()
    vectors, times = layer.artists.vectors, []
    for seed in seeds:
        started = time.perf_counter()
        vectors @ vectors[seed % len(vectors)]
        times.append(1e3 * (time.perf_counter() - started))
    return np.array(times)


def compared(found: Sequence[Ranking], right: Sequence[Ranking]) -> tuple[float, float]:
    """Share of the places that are filled by an equally good artist, and share filled by the same artist."""
    as_good = same = 0
    for ours, theirs in zip(found, right, strict=True):
        least = theirs[-1][1] if theirs else 0.0
        as_good += sum(score >= least for _, score in ours)
        same += sum(one == other for one, other in zip(ours, theirs, strict=False))
    total = max(sum(map(len, right)), 1)
    return as_good / total, same / total


HEAD = (
    "| artists | p50 / p99, ms | of CPU, p50 | full scan, p50 / p99 | floor: one product, p50 | overlap@20 "
    "| same places | candidates by sound | made and measured in, s | on disk, MB | opened in, s |\n"
    "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def row(found: SizeResult) -> str:
    """One line of the table."""
    return (
        f"| {found.artists:,} | {_both(found.near)} | {np.median(found.near_cpu):.2f} | {_both(found.scan)} "
        f"| {np.median(found.floor):.2f} | {found.overlap:.4f} | {found.same:.4f} | {found.entry.nearest or 'none'} "
        f"| {found.build_s:.1f} | {found.build_mb:.1f} | {found.open_s:.2f} |"
    )


def _both(times: Times) -> str:
    return f"{np.median(times):.2f} / {np.quantile(times, 0.99):.2f}"


def verdicts(found: Sequence[SizeResult]) -> list[str]:
    """PASS or FAIL of each bar for the sizes that were measured."""
    sentences = []
    for one in found:
        median = float(np.median(one.near))
        if one.artists in BARS_MS:
            bar = BARS_MS[one.artists]
            sentences.append(f"{_word(median < bar)}: {one.artists:,} artists under {bar:g} ms p50 ({median:.2f} ms).")
        sentences.append(
            f"{_word(one.overlap >= MIN_OVERLAP)}: {one.artists:,} artists, overlap@20 at least {MIN_OVERLAP} "
            f"({one.overlap:.4f} here, {_percent(one.entry.overlap_at_20)} at build on {one.entry.seeds} others)."
        )
    for small, large in itertools.pairwise(found):
        growth = float(np.median(large.near) / np.median(small.near))
        times = large.artists / small.artists
        scan = float(np.median(large.scan) / np.median(small.scan))
        sentences.append(
            f"{_word(growth < times)}: {times:.0f} times the artists cost {growth:.2f} times as much "
            f"(the full scan {scan:.1f} times)."
        )
    return sentences


def _word(reached: bool) -> str:
    return "PASS" if reached else "FAIL"


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{share:.4f}"


def notes(found: Sequence[SizeResult]) -> list[str]:
    """What a reader must know to judge the table."""
    return [
        *verdicts(found),
        f"One thread, {ASKED} seeds drawn evenly, the first 20 with the breakdown of each; {SCANNED} of the seeds by a "
        "full scan too, on the same arrays in the same run.",
        "Made catalogs (benchmarks/recommend_catalog.py): vectors, lists and tags are drawn at once; cohort "
        "statistics, percentiles and candidates are those of the product. Real catalogs may need more candidates: a "
        "build tries, measures, and compares all artists where no number is enough.",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Measure the cost of one ranking as the catalog grows.")
    parser.add_argument("--artists", type=int, action="append", metavar="N", help=f"sizes [default: {SIZES}]")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    found = []
    print(HEAD)
    for artists in options.artists or SIZES:
        found.append(measure(artists))
        print(row(found[-1]), flush=True)
    explained = notes(found)
    print(*(f"- {note}" for note in explained), sep="\n")
    if options.out:
        Measurement(
            title="A ranking of artists, from ten thousand to a million",
            command="python -m benchmarks.recommend",
            machine=machine("numpy", "faiss"),
            table_markdown="\n".join([HEAD, *map(row, found)]),
            notes=tuple(explained),
        ).write(options.out)
    return int(any(note.startswith("FAIL") for note in explained))


if __name__ == "__main__":
    sys.exit(main())
