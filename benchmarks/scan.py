"""Cost of one query against every artist: the row-by-row scan of the product, a BLAS product, and a FAISS search.

Rankings need equal artists to score equally in any row, which a BLAS product does not guarantee (docs/methods.md,
"Vectors and cosines"). The cost is shown as a ratio to the BLAS product of the same arrays in the same run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.measurement import Measurement, add_json_option, machine
from recommender.vectors import FaissIndex, unit

SIZES = ((1_000, 768), (10_000, 768), (100_000, 768), (100_000, 48))
ROUNDS = 15


def _times_ms(run: Callable[[], object]) -> list[float]:
    """CPU milliseconds of each round, in this thread."""
    run()
    taken = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        run()
        taken.append((time.thread_time() - started) * 1e3)
    return taken


def _row(items: int, dim: int) -> str:
    vectors = unit(np.random.default_rng(items).normal(size=(items, dim)).astype(np.float32))
    query = vectors[items // 2].copy()
    with tempfile.TemporaryDirectory() as folder:
        FaissIndex.write(Path(folder) / "x.faiss", vectors)
        index = FaissIndex.open(Path(folder) / "x.faiss")
        blas = _times_ms(lambda: vectors @ query)
        scan = _times_ms(lambda: index.cosines(query))
        search = _times_ms(lambda: index.search(query, 10))
    cells = [f"{median(times):.2f} ({min(times):.2f} to {max(times):.2f})" for times in (blas, scan, search)]
    ratio = median(scan) / median(blas)
    return f"| {items:,} x {dim} | {cells[0]} | {cells[1]} | {ratio:.2f} | {cells[2]} |"


def main() -> None:
    """Print the table, and write it where ``--json`` is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_json_option(parser)
    wanted = parser.parse_args()
    head = "| vectors | BLAS product, ms | scan, ms | scan / BLAS | FAISS search of 10, ms |\n|---|---|---|---|---|"
    table = "\n".join([head, *(_row(items, dim) for items, dim in SIZES)])
    print(table)
    if wanted.out:
        Measurement(
            title="Cost of a full scan",
            command="python -m benchmarks.scan",
            machine=machine("numpy", "faiss"),
            table_markdown=table,
            notes=(
                f"CPU time of one thread, median of {ROUNDS} rounds (lowest to highest).",
                "The scan gives equal rows equal scores wherever they stand; a BLAS product does not.",
            ),
        ).write(wanted.out)


if __name__ == "__main__":
    main()
