"""The benchmark of the full scan judges equal rows and the ratio to a BLAS product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks import scan
from benchmarks.scan import ScanResult, bars_of, measure, unequal

FINE = ScanResult(items=1_000, dim=768, blas_ms=[1.0], scan_ms=[1.2], search_ms=[1.0], unequal=0, unequal_blas=3)


def missed(found: ScanResult) -> list[str]:
    """Names of the bars that a size misses."""
    return [bar.name for bar in bars_of([found]) if not bar.passed]


def test_each_bar_can_be_missed_and_narrow_vectors_have_none_on_time() -> None:
    assert missed(FINE) == []
    assert missed(replace(FINE, scan_ms=[1.6])) == ["1,000 x 768, scan / BLAS"]
    assert missed(replace(FINE, unequal=1)) == ["1,000 x 768, equal rows scored unequally"]
    assert missed(replace(FINE, dim=48, scan_ms=[3.0])) == []


def test_scores_that_differ_by_a_bit_are_unequal() -> None:
    scores = np.full(5, 0.5, dtype=np.float32)
    scores[3] = np.nextafter(scores[3], np.float32(1.0))
    assert unequal(scores, np.array([0, 2, 4])) == 0
    assert unequal(scores, np.array([0, 3, 4])) == 1


def test_equal_rows_of_a_real_index_score_equally() -> None:
    found = measure(503, 96)
    assert found.unequal == 0
    assert found.row().startswith("| 503 x 96 | ")
    assert len(found.scan_ms) == scan.ROUNDS
