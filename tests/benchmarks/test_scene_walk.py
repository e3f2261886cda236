"""The judging of the walk's cost by hand, and a small run of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.scene_walk import NEIGHBOURS, Cost, bars_of, made_graph, main, row

WALK = Cost(artists=100_000, way="walk", wall_s=8.0, cpu_s=15.0, peak_gib=0.8, kept=39.0)
SCIPY = replace(WALK, way="scipy", wall_s=60.0, cpu_s=60.0)


def test_every_bar_can_be_missed() -> None:
    assert [bar.passed for bar in bars_of([WALK, SCIPY])] == [True, True, True]
    slow = replace(WALK, wall_s=13.0, peak_gib=1.2, cpu_s=40.0)
    assert [bar.passed for bar in bars_of([slow, SCIPY])] == [False, False, False]
    assert bars_of([replace(WALK, artists=7)]) == []
    assert row(WALK) == "| 100,000 | walk | 8.0 | 15.0 | 0.80 | 39.0 |"


def test_the_graph_is_symmetric_and_has_the_neighbours_it_says() -> None:
    graph = made_graph(3000)
    assert abs(graph - graph.T).max() == 0
    assert graph.diagonal().max() == 0
    assert 0.8 * NEIGHBOURS < np.diff(graph.indptr).mean() < 1.1 * NEIGHBOURS


def test_a_small_run_writes_a_report_that_can_be_read(tmp_path: Path) -> None:
    main(["--artists", "2000", "--json", str(tmp_path / "out.json")])
    report = Measurement.read(tmp_path / "out.json")
    assert [line.split(" | ")[1] for line in report.table_markdown.splitlines()[2:]] == ["walk", "scipy"]
