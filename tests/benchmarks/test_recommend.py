"""The judging of the ranking benchmark by hand, and a small run of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measurement import Measurement
from benchmarks.recommend import (
    OWN_WEIGHTS,
    QUESTIONS,
    KindResult,
    SizeResult,
    bars_of,
    main,
    overlap,
    request_of,
    row,
)
from benchmarks.recommend_catalog import GENRES, LAYERS, STYLE, make_generation
from recommender.generation.manifest import CandidatesEntry, KindOverlap
from recommender.ranking.artists import Recommender

KIND = KindResult(
    artists=100_000,
    kind="one seed",
    near=np.array([1.0, 2.0, 4.0]),
    near_cpu=np.array([1.5]),
    scan=np.array([20.0, 30.0]),
    overlap=1.0,
    grpc=np.array([3.0]),
)
SMALL = SizeResult(
    artists=100_000,
    kinds=(KIND, replace(KIND, kind="five seeds", near=np.array([5.0]))),
    entry=CandidatesEntry(
        first=200, nearest=500, profile="evidence", kinds=(KindOverlap(kind="one seed", overlap_at_20=0.995),)
    ),
    build_s=12.0,
    build_mb=8.0,
    open_s=0.5,
)
LARGE = replace(SMALL, artists=1_000_000, kinds=(replace(KIND, artists=1_000_000, near=np.array([9.0]), overlap=0.98),))


def test_one_as_good_as_the_last_counts() -> None:
    right = [[(1, 0.9), (2, 0.8), (3, 0.8)], [(4, 0.5)], []]
    found = [[(1, 0.9), (3, 0.8), (7, 0.7)], [(9, 0.5)], []]
    assert overlap(found, right) == 3 / 4


def test_every_bar_can_be_missed() -> None:
    verdicts = {bar.name: bar.passed for bar in bars_of([SMALL, LARGE])}
    assert verdicts == {
        "100,000 artists, one seed, p50 in ms": True,
        "100,000 artists, one seed, overlap@20": True,
        "100,000 artists, five seeds, p50 in ms": True,
        "100,000 artists, five seeds, overlap@20": True,
        "1,000,000 artists, one seed, p50 in ms": True,
        "1,000,000 artists, one seed, overlap@20": False,
        "100,000 artists, overlap@20 at build, one seed": True,
        "1,000,000 artists, overlap@20 at build, one seed": True,
        "one seed in 1,000,000 artists, times the cost in 100,000": True,
    }
    slow = replace(LARGE, kinds=(replace(LARGE.kinds[0], near=np.array([25.0])),))
    missed = {bar.name for bar in bars_of([SMALL, slow]) if not bar.passed}
    assert "1,000,000 artists, one seed, p50 in ms" in missed
    assert "one seed in 1,000,000 artists, times the cost in 100,000" in missed


def test_a_row_shows_both_ends_of_the_times() -> None:
    cells = ["| 100,000", "one seed", "2.00 / 3.80", "1.50", "25.0", "12.5", "1.0000", "3.00 / 3.00 |"]
    assert row(KIND).split(" | ") == cells


def test_the_catalog_is_the_same_for_the_same_seed_and_as_described() -> None:
    one, two = (make_generation(2_000, seed=seed) for seed in (0, 0))
    for name in LAYERS:
        layers = [each.calibration.layers[name].artists for each in (one, two)]
        np.testing.assert_array_equal(layers[0].vectors, layers[1].vectors)
    relations = one.contents.relations
    assert relations.genre_weights.shape == (2_000, GENRES)
    assert 0.7 < (np.diff(relations.genre_weights.indptr) > 0).mean() < 0.9
    assert 0.85 < (one.contents.artists.vector_row >= 0).mean() < 0.97
    assert abs(relations.scene_strengths - relations.scene_strengths.T).max() == 0
    assert relations.scene_strengths.diagonal().max() == 0
    assert not relations.scene_strengths[np.flatnonzero(~relations.scene_mentioned)].nnz
    assert STYLE == 50


def test_a_client_asks_the_same_question() -> None:
    recommender = Recommender(make_generation(300))
    ids, drawn = recommender.generation.contents.artists.ids, list(range(160))
    requests = {kind: request_of(recommender, make(recommender, drawn)) for kind, make in QUESTIONS.items()}
    assert [ref.id for ref in requests["five seeds"].seeds] == list(ids[:5])
    assert [ref.id for ref in requests["a negative seed"].negative_seeds] == [ids[1]]
    assert {ref.id for ref in requests["five seeds, a line-up of 150"].candidates} == set(ids[5:155])
    assert [each.weight for each in requests["own weights"].weights.weights] == list(OWN_WEIGHTS.values())
    assert not requests["one seed"].HasField("weights")


def test_a_small_run_asks_every_kind_of_question_and_writes_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.recommend.ASKED", 6)
    monkeypatch.setattr("benchmarks.recommend.SCANNED", 3)
    main(["--artists", "1000", "--json", str(tmp_path / "out.json")])
    report = Measurement.read(tmp_path / "out.json")
    lines = report.table_markdown.splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == list(QUESTIONS)
    assert all(float(line.split(" | ")[-1].split(" / ")[0]) > 0.0 for line in lines), "asked through gRPC too"
    assert {bar.passed for bar in report.bars if "overlap@20" in bar.name} == {True}
    assert "| 1,000 | one seed | " in capsys.readouterr().out
