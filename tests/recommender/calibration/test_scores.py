"""Two artists compared: the reference's golden values, and what holds for every pair."""

from __future__ import annotations

from dataclasses import replace

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.calibration.cohort import (
    QUANTILES,
    ArtistStats,
    Bundle,
    CohortStats,
    Measured,
    Method,
    Status,
    measure,
)
from recommender.calibration.scores import (
    display,
    inner_product_query,
    inner_product_rows,
    mutual_proximity,
    percentile,
    s_norm,
    score_cosines,
    scores,
    scores_between,
)

S = np.array([0.6])
"""Cosine of the golden pair x = (1, 0), y = (.6, .8)."""


def make_bundle(method: Method = Method.PIPELINE, *, dim: int = 2, seed: int | None = None) -> Bundle:
    """The golden bundle (values by hand), or one with a random cohort of twenty in ``dim`` dimensions."""
    cohort = np.array([[0.0, 1.0], [-1.0, 0.0], [0.8, 0.6]])
    if seed is not None:
        cohort = np.random.default_rng(seed).normal(size=(20, dim))
        cohort /= np.linalg.norm(cohort, axis=1, keepdims=True)
    return Bundle(
        space="s",
        layer="11",
        method=method,
        status=Status.CALIBRATED,
        mean=np.zeros(dim),
        projection=None,
        cohort=cohort,
        cohort_ids=tuple(f"c{row:02d}" for row in range(len(cohort))),
        quantiles=np.linspace(-3.0, 3.0, QUANTILES),
        reference_artists=200,
        key="k",
    )


def make_artists(bundle: Bundle, number: int, *, seed: int) -> ArtistStats:
    """Artists of three random tracks each."""
    tracks = np.random.default_rng(seed).normal(size=(number, 3, bundle.dim))
    return ArtistStats.of((measure(bundle, each) for each in tracks), width=bundle.width)


def golden_pair(method: Method = Method.PIPELINE) -> tuple[Bundle, Measured, Measured]:
    """The bundle, x and y."""
    bundle = make_bundle(method)
    return bundle, measure(bundle, np.array([[1.0, 0.0]])), measure(bundle, np.array([[0.6, 0.8]]))


def stats(measured: Measured) -> CohortStats:
    """Of one artist against the cohort."""
    return CohortStats(mean=measured.mean, sd=measured.sd)


def z_of_inner_product(products: np.ndarray, query: Measured) -> np.ndarray:
    """Inner products found with :func:`inner_product_query` -> z, by the formula of :func:`inner_product_rows`."""
    return 0.5 * (products.astype(np.float64) - query.mean / query.sd)


def similarities(bundle: Bundle, query: Measured, artists: ArtistStats, *, own_row: int) -> np.ndarray:
    """Similarity ``[artist]`` of every artist with ``query``; 1 at its own row."""
    shown = display(bundle, scores(bundle, query, artists))
    shown[own_row] = 1.0
    return shown


def test_the_golden_pair_scores_as_in_the_reference() -> None:
    bundle, x, y = golden_pair()
    assert scores(bundle, x, ArtistStats.of([y], width=2)) == pytest.approx([0.604901], abs=1e-6)
    assert s_norm(S, stats(x), stats(y)) == pytest.approx([0.604901], abs=1e-6)
    assert mutual_proximity(S, stats(x), stats(y)) == pytest.approx([0.506442], abs=1e-6)


def test_the_golden_pair_stands_to_the_cohort_as_in_the_reference() -> None:
    # by hand: cosines of x with the cohort 0, -1, .8; of y .8, -.6, .96
    _, x, y = golden_pair()
    assert (x.mean, x.sd) == pytest.approx((-0.066667, 0.736357), abs=1e-6)
    assert (y.mean, y.sd) == pytest.approx((0.386667, 0.700730), abs=1e-6)


def test_every_method_answers_through_the_same_function() -> None:
    found = {}
    for method in Method:
        bundle, x, y = golden_pair(method)
        found[method.value] = float(scores(bundle, x, ArtistStats.of([y], width=2))[0])
    # CSLS: both stand at the mean of all three cosines, -.066667 and .386667; half of 1.2 - .32.
    expected = {"pipeline": 0.604901, "raw": 0.6, "centre": 0.6, "csls": 0.44, "mp": 0.506442}
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_golden_pair_scores_the_same_as_an_inner_product() -> None:
    _, x, y = golden_pair()
    rows = inner_product_rows(ArtistStats.of([y], width=2))
    assert rows.shape == (1, 5)
    assert z_of_inner_product(rows @ inner_product_query(x), x) == pytest.approx([0.604901], abs=1e-6)


def test_faiss_finds_by_inner_product_the_order_and_the_scores_of_z() -> None:
    bundle = make_bundle(dim=8, seed=1)
    artists = make_artists(bundle, 300, seed=2)
    index = faiss.IndexFlatIP(17)
    index.add(inner_product_rows(artists))
    query = artists.at(7)
    products, rows = index.search(inner_product_query(query)[np.newaxis], 300)
    expected = scores(bundle, query, artists)
    np.testing.assert_array_equal(rows[0], np.argsort(-expected, kind="stable"))
    np.testing.assert_allclose(z_of_inner_product(products[0], query), expected[rows[0]], atol=5e-6)


@pytest.mark.parametrize("method", list(Method))
def test_a_pair_scores_the_same_from_both_ends_and_in_a_matrix(method: Method) -> None:
    bundle = make_bundle(method, dim=8, seed=3)
    artists = make_artists(bundle, 40, seed=4)
    one_by_one = np.stack([scores(bundle, artists.at(row), artists) for row in range(40)])
    np.testing.assert_array_equal(one_by_one, one_by_one.T)
    np.testing.assert_allclose(scores_between(bundle, artists, artists), one_by_one, atol=5e-6)  # float32 cosines


@pytest.mark.parametrize("method", list(Method))
def test_a_new_artist_moves_no_other_score_at_all(method: Method) -> None:
    bundle = make_bundle(method, dim=8, seed=5)
    artists = make_artists(bundle, 50, seed=6)
    newcomer = measure(bundle, np.random.default_rng(7).normal(size=(5, 8)))
    grown = ArtistStats.of([newcomer, *(artists.at(row) for row in range(50))], width=8)
    for row in range(50):
        before = similarities(bundle, artists.at(row), artists, own_row=row)
        after = similarities(bundle, grown.at(row + 1), grown, own_row=row + 1)
        np.testing.assert_array_equal(after[1:], before)


@pytest.mark.parametrize("method", list(Method))
@given(seed=st.integers(0, 500))
def test_similarities_are_bounded_ordered_as_the_scores_and_1_with_oneself(method: Method, seed: int) -> None:
    bundle = make_bundle(method, dim=4, seed=seed)
    artists = make_artists(bundle, 12, seed=seed + 1)
    found = scores(bundle, artists.at(0), artists)
    shown = similarities(bundle, artists.at(0), artists, own_row=0)
    assert shown[0] == 1.0
    assert shown.min() >= 0.0
    assert shown.max() <= 1.0
    others = np.argsort(found[1:], kind="stable") + 1
    assert np.all(np.diff(shown[others]) >= 0.0)


def test_the_similarity_is_the_squared_share_of_cohort_pairs_below() -> None:
    bundle = make_bundle()  # quantiles from -3 to 3, evenly: F(z) = (z + 3) / 6
    asked = np.array([-9.0, -3.0, 0.0, 1.5, 3.0, 9.0])
    np.testing.assert_allclose(percentile(bundle, asked), [0.0, 0.0, 0.5, 0.75, 1.0, 1.0])
    np.testing.assert_allclose(display(bundle, asked), [0.0, 0.0, 0.25, 0.5625, 1.0, 1.0])


@pytest.mark.parametrize("method", list(Method))
def test_no_opinion_stays_no_opinion(method: Method) -> None:
    bundle = make_bundle(method)
    unknown = CohortStats(mean=0.0, sd=1.0)
    found = score_cosines(method, np.array([np.nan, 0.5]), unknown, unknown)
    np.testing.assert_array_equal(np.isnan(display(bundle, found)), [True, False])
    np.testing.assert_array_equal(np.isnan(percentile(bundle, found)), [True, False])


def test_without_pairs_in_the_cohort_there_is_no_percentile() -> None:
    bundle = make_bundle(Method.RAW)
    bare = replace(bundle, quantiles=np.empty(0))
    assert np.isnan(percentile(bare, np.array([0.3]))).all()
    assert display(bare, np.array([0.3, -0.2])).tolist() == [0.3, 0.0]
