"""The judging of the similarity benchmark by hand, and a small run of it on catalogs of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measurement import Measurement
from benchmarks.similarity import (
    ORDER,
    Quality,
    bars_of,
    main,
    measure_method,
    measure_scores,
    over_seeds,
    reference_of,
    table,
)
from benchmarks.similarity_catalog import DIM, NUISANCE_OF_ARTIST, REGIMES, TRACKS, MadeCatalog, make_catalog
from indexer.build.calibration.calibration_fit import Reference, fit
from recommender.calibration.cohort import Method
from tests.factories import make_space

GOOD = Quality(
    precision=0.9,
    precision_unseen=0.9,
    skew=0.4,
    largest=30.0,
    antihubs=0.01,
    span=1.0,
    unrelated=0.2,
    same_scene=0.99,
)


def test_the_same_seed_makes_the_same_catalog_and_every_scene_is_of_one_genre() -> None:
    one, two, other = (make_catalog(REGIMES[0], seed=seed, artists_a_scene=2) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.tracks, two.tracks)
    assert not np.array_equal(one.tracks, other.tracks)
    assert one.tracks.shape == (200 * TRACKS, DIM)
    assert np.bincount(one.scene).tolist() == [2] * 100
    assert {len(set(one.genre[one.scene == scene])) for scene in range(100)} == {1}


def test_in_regime_b_the_largest_components_say_nothing_of_the_scene() -> None:
    catalog = make_catalog(REGIMES[1], seed=0, artists_a_scene=5)
    centred = catalog.tracks.astype(np.float64) - catalog.tracks.mean(axis=0)
    _, _, right = np.linalg.svd(centred, full_matrices=False)
    found = (centred @ right[:12].T).reshape(-1, TRACKS, 12).mean(axis=1)
    found /= found.std(axis=0)
    means = np.stack([found[catalog.scene == scene].mean(axis=0) for scene in range(100)])
    between = means.var(axis=0)
    assert between[:4].max() < 0.35, "means of five artists of no scene vary by a fifth"
    assert between[4:].min() > 0.45
    assert NUISANCE_OF_ARTIST == 0.2


def test_a_ranking_is_judged_by_who_is_near_and_by_what_is_shown() -> None:
    rows = np.arange(12)
    scene = rows // 6
    truth = np.where(scene[:, np.newaxis] == scene, 0.8, 0.1)
    catalog = MadeCatalog(tracks=np.ones((12, 2), dtype=np.float32), artist=rows, scene=scene, genre=scene)
    empty = Reference(ids=(), artist=np.empty(0, np.int64), tracks=np.empty((0, 2), dtype=np.float32))
    raw = fit(empty, space=make_space(dim=2), layer="low")
    found = measure_scores(raw, truth, catalog, unseen=rows > 5)
    assert (found.precision, found.precision_unseen) == (1.0, 1.0), "five others of its scene, all ahead"
    assert (found.unrelated, found.same_scene, found.span) == pytest.approx((0.1, 0.8, 0.7))
    assert found.antihubs == 0.0
    mixed = measure_scores(raw, -truth, catalog, unseen=rows > 5)
    assert (mixed.precision, mixed.unrelated) == (0.0, 0.0), "the other scene comes first, and shows no likeness"


def test_the_fitted_artists_keep_their_own_tracks() -> None:
    catalog = make_catalog(REGIMES[0], seed=0, artists_a_scene=1)
    reference = reference_of(catalog, np.array([3, 50]))
    assert reference.ids == ("00003", "00050")
    np.testing.assert_array_equal(reference.of(1), catalog.tracks[50 * TRACKS : 51 * TRACKS])


@pytest.mark.parametrize("regime", REGIMES[:2], ids=lambda regime: regime.name)
def test_on_a_small_catalog_the_pipeline_finds_more_of_the_scene_than_raw(regime: object) -> None:
    catalog = make_catalog(regime, seed=0, artists_a_scene=4)  # type: ignore[arg-type]  # pytest's ids want object
    chosen = np.sort(np.random.default_rng(0).permutation(400)[:200])
    raw, ours = (measure_method(method, catalog, chosen) for method in (Method.RAW, Method.PIPELINE))
    assert ours.precision > 1.5 * raw.precision
    assert ours.skew < raw.skew


def test_bars_hold_only_when_every_seed_reaches_them() -> None:
    raw = replace(GOOD, precision=0.4, skew=2.0)
    found = {name: {method: [GOOD, GOOD] for method in ORDER} | {Method.RAW: [raw, raw]} for name in ("A", "B")}
    assert [bar.passed for bar in bars_of(found)] == [True] * 8
    found["B"] = found["B"] | {Method.PIPELINE: [GOOD, replace(GOOD, precision=0.7, skew=0.6, unrelated=0.31)]}
    assert [bar.passed for bar in bars_of(found)] == [True] * 4 + [False, False, True, False]


def test_a_run_writes_what_the_page_of_benchmarks_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1", "--scene", "2", "--json", str(tmp_path / "out.json")]) == 0
    measured = Measurement.read(tmp_path / "out.json")
    assert measured.table_markdown in capsys.readouterr().out
    assert len(measured.table_markdown.splitlines()) == 2 + len(REGIMES) * len(ORDER)
    assert any(note.startswith("1 seed(s) a regime, 200 artists of 5 tracks, fitted on 60 ") for note in measured.notes)


def test_the_table_has_a_row_a_method_with_mean_and_spread() -> None:
    results = [replace(GOOD, precision=0.8), replace(GOOD, precision=0.9)]
    assert over_seeds(results, "precision") == pytest.approx((0.85, 0.05))
    lines = table({"A": {Method.RAW: results}}).splitlines()
    assert len(lines) == 3
    assert "| A | raw | 0.850 ± 0.050 |" in lines[2]
    assert len({line.count("|") for line in lines}) == 1
