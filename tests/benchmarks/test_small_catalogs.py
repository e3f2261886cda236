"""The protocol of small catalogs by hand, and a run of it on a made graph."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measurement import Measurement
from benchmarks.small_catalogs import (
    DEFAULT,
    GENRE,
    KEPT,
    REMOVED,
    TABLE,
    RealGraph,
    bars_of,
    draw,
    judge,
    main,
    make,
    measure,
    read,
    table,
)

CIRCLES, EACH = 12, 8
"""Circles of artists who all list their next three, and have a genre of their circle."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("graph")
    scene, genres = [], []
    for circle in range(CIRCLES):
        for member in range(EACH):
            artist = f"c{circle:02d}m{member}"
            genres.append((artist, f"genre {circle % 5}"))
            scene += [(artist, f"c{circle:02d}m{(member + step) % EACH}", step) for step in (1, 2, 3)]
    _write(made / "scene.csv", ("artist", "similar", "rank"), scene)
    _write(made / "genres.csv", ("artist", "genre"), genres)
    _write(made / "collaborations.csv", ("artist_a", "artist_b", "kind", "credited"), [("c00m0", "c00m1", "joint", 2)])
    return made


def _write(path: Path, header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture(scope="module")
def graph(folder: Path) -> RealGraph:
    return read(folder)


def test_a_catalog_is_a_neighbourhood_and_strangers_and_half_of_its_pairs_are_hidden(graph: RealGraph) -> None:
    random = np.random.default_rng(0)
    artists = draw(graph, 8, random)
    assert len(set(artists)) == 8
    made = make(graph, artists, random)
    assert made.listed.keys() | made.hidden.keys() <= set(range(8))
    for artist, others in made.hidden.items():
        assert others.isdisjoint(made.listed.get(artist, ()))
    strengths = made.recommender.generation.contents.relations.scene_strengths
    listed = {(one, other) for one, others in made.listed.items() for other in others}
    assert {(int(one), int(other)) for one, other in zip(*strengths.nonzero(), strict=True)} == listed


def test_the_best_possible_ranking_has_one(graph: RealGraph) -> None:
    random = np.random.default_rng(1)
    values = [judge(make(graph, draw(graph, 8, random), random), DEFAULT, way, 5) for way in (KEPT, REMOVED)]
    assert all(0.0 <= value <= 1.0 for value in values)


def test_every_bar_can_be_missed() -> None:
    random = np.random.default_rng(2)
    good, bad = random.uniform(0.6, 0.8, size=20), random.uniform(0.2, 0.4, size=20)
    better = {
        (60, way, method): good if method == DEFAULT else bad
        for way in (KEPT, REMOVED)
        for method in (DEFAULT, TABLE, GENRE)
    }
    assert {bar.passed for bar in bars_of(better)} == {True}
    worse = {name: bad if name[2] == DEFAULT else good for name in better}
    assert {bar.passed for bar in bars_of(worse)} == {False}


def test_a_run_has_a_line_a_size_and_way(graph: RealGraph) -> None:
    figures = measure(graph, {2: 2, 8: 3})
    assert [line.split(" | ")[0] for line in table(figures).splitlines()[2:]] == ["| 2", "| 2", "| 8", "| 8"]


def test_without_the_graph_nothing_is_measured_and_with_it_a_report_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--graph", str(tmp_path)]) == 0
    monkeypatch.setattr("benchmarks.small_catalogs.measure", lambda graph: measure(graph, {8: 4}))
    main(["--graph", str(folder), "--json", str(tmp_path / "out.json")])
    assert Measurement.read(tmp_path / "out.json").title.startswith("Small catalogs")
