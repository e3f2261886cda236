"""The measures of the fusion benchmark by hand, the properties of its made catalogs, and a small run of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.blend import EVIDENCE, MUST_BEAT, CatalogResult, MethodResult, bars_of, main, ndcg, top
from benchmarks.blend_catalog import AS_DESCRIBED, SETTINGS, World, make_world
from benchmarks.measurement import Measurement

NAN = float("nan")


@pytest.fixture(scope="module")
def world() -> World:
    """A catalog of 500 artists."""
    return make_world(AS_DESCRIBED, seed=0, artists_a_scene=5)


def test_ndcg_is_that_of_the_worked_example() -> None:
    # q1 {a: 3, b: 1, c: 1} ranked b, x, a, y, c; q2 {d: 3} ranked x, y, z, d, w; computed by hand
    grades = np.array([[3.0, 1.0, 1.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0, 0.0]])
    best = np.array([[1, 3, 0, 4, 2], [1, 2, 3, 0, 4]])
    assert ndcg(best, grades) == pytest.approx([0.698839, 0.430677], abs=5e-7)


def test_an_artist_without_a_score_is_not_shown_and_gains_nothing() -> None:
    scores = np.array([[NAN, 0.2, 0.9], [NAN, NAN, NAN]])
    best = top(scores, n=2)
    assert best.tolist() == [[2, 1], [-1, -1]]
    grades = np.array([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0]])
    # second place: 1 / log2(3) of 3 + 1 / log2(3)
    assert ndcg(best, grades) == pytest.approx([0.63093 / 3.63093, 0.0], abs=1e-5)


def test_equal_scores_go_by_row() -> None:
    assert top(np.array([[0.5, 0.7, 0.5, 0.5]]), n=3).tolist() == [[1, 0, 2]]


def test_a_bar_holds_only_when_the_interval_and_every_catalog_do() -> None:
    random = np.random.default_rng(4)

    def asked(worse_than: str = "") -> CatalogResult:
        values = {EVIDENCE: 0.8} | {rival: 0.81 if rival == worse_than else 0.7 for rival in MUST_BEAT}
        answers = {
            name: MethodResult(ndcg=mean + 0.01 * random.normal(size=50), unmapped=np.zeros(50))
            for name, mean in values.items()
        }
        return CatalogResult(niche=np.ones(50, bool), off_map=np.ones(50, bool), answers=answers, learned="")

    assert all(bar.passed for bar in bars_of({"made": [asked(), asked()]}))
    for rival in MUST_BEAT:
        missed = [bar.name for bar in bars_of({"made": [asked(), asked(rival)]}) if not bar.passed]
        assert f"made: {EVIDENCE} over {rival}, lowest catalog" in missed
        assert all(f"over {rival}" in name for name in missed)


def test_coverage_is_that_of_the_description_and_follows_popularity(world: World) -> None:
    known = {
        "scene": ~np.isnan(np.diag(world.scene)),
        "genre": ~np.isnan(np.diag(world.genre)),
        "collaboration": ~np.isnan(np.diag(world.collaboration)),
    }
    shares = {name: each.mean() for name, each in known.items()}
    assert shares == pytest.approx({"scene": 0.6, "genre": 0.8, "collaboration": 0.7}, abs=0.06)
    assert world.recorded.mean() == pytest.approx(0.92, abs=0.04)
    popular = world.popularity > 0.5
    assert all(each[popular].mean() > each[~popular].mean() + 0.08 for each in known.values())
    assert abs(world.recorded[popular].mean() - world.recorded[~popular].mean()) < 0.08


def test_popularity_is_independent_of_the_truth(world: World) -> None:
    liked = world.grades[:, world.popularity > 0.5].mean()
    assert liked == pytest.approx(world.grades[:, world.popularity <= 0.5].mean(), rel=0.05)


def test_every_signal_tells_the_related_from_the_others_and_is_symmetric(world: World) -> None:
    near, far = world.grades == 3.0, world.grades == 0.0
    for values in (world.scene, world.genre, world.collaboration):
        np.testing.assert_allclose(values, values.T)
        assert np.nanmean(values[near]) > 2 * np.nanmean(values[far])


def test_the_same_seed_makes_the_same_world() -> None:
    one, two, other = (make_world(AS_DESCRIBED, seed=seed, artists_a_scene=2) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.collaboration, two.collaboration)
    assert not np.array_equal(one.collaboration, other.collaboration, equal_nan=True)


def test_a_small_run_writes_what_the_page_of_benchmarks_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--seeds", "1", "--scene", "2", "--json", str(tmp_path / "out.json")])
    measured = Measurement.read(tmp_path / "out.json")
    assert measured.table_markdown in capsys.readouterr().out
    assert len(measured.table_markdown.splitlines()) == 2 + len(SETTINGS) * 11
    assert len({line.count("|") for line in measured.table_markdown.splitlines()}) == 1
    assert any("200 artists, 117 queries" in note for note in measured.notes)
