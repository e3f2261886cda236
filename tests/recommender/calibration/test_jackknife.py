"""The jackknife by the reference's golden values and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.calibration.jackknife import direction, jackknife_se, leave_one_out, standard_error_of_pair

A = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0]])
B = np.array([[0.0, 1.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])


def test_the_golden_pair_has_the_standard_error_of_the_reference() -> None:
    assert standard_error_of_pair(A, B) == pytest.approx(0.327931, abs=1e-6)
    assert standard_error_of_pair(B, A) == pytest.approx(0.327931, abs=1e-6)


def test_the_mean_of_pair_cosines_is_the_cosine_of_means_scaled_by_both_coherences() -> None:
    coherences = [float(np.linalg.norm(tracks.mean(axis=0))) for tracks in (A, B)]
    assert coherences == pytest.approx([0.948683, 0.866667], abs=1e-6)
    cosine = float(direction(A) @ direction(B))
    assert cosine == pytest.approx(0.510829, abs=1e-6)
    assert float((A @ B.T).mean()) == pytest.approx(np.prod(coherences) * cosine)
    assert float((A @ B.T).mean()) == pytest.approx(0.42)


def test_one_track_says_nothing_about_its_spread() -> None:
    assert np.isnan(standard_error_of_pair(A[:1], B))
    assert np.isnan(jackknife_se(A[:1], B))
    assert np.isnan(jackknife_se(A, np.empty((0, 3))))


def test_equal_tracks_have_no_spread() -> None:
    assert jackknife_se(np.repeat(A[:1], 4, axis=0), B) == pytest.approx(0.0, abs=1e-12)


def test_tracks_that_cancel_when_one_is_left_out_have_no_known_spread() -> None:
    tracks = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(np.isnan(leave_one_out(tracks)).any(axis=1), [False, False, True])
    assert np.isnan(jackknife_se(tracks, np.eye(2)))


def test_the_spread_over_directions_is_the_root_mean_square_of_each() -> None:
    each = [jackknife_se(A, row[np.newaxis]) for row in B]
    assert jackknife_se(A, B) == pytest.approx(np.sqrt(np.mean(np.square(each))))
    assert each[0] == pytest.approx(0.3), "cosines .6 and 0 without each track: sqrt(1/2 * 2 * .3^2)"
