"""Genres voted for by neighbours, similarities read as chances, and what recommendations have in common."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.neighbors import KNeighborsClassifier

from evaluation.evaluate import list_diversity
from evaluation.layer_views import genre_agreement, main_genres
from evaluation.measures.hubness import exposure
from evaluation.measures.kinship_probability import BINS, judge, reliability
from evaluation.report.plots import reliability_plot
from recommender.vectors import unit


def test_neighbours_of_another_genre_outvote_one_of_the_own() -> None:
    """Artists at 0, 10, 20 and 80, 90 degrees: three of genre 0, but the middle one calls itself genre 1."""
    angles = np.radians([0.0, 10.0, 20.0, 80.0, 90.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = genre_agreement(vectors @ vectors.T, np.array([0, 1, 0, 1, 1]), k=1)
    # nearest: 0 -> 10 (genre 1), 10 -> 0 first of two as near (genre 0), 20 -> 10 (1), 80 -> 90 (1), 90 -> 80 (1)
    assert (found.artists, found.genres) == (5, 2)
    assert found.accuracy.mean == pytest.approx(2 / 5)
    assert found.chance == pytest.approx(3 / 5)


def test_a_tie_goes_to_the_nearest() -> None:
    angles = np.radians([0.0, 10.0, 30.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # nearest two: of 0 they are 10 (genre 1) and 30 (genre 0), of 10 they are 0 (genre 1) and 30, of 30 10 and 0
    found = genre_agreement(vectors @ vectors.T, np.array([1, 1, 0]), k=2)
    assert found.accuracy.mean == pytest.approx(2 / 3)


def test_a_vote_is_that_of_another_classifier() -> None:
    random = np.random.default_rng(0)
    vectors = unit(random.normal(size=(3, 6))[np.arange(60) % 3] + 1.2 * random.normal(size=(60, 6)))
    labels = np.arange(60) % 3
    right = [
        KNeighborsClassifier(3, metric="cosine").fit(np.delete(vectors, row, 0), np.delete(labels, row))
        for row in range(60)
    ]
    expected = np.mean([model.predict(vectors[row][np.newaxis])[0] == row % 3 for row, model in enumerate(right)])
    assert genre_agreement((vectors @ vectors.T).astype(np.float64), labels, k=3).accuracy.mean == pytest.approx(
        expected, abs=2 / 60
    ), "ties of three genres go elsewhere"


def test_separate_genres_have_a_silhouette_near_1_and_mixed_ones_near_0() -> None:
    apart = np.repeat(np.eye(2), 5, axis=0)
    near = apart @ apart.T
    assert genre_agreement(near, np.repeat([0, 1], 5), k=3).silhouette == pytest.approx(1.0)
    assert genre_agreement(near, np.tile([0, 1], 5), k=3).silhouette < 0.05
    assert np.isnan(genre_agreement(near, np.zeros(10, dtype=np.int64), k=3).silhouette)


def test_who_has_no_genre_takes_no_part() -> None:
    found = genre_agreement(np.ones((4, 4)), np.array([-1, 2, -1, -1]), k=3)
    assert (found.artists, found.accuracy.n) == (1, 0)
    assert np.isnan(genre_agreement(np.ones((2, 2)), np.array([-1, -1]), k=3).chance)
    weights = csr_array(np.array([[0.0, 0.4, 0.6], [0.0, 0.0, 0.0]]))
    assert main_genres(weights).tolist() == [2, -1]


def test_chances_that_are_right_have_no_error_and_wrong_ones_have_theirs() -> None:
    right = judge(np.repeat([0.2, 0.8], 10), np.array([1.0, 0, 0, 0, 0] * 2 + [0, 1.0, 1, 1, 1] * 2))
    assert right.ece == pytest.approx(0.0)
    assert right.brier == pytest.approx(0.2 * 0.8)
    assert right.base_brier == pytest.approx(0.25)
    assert [each.pairs for each in right.bins] == [10, 10]
    assert [each.predicted for each in right.bins] == pytest.approx([0.2, 0.8])
    assert [each.observed for each in right.bins] == pytest.approx([0.2, 0.8])
    wrong = judge(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0, 0.0]))
    assert wrong.ece == pytest.approx(0.25), "half of the pairs are off by a half"
    assert BINS == 10


def test_a_similarity_that_tells_kin_becomes_a_chance_that_holds_for_artists_left_out() -> None:
    """Of pairs at similarity s, s squared are kin."""
    random = np.random.default_rng(1)
    values = random.random(6000)
    kin = random.random(6000) < values**2
    found = reliability(values, kin, np.arange(6000) % 60)
    assert found.pairs == 6000
    assert found.ece < 0.03
    assert found.brier < found.base_brier - 0.05
    nothing = reliability(random.random(6000), kin, np.arange(6000) % 60)
    assert nothing.brier == pytest.approx(nothing.base_brier, rel=0.02)
    assert nothing.brier > nothing.base_brier, "what is learned from chance does worse on others"
    assert reliability_plot(found).startswith(b"<?xml")


def test_chances_need_both_kinds_of_pair_and_five_artists() -> None:
    values = np.array([0.1, 0.9, np.nan, 0.4, 0.5])
    few = reliability(values, np.array([False, True, True, False, False]), np.array([0, 1, 2, 3, 3]))
    assert (few.pairs, few.bins) == (4, ())
    assert np.isnan(few.ece)
    assert np.isnan(reliability(np.ones(10), np.ones(10, dtype=bool), np.arange(10)).brier)


def test_novelty_is_the_surprise_at_whom_few_have_heard_of() -> None:
    """Three artists; listed by 3 of 3, by 1, by nobody: chances 4/4, 2/4 and 1/4, so 0, 1 and 2 bits."""
    found = exposure(np.array([[0, 1], [2, -1]]), np.array([3.0, 1.0, 0.0]), k=2)
    assert found.novelty == pytest.approx((0 + 1 + 2) / 3)
    assert np.isnan(exposure(np.array([[0]]), np.array([np.nan]), k=1).novelty)


def test_diversity_is_one_less_the_mean_cosine_within_a_list() -> None:
    """A list of two alike, one of two at right angles, one of one artist, and one whose second has no audio."""
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    lists = np.array([[0, 1], [0, 2], [1, -1], [2, 3]])
    assert list_diversity(lists, lambda rows: vectors[rows[rows < 3]]) == pytest.approx((0 + 1) / 2)
    assert np.isnan(list_diversity(lists[2:], lambda rows: vectors[rows[rows < 3]]))
