"""Mid-ranks by hand, and what holds for every set of reference pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import percentileofscore

from recommender.calibration.bundle_files import load_percentiles, save_percentiles
from recommender.calibration.percentiles import Percentiles, percentile, percentiles_of
from recommender.errors import GenerationCorrupt, InvalidArgument

NAN = float("nan")
OPINIONS = st.lists(st.one_of(st.just(NAN), st.floats(0, 1), st.sampled_from([0.0, 0.25, 1.0])), max_size=40)


def test_alike_opinions_stand_in_the_middle_of_their_share() -> None:
    # 0, 0, 0, .2, .4 (and one silent): 0 is below nobody and beside 3 of 5, so half of .6; between two, all below
    reference = percentiles_of(np.array([0.0, 0.2, NAN, 0.0, 0.4, 0.0]))
    asked = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, -0.1])
    assert percentile(reference, asked) == pytest.approx([0.3, 0.6, 0.7, 0.8, 0.9, 1.0, 0.0])


def test_no_opinion_has_no_percentile() -> None:
    reference = percentiles_of(np.array([0.0, 1.0]))
    assert np.isnan(percentile(reference, np.array([NAN]))[0])


def test_without_reference_pairs_nothing_has_a_percentile() -> None:
    reference = percentiles_of(np.array([NAN, NAN]))
    assert np.isnan(percentile(reference, np.array([0.0, 1.0, NAN]))).all()


def test_one_ratio_reached_by_two_sums_is_one_opinion() -> None:
    reference = percentiles_of(np.array([0.1 + 0.2, 0.3, 0.0, 0.0]))
    assert len(reference.values) == 2
    assert percentile(reference, np.array([0.3, 0.1 + 0.2])).tolist() == [0.75, 0.75]


@given(OPINIONS, OPINIONS)
def test_it_is_the_mid_rank_of_scipy(reference: list[float], asked: list[float]) -> None:
    told: npt.NDArray[np.float64] = np.array(reference, dtype=np.float64).round(9)
    given_ = told[~np.isnan(told)]
    found = percentile(percentiles_of(told), np.array(asked, dtype=np.float64))
    for opinion, share in zip(np.round(np.array(asked, dtype=np.float64), 9), found, strict=True):
        if np.isnan(opinion) or not given_.size:
            assert np.isnan(share)
        else:
            assert share == pytest.approx(percentileofscore(given_, opinion, kind="mean") / 100, abs=1e-12)


@given(OPINIONS, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_it_never_falls_when_the_opinion_rises(reference: list[float], asked: list[float]) -> None:
    shares = percentile(percentiles_of(np.array(reference, dtype=np.float64)), np.array(sorted(asked)))
    assert np.isnan(shares).all() or (np.diff(shares) >= 0).all()


def test_it_can_be_asked_of_a_matrix() -> None:
    reference = percentiles_of(np.array([0.0, 1.0]))
    assert percentile(reference, np.array([[0.0, 0.5], [1.0, 2.0]])).tolist() == [[0.25, 0.5], [0.75, 1.0]]


@pytest.mark.parametrize("opinions", [[0.0, 0.5, 0.5, 1.0], [NAN]])
def test_what_is_saved_is_read_back(tmp_path: Path, opinions: list[float]) -> None:
    reference = percentiles_of(np.array(opinions))
    save_percentiles(reference, tmp_path, "genre")
    read = load_percentiles(tmp_path, "genre")
    np.testing.assert_array_equal(read.values, reference.values)
    np.testing.assert_array_equal(read.below, reference.below)


def test_files_that_are_missing_or_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GenerationCorrupt, match="genre"):
        load_percentiles(tmp_path, "genre")
    save_percentiles(percentiles_of(np.array([0.0, 1.0])), tmp_path, "genre")
    np.save(tmp_path / "genre.values.npy", np.array([0.5]))
    with pytest.raises(GenerationCorrupt, match="genre"):
        load_percentiles(tmp_path, "genre")


@pytest.mark.parametrize(
    ("values", "below"),
    [
        ([0.5, 0.5], [0.0, 0.5, 1.0]),
        ([0.5], [0.0, 0.9]),
        ([0.5], [0.1, 1.0]),
        ([0.5], [0.0, 1.0, 1.0]),
        ([NAN], [0, 1]),
    ],
)
def test_what_does_not_rise_from_zero_to_one_is_no_distribution(values: list[float], below: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="percentiles"):
        Percentiles(values=np.array(values), below=np.array(below, dtype=np.float64))
