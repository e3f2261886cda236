"""Weights learned from labels whose right answer is known by construction."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from evaluation.fit_weights import fit, save
from recommender.errors import InvalidArgument
from recommender.fusion.learned_weights import FittedWeights, Provenance, load
from recommender.fusion.profiles import blend
from recommender.types import Scale, SignalName

QUERIES, ANSWERS = 100, 200
TRUE_SLOPES = (1.2, 0.6, 0.3, 0.0)
TRUE_MISSING = (0.4, 0.2, 0.0, 0.0)
"""Within what a middling opinion is worth: ln 2 times the slope."""
TRUE_INTERCEPT = -1.0
SILENT = 0.3

Matrix = npt.NDArray[np.float64]


def lessons(*, grade: float = 1.0, flipped: bool = False) -> tuple[Matrix, Matrix, npt.NDArray[np.int64]]:
    """Pairs whose grades are drawn from the very model that is fitted; ``flipped`` turns genre against them."""
    rng = np.random.default_rng(7)
    features = rng.exponential(size=(QUERIES * ANSWERS, 4))
    silent = rng.random(features.shape) < SILENT
    slopes = np.array(TRUE_SLOPES) * (1, 1, -1 if flipped else 1, 1)
    effects = np.where(silent, TRUE_MISSING, slopes * features)
    grades = (rng.random(len(features)) < expit(TRUE_INTERCEPT + effects.sum(axis=1))) * grade
    features[silent] = np.nan
    return features, grades, np.repeat(np.arange(QUERIES), ANSWERS)


@pytest.fixture(scope="module")
def learned() -> FittedWeights:
    """What is learned from labels that follow the model."""
    return fit(*lessons())


def test_the_slopes_that_made_the_labels_are_found_again(learned: FittedWeights) -> None:
    assert learned.slopes == pytest.approx(TRUE_SLOPES, abs=0.08)
    assert learned.missing == pytest.approx(TRUE_MISSING, abs=0.15)
    assert learned.intercept == pytest.approx(TRUE_INTERCEPT, abs=0.12)
    assert learned.refused in ((), (SignalName.COLLABORATION,)), "a true slope of 0 may come out on either side"


def test_silence_is_never_worth_more_than_a_middling_opinion_nor_less_than_none() -> None:
    features, _, groups = lessons()
    # Labels that would make silence of audio a sure yes, and silence of the scene a sure no.
    silent = np.isnan(features)
    grades = (silent[:, 0] & ~silent[:, 1]).astype(np.float64)
    grades[features[:, 0] > 2.0] = 1.0
    found = fit(features, grades, groups)
    middling = np.nanmedian(features[~silent.all(axis=1), 0])
    assert found.slopes[0] > 0
    assert found.missing[0] == pytest.approx(found.slopes[0] * middling, rel=1e-3)
    assert found.missing[1] == 0.0


def test_pairs_of_which_nothing_is_known_are_not_counted(learned: FittedWeights) -> None:
    features, _, _ = lessons()
    assert learned.pairs == int((~np.isnan(features)).any(axis=1).sum()) < QUERIES * ANSWERS
    assert learned.pairs_with_opinion == tuple((~np.isnan(features)).sum(axis=0))
    assert learned.queries == QUERIES


def test_each_fold_holds_artists_of_its_own_and_beats_chance(learned: FittedWeights) -> None:
    assert [fold.queries for fold in learned.folds] == [QUERIES // 5] * 5
    assert sum(fold.pairs for fold in learned.folds) == learned.pairs
    assert all(fold.log_loss < fold.chance - 0.05 for fold in learned.folds)
    assert "100 artists, log loss on held-out artists" in learned.summary


def test_chance_is_the_loss_of_the_other_artists_mean_grade() -> None:
    features, grades, groups = lessons()
    two = ~np.isnan(features).all(axis=1) & (groups >= 98)
    features, grades, groups = features[two], grades[two], groups[two]
    one, other = grades[groups == 98], grades[groups == 99]
    expected = [log_loss(asked, np.full(len(asked), told.mean())) for asked, told in ((one, other), (other, one))]
    judged = fit(features, grades, groups)
    assert sorted(fold.chance for fold in judged.folds) == pytest.approx(sorted(expected))


def test_the_scale_of_grades_does_not_matter_and_half_a_grade_is_half_a_yes(learned: FittedWeights) -> None:
    assert fit(*lessons(grade=3.0)).slopes == pytest.approx(learned.slopes)
    features = np.array([[0.0, np.nan, np.nan, np.nan]] * 40 + [[3.0, np.nan, np.nan, np.nan]] * 40)
    grades = np.repeat([1.0, 2.0], 40)
    found = fit(features, grades, np.tile(np.arange(4), 20))
    # half of the highest grade: even odds, log-odds 0, where audio says nothing; C = 1 holds the slope a little
    assert expit(found.intercept) == pytest.approx(0.5, abs=0.08)


def test_a_signal_that_speaks_against_the_labels_is_left_out_and_named() -> None:
    found = fit(*lessons(flipped=True))
    assert SignalName.GENRE in found.refused
    assert found.slopes[2] == 0
    assert found.slopes[:2] == pytest.approx(TRUE_SLOPES[:2], abs=0.08), "the others are fitted without it"
    assert "genre" in found.summary


def test_the_profile_scores_with_what_was_learned(learned: FittedWeights) -> None:
    opinions = np.array([[0.9], [np.nan], [0.4], [0.5]])
    odds = learned.intercept + learned.slopes[0] * 0.9 + learned.missing[1]
    odds += learned.slopes[2] * 0.4 + learned.slopes[3] * 0.5
    blended = blend(opinions, learned.profile)
    assert blended.scores[0] == pytest.approx(1 / (1 + math.exp(-odds)))
    assert blended.base + blended.contributions.sum() == pytest.approx(blended.scores[0], abs=1e-12)


def test_the_same_labels_give_the_same_file_and_it_is_read_back(tmp_path: Path, learned: FittedWeights) -> None:
    provenance = Provenance(labels_sha256="ab" * 32, date="2026-11-21", space="")
    save(tmp_path / "one.json", learned, provenance)
    save(tmp_path / "two.json", fit(*lessons()), provenance)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert load(tmp_path / "one.json") == (learned, provenance)


def test_weights_of_an_earlier_release_are_read_as_weights_of_percentiles(
    tmp_path: Path, learned: FittedWeights
) -> None:
    path = tmp_path / "old.json"
    save(path, learned, Provenance(labels_sha256="ab" * 32, date="2026-11-21", space=""))
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))
    old, _ = load(path)
    assert (old.scale, old.profile.scale, old.slopes) == (Scale.PERCENTILES, Scale.PERCENTILES, learned.slopes)


@pytest.mark.parametrize(
    ("features", "grades", "groups", "said"),
    [
        (np.zeros((2, 3)), np.ones(2), np.arange(2), "shapes"),
        (np.zeros((2, 4)), np.ones(3), np.arange(2), "shapes"),
        (np.zeros((2, 4)), np.array([1.0, -1.0]), np.arange(2), "below 0"),
        (np.zeros((2, 4)), np.array([1.0, np.nan]), np.arange(2), "finite"),
        (np.zeros((2, 4)), np.zeros(2), np.arange(2), "one above"),
        (np.zeros((2, 4)), np.ones(2), np.arange(2), "differ"),
        (np.zeros((2, 4)), np.array([1.0, 0.0]), np.zeros(2, dtype=np.int64), "two artists"),
        (np.full((2, 4), np.nan), np.array([1.0, 0.0]), np.arange(2), "opinion of a signal"),
        (np.array([[0.9] * 4, [0.1] * 4] * 4), np.tile([0.0, 1.0], 4), np.repeat(np.arange(4), 2), "no signal rises"),
    ],
)
def test_labels_that_teach_nothing_are_refused(
    features: Matrix, grades: Matrix, groups: npt.NDArray[np.int64], said: str
) -> None:
    with pytest.raises(InvalidArgument, match=said):
        fit(features, grades, groups)


def test_too_few_graded_artists_are_said_not_to_have_been_judged() -> None:
    features = np.array([[0.9] * 4, [0.1] * 4, [0.2] * 4, [0.3] * 4])
    found = fit(features, np.array([1.0, 0.0, 0.0, 0.0]), np.array([0, 0, 1, 1]))
    assert len(found.folds) == 1
    assert found.folds[0].queries == 1
