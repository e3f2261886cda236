"""Calibration by hand, and its promises: symmetry, bounds, refusals, nobody else's score moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.calibration.cohort import (
    QUANTILES,
    ArtistStats,
    Bundle,
    Measured,
    Method,
    Status,
    cohort_stats,
    measure,
    project_tracks,
)
from recommender.errors import InvalidArgument

COHORT = np.array([[0.0, 1.0], [-1.0, 0.0], [0.8, 0.6]])
IDS = ("ada", "bo", "cy")


def make_bundle(**changes: object) -> Bundle:
    """The bundle of the hand-worked pair: two dimensions, nothing moved, a cohort of three."""
    plain = Bundle(
        space="s",
        layer="11",
        method=Method.PIPELINE,
        status=Status.CALIBRATED,
        mean=np.zeros(2),
        projection=None,
        cohort=COHORT,
        cohort_ids=IDS,
        quantiles=np.linspace(-2.0, 2.0, QUANTILES),
        reference_artists=200,
        key="k",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # each test gives a field its own type


def test_an_artist_stands_against_the_cohort_as_worked_out_by_hand() -> None:
    bundle = make_bundle()
    assert cohort_stats(bundle, np.array([1.0, 0.0])) == pytest.approx((-0.066667, 0.736357), abs=1e-6)
    assert cohort_stats(bundle, np.array([0.6, 0.8])) == pytest.approx((0.386667, 0.700730), abs=1e-6)


def test_an_artist_and_its_aliases_are_left_out_of_its_own_cohort() -> None:
    bundle, x = make_bundle(), np.array([1.0, 0.0])
    assert cohort_stats(bundle, x, without={"cy"}) == pytest.approx((-0.5, 0.5)), "cosines 0 and -1 are left"
    with pytest.raises(InvalidArgument, match="no artist but the measured one"):
        cohort_stats(bundle, x, without={*IDS, "stranger"})


def test_a_cohort_that_is_equally_like_the_artist_is_refused() -> None:
    bundle = make_bundle(cohort=np.array([[0.6, 0.8], [0.6, -0.8], [0.6, 0.8]]))
    with pytest.raises(InvalidArgument, match="fit it on other artists"):
        cohort_stats(bundle, np.array([1.0, 0.0]))


def test_csls_stands_at_the_mean_of_the_highest_cosines() -> None:
    angles = np.linspace(0.0, np.pi, 12)
    cohort = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    bundle = make_bundle(method=Method.CSLS, cohort=cohort, cohort_ids=tuple(f"{n:02d}" for n in range(12)))
    mean, sd = cohort_stats(bundle, np.array([1.0, 0.0]))
    assert (mean, sd) == pytest.approx((np.cos(angles)[:10].mean(), 1.0))


def test_an_artist_is_the_mean_of_its_unit_tracks_whatever_their_loudness() -> None:
    artist = measure(make_bundle(), np.array([[10.0, 0.0], [0.0, 0.1]]))
    np.testing.assert_allclose(artist.vector, [0.5**0.5, 0.5**0.5], rtol=1e-6)
    assert (artist.reliability.coherence, artist.reliability.tracks) == pytest.approx((0.5**0.5, 2))


def test_tracks_are_centred_projected_and_brought_to_unit_length() -> None:
    bundle = make_bundle(
        mean=np.array([0.5, 0.0, 0.0]), projection=np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    )  # (1, 0, 0) -> (.5, 0, 0) -> (1, 0); (0, 3, 4) -> (-.5, .6, .8) -> (-1, .6) -> unit
    expected = [[1.0, 0.0], [-1.0 / 1.36**0.5, 0.6 / 1.36**0.5]]
    np.testing.assert_allclose(project_tracks(bundle, np.array([[1.0, 0.0, 0.0], [0.0, 3.0, 4.0]])), expected)


@pytest.mark.parametrize(
    ("tracks", "said"),
    [
        (np.empty((0, 2)), "at least one vector of 2"),
        (np.ones((1, 3)), "at least one vector of 2"),
        (np.ones(2), "at least one vector of 2"),
        (np.array([[1.0, 0.0], [np.nan, 1.0]]), "vector 1 is not finite"),
        (np.array([[np.inf, 1.0]]), "vector 0 is not finite"),
        (np.array([[0.0, 0.0]]), "no direction"),
        (np.array([[1.0, 0.0], [-1.0, 0.0]]), "cancel one another"),
    ],
)
def test_tracks_that_give_no_vector_are_refused(tracks: npt.NDArray[np.float64], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        measure(make_bundle(), tracks)


def test_one_track_has_no_standard_error() -> None:
    one = measure(make_bundle(), np.array([[1.0, 0.0]])).reliability
    two = measure(make_bundle(), np.array([[1.0, 0.0], [0.8, 0.6]])).reliability
    assert (one.tracks, one.coherence) == (1, 1.0)
    assert np.isnan(one.standard_error)
    assert two.tracks == 2
    # Cosines with the cohort when the other track is left out: (0, .6), (-1, -.8), (.8, 1); variances .09, .01, .01.
    assert two.standard_error == pytest.approx((0.11 / 3) ** 0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mean": np.zeros(3)}, "shapes"),
        ({"cohort_ids": ("ada",)}, "shapes"),
        ({"projection": np.zeros((3, 2))}, "shapes"),
        ({"quantiles": np.zeros(7)}, "quantiles"),
        ({"quantiles": np.linspace(1.0, 0.0, QUANTILES)}, "rising"),
        ({"cohort": np.full((3, 2), np.nan)}, "not finite"),
    ],
)
def test_a_bundle_that_contradicts_itself_cannot_be_made(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        make_bundle(**changes)


def test_a_bundle_says_how_far_it_can_be_trusted() -> None:
    raw = make_bundle(method=Method.RAW, status=Status.UNCALIBRATED, reference_artists=12)
    assert raw.summary == "not calibrated, raw cosines are shown: 12 reference artists, at least 50 are needed"
    assert "provisional" in make_bundle(status=Status.PROVISIONAL, reference_artists=60).summary
    assert make_bundle().summary == "method pipeline, fitted on 200 reference artists"


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100.0))
def test_the_same_artist_is_measured_the_same_at_any_gain(seed: int, scale: float) -> None:
    tracks = np.random.default_rng(seed).normal(size=(3, 2))
    plain, loud = measure(make_bundle(), tracks), measure(make_bundle(), scale * tracks)
    np.testing.assert_allclose(loud.vector, plain.vector, atol=1e-6)
    assert loud.mean == pytest.approx(plain.mean, abs=1e-6)


def test_stacked_artists_come_apart_again_as_they_were() -> None:
    rng = np.random.default_rng(0)
    measured = [measure(make_bundle(), rng.normal(size=(n, 2))) for n in (2, 3, 4)]
    stacked = ArtistStats.of(measured, width=2)
    for row, one in enumerate(measured):
        again = stacked.at(row)
        np.testing.assert_array_equal(again.vector, one.vector)
        assert (again.mean, again.sd, again.reliability) == (one.mean, one.sd, one.reliability)
    assert ArtistStats.of(iter(list[Measured]()), width=2).vectors.shape == (0, 2)
