"""Cost of one query against every artist: the row-by-row scan of the product, a BLAS product, and a FAISS search.

Rankings need equal artists to score equally in any row, which a BLAS product does not guarantee (docs/methods.md,
"Vectors and cosines"). The cost is shown as a ratio to the BLAS product of the same arrays in the same run.
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

import numpy as np

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from recommender.types import Vectors
from recommender.vectors import FaissIndex, unit

SIZES = ((1_003, 768), (10_007, 768), (100_003, 768), (100_003, 48))
"""Not multiples of what a BLAS product takes at once: its last rows are then summed in another order, and a product
misses the bar on equal rows."""
ROUNDS = 15
WIDE = 512
"""From so many numbers a vector on, reading it dominates the cost, and the bar on time holds."""
MAX_RATIO = 1.5
"""CPU of the scan over that of the BLAS product. Set when 0.98 to 1.25 was known."""
COPIES = 64
"""Equal rows, half of them spread over all and half at the end. Their scores must be equal."""


def _times_ms(run: Callable[[], object]) -> list[float]:
    """CPU milliseconds of each round, in this thread."""
    run()
    taken = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        run()
        taken.append((time.thread_time() - started) * 1e3)
    return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """One size: CPU milliseconds of each round, and how many equal rows were scored unequally."""

    items: int
    dim: int
    blas_ms: Sequence[float]
    scan_ms: Sequence[float]
    search_ms: Sequence[float]
    unequal: int
    """Of :data:`COPIES` equal rows, those whose cosine differs from that of the first."""
    unequal_blas: int

    @property
    def ratio(self) -> float:
        """CPU of the scan over that of the BLAS product."""
        return median(self.scan_ms) / median(self.blas_ms)

    def row(self) -> str:
        """One line of the table."""
        blas, scan, search = (
            f"{median(times):.2f} ({min(times):.2f} to {max(times):.2f})"
            for times in (self.blas_ms, self.scan_ms, self.search_ms)
        )
        return (
            f"| {self.items:,} x {self.dim} | {blas} | {scan} | {self.ratio:.2f} | {search} "
            f"| {self.unequal} | {self.unequal_blas} |"
        )


def measure(items: int, dim: int) -> ScanResult:
    """Ask one query of ``items`` vectors, :data:`COPIES` of which are equal."""
    vectors = unit(np.random.default_rng(items).normal(size=(items, dim)).astype(np.float32))
    spread = np.linspace(0, items - COPIES, COPIES // 2).astype(np.int64)
    places = np.concatenate([spread, np.arange(items - COPIES // 2, items)])
    vectors[places] = vectors[0]
    query = vectors[items // 2 + 1].copy()
    with tempfile.TemporaryDirectory() as folder:
        FaissIndex.write(Path(folder) / "x.faiss", vectors)
        index = FaissIndex.open(Path(folder) / "x.faiss")
        return ScanResult(
            items=items,
            dim=dim,
            blas_ms=_times_ms(lambda: vectors @ query),
            scan_ms=_times_ms(lambda: index.cosines(query)),
            search_ms=_times_ms(lambda: index.search(query, 10)),
            unequal=unequal(np.asarray(index.cosines(query)), places),
            unequal_blas=unequal(vectors @ query, places),
        )


def unequal(scores: Vectors, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
    """How many of the scores at ``places`` differ from the first of them."""
    return int((scores[places] != scores[places[0]]).sum())


def bars_of(found: Sequence[ScanResult]) -> list[Bar]:
    """Equal rows score equally in every size; wide vectors cost little more than by a BLAS product."""
    bars = []
    for one in found:
        name = f"{one.items:,} x {one.dim}"
        bars.append(Bar(name=f"{name}, equal rows scored unequally", value=one.unequal, threshold=1, at_least=False))
        if one.dim >= WIDE:
            bars.append(Bar(name=f"{name}, scan / BLAS", value=one.ratio, threshold=MAX_RATIO, at_least=False))
    return bars


HEAD = (
    "| vectors | BLAS product, ms | scan, ms | scan / BLAS | FAISS search of 10, ms | equal rows scored unequally "
    "| by BLAS |\n|---|---|---|---|---|---:|---:|"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the bars, write them where ``--json`` is given; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_json_option(parser)
    wanted = parser.parse_args(arguments)
    found = [measure(items, dim) for items, dim in SIZES]
    result = Measurement(
        title="Cost of a full scan",
        command="python -m benchmarks.scan",
        machine=machine("numpy", "faiss"),
        table_markdown="\n".join([HEAD, *(one.row() for one in found)]),
        notes=(
            f"CPU time of one thread, median of {ROUNDS} rounds (lowest to highest).",
            f"{COPIES} rows of each size are equal. The scan gives them equal scores wherever they stand; a BLAS "
            "product, the baseline, misses that bar where its last column is above 0.",
        ),
        bars=tuple(bars_of(found)),
        figures={f"{one.items}x{one.dim}": {"ratio": one.ratio, "unequal": one.unequal} for one in found},
    )
    publish(result, wanted.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
