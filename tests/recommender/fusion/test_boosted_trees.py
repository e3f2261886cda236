"""Trees from plain arrays: as LightGBM evaluates them, read back as written, refused when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from evaluation.learned_trees import trees_of
from recommender.errors import InvalidArgument
from recommender.fusion.boosted_trees import (
    FEATURES,
    HEADER,
    MAX_DEPTH,
    PROFILE,
    LearnedRanking,
    RankingFile,
    Trees,
    load_ranking,
    save_ranking,
)
from recommender.types import SIGNALS, Scale, SignalName
from tests.generated import made_ranking

SIGNALS_OF_FEATURES = tuple(feature.signal for feature in FEATURES)
NAMES = tuple(feature.name for feature in FEATURES)


def stump(*, at: float = 0.5, low: float = -1.0, high: float = 2.0, nan: int = 0) -> Trees:
    """One split of the first feature."""
    return Trees(
        roots=np.array([0], dtype=np.int32),
        feature=np.array([0, -1, -1], dtype=np.int32),
        threshold=np.array([at, low, high]),
        left=np.array([1, 0, 0], dtype=np.int32),
        right=np.array([2, 0, 0], dtype=np.int32),
        nan_left=np.array([nan, 0, 0], dtype=np.int8),
    )


def chain(levels: int) -> Trees:
    """A tree of so many splits, each the right child of the one before."""
    inner = np.arange(0, 2 * levels, 2)
    nodes = 2 * levels + 1
    feature, left, right = np.full(nodes, -1), np.zeros(nodes), np.zeros(nodes)
    feature[inner], left[inner], right[inner] = 0, inner + 1, inner + 2
    return Trees(
        roots=np.array([0], dtype=np.int32),
        feature=feature.astype(np.int32),
        threshold=np.linspace(0.0, 1.0, nodes),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        nan_left=np.zeros(nodes, dtype=np.int8),
    )


def file_of(ranking: LearnedRanking) -> RankingFile:
    return RankingFile(
        ranking=ranking, features=NAMES, space="ab" * 8, labels_sha256="00" * 32, date="2026-12-01", held_out="better"
    )


def random_table(seed: int, items: int = 200) -> np.ndarray:
    """``[feature, item]`` at least 0, some of it missing and some of it 0."""
    random = np.random.default_rng(seed)
    table = random.exponential(size=(len(FEATURES), items))
    table[random.random(table.shape) < 0.2] = 0.0
    table[random.random(table.shape) < 0.2] = np.nan
    return table


@pytest.mark.parametrize(
    ("nan", "wanted"), [(0, [-1, -1, 2, 2]), (1, [-1, -1, 2, -1]), (2, [-1, -1, 2, -1])], ids=["right", "left", "zero"]
)
def test_what_is_at_most_the_threshold_goes_left_and_nothing_where_the_node_says(nan: int, wanted: list[float]) -> None:
    table = np.array([[0.0, 0.5, 0.6, np.nan]])
    assert stump(nan=nan).margins(table).tolist() == wanted


def test_nothing_that_counts_as_0_goes_right_of_a_threshold_below_0() -> None:
    assert stump(nan=2, at=-0.5).margins(np.array([[np.nan, -0.6]])).tolist() == [2.0, -1.0]


def test_many_items_are_evaluated_as_each_alone_and_none_as_none() -> None:
    trees = made_ranking(0).trees
    table = random_table(1, items=9000)
    whole = trees.margins(table)
    some = np.array([0, 4095, 4096, 8999])
    np.testing.assert_array_equal(trees.margins(table[:, some]), whole[some])
    assert trees.margins(table[:, :0]).shape == (0,)


MISSING: tuple[dict[str, object], ...] = ({}, {"zero_as_missing": True}, {"use_missing": False})


@pytest.mark.parametrize("options", MISSING, ids=["NaN is missing", "0 is missing", "nothing is missing"])
@pytest.mark.parametrize("holes", [0.0, 0.3], ids=["whole", "with holes"])
def test_the_arrays_say_to_the_bit_what_lightgbm_says(options: dict[str, object], holes: float) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    random = np.random.default_rng(7)
    table = random.normal(size=(800, 5))
    table[random.random(table.shape) < 0.2] = 0.0
    table[random.random(table.shape) < holes] = np.nan
    labels = (np.nan_to_num(table[:, 0]) + np.isnan(table[:, 1]) + random.normal(size=800) > 0.5).astype(np.int64)
    fixed = {"objective": "lambdarank", "num_leaves": 7, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    data = lightgbm.Dataset(table, labels, group=[20] * 40)
    model = lightgbm.train(fixed | options, data, 30)
    dumped: list[dict[str, Any]] = model.dump_model()["tree_info"]  # Any: JSON of LightGBM
    if options.get("zero_as_missing"):
        with pytest.raises(InvalidArgument, match="zeros"):
            trees_of(dumped)
        return
    trees = trees_of(dumped)
    asked = random.normal(size=(500, 5))
    asked[random.random(asked.shape) < 0.2] = 0.0
    asked[random.random(asked.shape) < 0.2] = np.nan
    np.testing.assert_array_equal(trees.margins(asked.T), model.predict(asked, raw_score=True))
    assert len(set(trees.margins(asked.T).tolist())) > 10


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    written = file_of(made_ranking(3))
    save_ranking(written, tmp_path)
    read = load_ranking(tmp_path)
    for each in fields(Trees):
        np.testing.assert_array_equal(getattr(read.ranking.trees, each.name), getattr(written.ranking.trees, each.name))
    table = random_table(2)
    np.testing.assert_array_equal(read.ranking.score(table), written.ranking.score(table))
    assert (read.features, read.space, read.labels_sha256, read.date, read.held_out) == (
        (NAMES, "ab" * 8, "00" * 32, "2026-12-01", "better")
    )
    assert read.is_current
    assert (read.ranking.name, read.ranking.scale) == ("learned", Scale.FEATURES)


def test_trees_that_read_other_measures_are_told_apart() -> None:
    assert not replace(file_of(made_ranking(3)), features=(*NAMES[:-1], "another")).is_current


def rewrite(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    path = folder / f"{PROFILE}.{name}.npy"
    changed = change(np.load(path, allow_pickle=False).copy())
    path.unlink()
    np.save(path, changed)


def with_first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[0] = value
        return array

    return change


DAMAGES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "a node that leads to itself": ("left", with_first(0)),
    "a node that leads nowhere": ("right", with_first(1 << 20)),
    "a node that leads before the first": ("right", with_first(-1)),
    "a root before the first node": ("roots", with_first(-1)),
    "a root after the last node": ("roots", with_first(1 << 20)),
    "no trees": ("roots", lambda array: array[:0]),
    "too few thresholds": ("threshold", lambda array: array[:-1]),
    "too many nodes": ("feature", lambda array: np.append(array, -1)),
    "two axes": ("feature", lambda array: array[:, np.newaxis]),
    "no axis": ("roots", lambda array: np.array(0, dtype=np.int32)),
    "a feature that is none": ("feature", with_first(len(FEATURES))),
    "a threshold that is no number": ("threshold", with_first(np.nan)),
    "a leaf without an end": ("threshold", lambda array: np.full_like(array, np.inf)),
    "nothing goes nowhere": ("nan_left", with_first(3)),
    "words": ("feature", lambda array: array.astype(str)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_arrays_are_refused(tmp_path: Path, damage: str) -> None:
    save_ranking(file_of(made_ranking(3)), tmp_path)
    name, change = DAMAGES[damage]
    if damage == "words":
        rewrite(tmp_path, name, lambda array: np.array(["x"] * len(array)))
    else:
        rewrite(tmp_path, name, change)
    with pytest.raises(InvalidArgument):
        load_ranking(tmp_path)


@pytest.mark.parametrize("size", [0, 7, 100])
@pytest.mark.parametrize("name", [each.name for each in fields(Trees)])
def test_a_file_cut_off_is_refused(tmp_path: Path, name: str, size: int) -> None:
    save_ranking(file_of(made_ranking(3)), tmp_path)
    path = tmp_path / f"{PROFILE}.{name}.npy"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InvalidArgument, match="learn it again"):
        load_ranking(tmp_path)
    path.unlink()
    with pytest.raises(InvalidArgument, match="learn it again"):
        load_ranking(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("slope", 0.0),
        ("slope", -1.0),
        ("slope", "steep"),
        ("intercept", float("nan")),
        ("signals", ["odour"] * len(NAMES)),
        ("signals", [owner.value for owner in SIGNALS_OF_FEATURES[:3]]),
        ("features", list(NAMES[:3])),
        ("more", 1),
    ],
)
def test_a_header_of_another_shape_is_refused(tmp_path: Path, key: str, value: object) -> None:
    save_ranking(file_of(made_ranking(3)), tmp_path)
    facts = json.loads((tmp_path / HEADER).read_text())
    assert load_ranking(tmp_path).ranking.slope > 0
    (tmp_path / HEADER).write_text(json.dumps(facts | {key: value}))
    with pytest.raises(InvalidArgument):
        load_ranking(tmp_path)


def test_a_tree_may_have_as_many_levels_as_are_evaluated_and_no_more() -> None:
    deepest = chain(MAX_DEPTH - 1)
    assert deepest.margins(np.array([[2.0]])).tolist() == [1.0], "the last leaf"
    with pytest.raises(InvalidArgument, match="more than 64 levels"):
        chain(MAX_DEPTH)


@pytest.mark.parametrize("seed", range(5))
def test_contributions_are_what_lifts_the_score_from_that_of_nothing_known(seed: int) -> None:
    ranking, table = made_ranking(seed), random_table(seed)
    shares, scores = ranking.attribute(table), ranking.score(table)
    np.testing.assert_allclose(ranking.base + shares.sum(axis=0), scores, atol=1e-12)
    nothing = ranking.score(np.full((len(FEATURES), 1), np.nan))
    assert np.isnan(nothing).all()
    assert not ranking.attribute(np.full((len(FEATURES), 1), np.nan)).any()


def test_a_signal_without_data_contributes_nothing_and_has_no_weight() -> None:
    ranking, table = made_ranking(1), random_table(1)
    scene = [place for place, owner in enumerate(SIGNALS_OF_FEATURES) if owner is SignalName.SCENE]
    table[scene] = np.nan
    row = SIGNALS.index(SignalName.SCENE)
    assert not ranking.attribute(table)[row].any()
    assert not ranking.weigh(table)[row].any()
    assert ranking.weigh(np.where(np.isnan(table), 1.0, table))[SIGNALS.index(SignalName.GENRE)].all()


@pytest.mark.parametrize("seed", range(5))
def test_no_rising_measure_lowers_a_score(seed: int) -> None:
    ranking, table = made_ranking(seed), random_table(seed)
    before = ranking.score(table)
    moved = 0
    for place, feature in enumerate(FEATURES):
        if feature.rising:
            raised = table.copy()
            raised[place] *= 3.0
            after = ranking.score(raised)
            assert (np.isnan(after) | (after >= before)).all(), feature.name
            moved += int((after > before).sum())
    assert moved > 100


def test_scores_are_a_sigmoid_of_the_margin() -> None:
    ranking = LearnedRanking(trees=stump(), signals=(SignalName.AUDIO,), intercept=-1.0, slope=0.5)
    np.testing.assert_allclose(ranking.score(np.array([[0.0, 1.0]])), expit([-1.5, 0.0]))
    assert ranking.base == pytest.approx(expit(0.0))
    with pytest.raises(InvalidArgument, match="slope"):
        replace(ranking, slope=0.0)
    with pytest.raises(InvalidArgument, match="feature that this release does not have"):
        replace(ranking, signals=())
