"""The judging of the ranking benchmark by hand, and a small run of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measurement import Measurement
from benchmarks.recommend import SizeResult, compared, main, row, verdicts
from benchmarks.recommend_catalog import GENRES, STYLE, make_generation
from recommender.generation.manifest import CandidatesEntry

ENTRY = CandidatesEntry(first=200, nearest=500, profile="evidence", seeds=300, overlap_at_20=0.995, same_at_20=0.99)
SMALL = SizeResult(
    artists=100_000,
    near=np.array([1.0, 2.0, 4.0]),
    near_cpu=np.array([1.5]),
    scan=np.array([20.0, 30.0]),
    floor=np.array([5.0]),
    overlap=1.0,
    same=0.975,
    entry=ENTRY,
    build_s=12.0,
    build_mb=8.0,
    open_s=0.5,
)
LARGE = replace(SMALL, artists=1_000_000, near=np.array([9.0]), scan=np.array([250.0]), overlap=0.98)


def test_answers_are_compared_place_by_place_and_one_as_good_counts() -> None:
    right = [[(1, 0.9), (2, 0.8), (3, 0.8)], [(4, 0.5)], []]
    found = [[(1, 0.9), (3, 0.8), (7, 0.7)], [(9, 0.5)], []]
    assert compared(found, right) == (3 / 4, 1 / 4)


def test_every_bar_passes_or_fails_with_its_figure() -> None:
    assert verdicts([SMALL, LARGE]) == [
        "PASS: 100,000 artists under 3 ms p50 (2.00 ms).",
        "PASS: 100,000 artists, overlap@20 at least 0.99 (1.0000 here, 0.9950 at build on 300 others).",
        "PASS: 1,000,000 artists under 10 ms p50 (9.00 ms).",
        "FAIL: 1,000,000 artists, overlap@20 at least 0.99 (0.9800 here, 0.9950 at build on 300 others).",
        "PASS: 10 times the artists cost 4.50 times as much (the full scan 10.0 times).",
    ]
    slow = replace(LARGE, near=np.array([25.0]))
    assert "FAIL: 1,000,000 artists under 10 ms p50 (25.00 ms)." in verdicts([slow])
    assert verdicts([SMALL, slow])[-1].startswith("FAIL: 10 times the artists cost 12.50 times")


def test_a_row_shows_both_ends_of_the_times() -> None:
    assert row(SMALL).split(" | ")[:5] == ["| 100,000", "2.00 / 3.96", "1.50", "25.00 / 29.90", "5.00"]


def test_the_catalog_is_the_same_for_the_same_seed_and_as_described() -> None:
    one, two = (make_generation(2_000, seed=seed) for seed in (0, 0))
    layers = [each.calibration.layers["only"].artists for each in (one, two)]
    np.testing.assert_array_equal(layers[0].vectors, layers[1].vectors)
    relations = one.contents.relations
    assert relations.genre_weights.shape == (2_000, GENRES)
    assert 0.7 < (np.diff(relations.genre_weights.indptr) > 0).mean() < 0.9
    assert 0.85 < (one.contents.artists.vector_row >= 0).mean() < 0.97
    assert abs(relations.scene_strengths - relations.scene_strengths.T).max() == 0
    assert relations.scene_strengths.diagonal().max() == 0
    assert not relations.scene_strengths[np.flatnonzero(~relations.scene_mentioned)].nnz
    assert STYLE == 50


def test_a_small_run_writes_a_report_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--artists", "1000", "--json", str(tmp_path / "out.json")])
    report = Measurement.read(tmp_path / "out.json")
    assert report.table_markdown.splitlines()[2].startswith("| 1,000 | ")
    assert any("overlap@20" in note for note in report.notes)
    assert "| 1,000 | " in capsys.readouterr().out
