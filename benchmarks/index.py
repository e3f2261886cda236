"""Recall and query time of the index type that a build chooses, compared with an exact search.

Two kinds of made data: one in nested groups like music (genres, scenes, artists), which suits inverted lists, and one
with hardly any groups, which does not. Queries are drawn with the data and not indexed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import faiss
import numpy as np

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from recommender.types import Vectors
from recommender.vectors import FaissIndex, VectorIndex, WrittenIndex, unit, write_index

DIM = 768
QUERIES = 200
SIZES = (10_000, 100_000, 300_000)
MIN_RECALL = 0.99
"""What a build tunes an index for, asked here of queries that it has not seen."""
_PART = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexComparison:
    """Result for one size of one kind of data."""

    data: str
    size: int
    written: WrittenIndex
    build_s: float
    """CPU seconds to train, tune, measure and write."""
    recall: float
    """Share of the exact ten nearest that are found, for queries that are not in the index."""
    ours_ms: tuple[float, float, float]
    """CPU milliseconds per query: median, lowest, highest."""
    exact_ms: tuple[float, float, float]

    def row(self) -> str:
        """One line of the table."""
        parameters = "".join(f", {name} {value}" for name, value in self.written.parameters.items())
        ratio = self.exact_ms[0] / self.ours_ms[0]
        ours, exact = (f"{mid:.2f} ({least:.2f} to {most:.2f})" for mid, least, most in (self.ours_ms, self.exact_ms))
        measured = "exact" if self.written.recall_at_10 is None else f"{self.written.recall_at_10:.3f}"
        return (
            f"| {self.data} | {self.size:,} | {self.written.factory}{parameters} | {measured} | {self.recall:.3f} "
            f"| {ours} | {exact} | {ratio:.1f} | {self.build_s:.0f} |"
        )


def grouped(draw: np.random.Generator, count: int) -> Vectors:
    """Nested groups: genres, scenes, artists, tracks; 96 directions of falling variance, and noise."""
    fading = 1.0 / np.sqrt(np.arange(1, 97))
    points, spread = draw.normal(size=(60, 96)) * fading, 1.0
    for groups in (1_500, max(count // 25, 1)):
        spread *= 0.7
        points = points[draw.integers(0, len(points), groups)] + spread * draw.normal(size=(groups, 96)) * fading
    turn = np.linalg.qr(draw.normal(size=(DIM, 96)))[0].T
    return _in_parts(
        count,
        lambda part: (
            (points[draw.integers(0, len(points), part)] + 0.35 * draw.normal(size=(part, 96)) * fading) @ turn
            + 0.02 * draw.normal(size=(part, DIM))
        ),
    )


def ungrouped(draw: np.random.Generator, count: int) -> Vectors:
    """256 directions of equal variance, and weak groups."""
    centres = draw.normal(size=(2_000, 256))
    turn = np.linalg.qr(draw.normal(size=(DIM, 256)))[0].T
    return _in_parts(
        count, lambda part: (0.35 * centres[draw.integers(0, 2_000, part)] + draw.normal(size=(part, 256))) @ turn
    )


def _in_parts(count: int, make: Callable[[int], np.ndarray[tuple[int, int], np.dtype[np.float64]]]) -> Vectors:
    """Unit vectors ``[count, DIM]``, made in parts, because float64 of all of them would not fit in memory."""
    found = np.empty((count, DIM), dtype=np.float32)
    for start in range(0, count, _PART):
        part = found[start : start + _PART]
        part[:] = unit(make(len(part)))
    return found


def times_ms(index: VectorIndex, queries: Vectors) -> tuple[float, float, float]:
    """CPU milliseconds of a search for ten in this thread: median, lowest and highest over the queries."""
    for query in queries[:10]:
        index.search(query, 10)
    taken = []
    for query in queries:
        started = time.thread_time()
        index.search(query, 10)
        taken.append((time.thread_time() - started) * 1e3)
    return median(taken), min(taken), max(taken)


def compare(name: str, size: int, vectors: Vectors, queries: Vectors) -> IndexComparison:
    """Write both index types and search in both with the same queries."""
    with tempfile.TemporaryDirectory() as folder:
        fitting, flat = Path(folder) / "fitting.faiss", Path(folder) / "flat.faiss"
        started = time.process_time()
        written = write_index(fitting, vectors)
        build_s = time.process_time() - started
        FaissIndex.write(flat, vectors)
        ours, exact = FaissIndex.open(fitting), FaissIndex.open(flat)
        found = [set(ours.search(query, 10)[0].tolist()) for query in queries]
        truth = [set(exact.search(query, 10)[0].tolist()) for query in queries]
        return IndexComparison(
            data=name,
            size=size,
            written=written,
            build_s=build_s,
            recall=sum(len(a & b) for a, b in zip(found, truth, strict=True)) / (10 * len(queries)),
            ours_ms=times_ms(ours, queries),
            exact_ms=times_ms(exact, queries),
        )


def measure(sizes: Sequence[int]) -> list[IndexComparison]:
    """Measure every size of both kinds of data."""
    found = []
    for name, make in (("grouped", grouped), ("hardly grouped", ungrouped)):
        for size in sizes:
            vectors = make(np.random.default_rng(size), size + QUERIES)
            places = np.random.default_rng(1).permutation(len(vectors))[:QUERIES]
            queries = vectors[places]
            vectors[places] = vectors[size:]
            found.append(compare(name, size, vectors[:size], queries))
            print(found[-1].row(), flush=True)
    return found


def bars_of(found: Sequence[IndexComparison]) -> list[Bar]:
    """Recall of queries that the build has not seen; an index that is not exact is faster than the exact search."""
    bars = []
    for one in found:
        name = f"{one.data}, {one.size:,}"
        bars.append(Bar(name=f"{name}, recall@10 of held-out queries", value=one.recall, threshold=MIN_RECALL))
        if one.written.recall_at_10 is not None:
            faster = one.exact_ms[0] / one.ours_ms[0]
            bars.append(Bar(name=f"{name}, CPU of the exact search over that of the index", value=faster, threshold=1))
    return bars


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the bars, write them where ``--json`` is given; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_json_option(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N")
    wanted = parser.parse_args(arguments)
    faiss.omp_set_num_threads(1)
    head = (
        "| data | vectors of 768 | type | recall@10 measured by the build | recall@10 of held-out queries "
        "| query, ms | exact, ms | exact / query | build, CPU s |\n|---|---|---|---|---|---|---|---|---|"
    )
    found = measure(wanted.sizes)
    result = Measurement(
        title="Recall and cost of the chosen index",
        command="python -m benchmarks.index",
        machine=machine("faiss"),
        table_markdown="\n".join([head, *(each.row() for each in found)]),
        notes=(
            f"CPU time of one thread, median over {QUERIES} queries (lowest to highest), both in the same run.",
            "Made data; a build measures recall on the real vectors and stores it in the manifest.",
        ),
        bars=tuple(bars_of(found)),
        figures={f"{each.data} {each.size}": {"recall": each.recall, "build_s": each.build_s} for each in found},
    )
    publish(result, wanted.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
