"""What needs no labels: halves that retrieve each other, spread, separation, hub share, exposure."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.measures.distribution import auc, histogram, hub_share, pairs_of, separation, spread
from evaluation.measures.hubness import exposure, spearman
from evaluation.measures.split_half_retrieval import split_retrieval
from recommender.errors import InvalidArgument
from recommender.vectors import unit


def test_halves_that_point_the_same_way_find_each_other_first() -> None:
    tracks = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    found = split_retrieval(tracks, np.array([5, 5, 7, 7, 9, 9]))
    assert found.artists.tolist() == [5, 7, 9]
    assert found.reciprocal_ranks.tolist() == [1.0, 1.0, 1.0]
    assert found.chance == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_ranks_are_counted_in_both_directions_by_hand() -> None:
    """Halves at 0 and 30 degrees, and at 20 and 90: 0 finds 30 second (90 is further, 20 is not asked)."""
    angles = np.radians([0.0, 30.0, 20.0, 90.0])
    tracks = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = split_retrieval(tracks, np.array([1, 1, 2, 2]))
    # firsts at 0 and 20 look among seconds at 30 and 90: 0 -> 30 first; 20 -> 30 first, own 90 second.
    # seconds at 30 and 90 look among firsts at 0 and 20: 30 -> 20 first, own 0 second; 90 -> 20 first, its own.
    assert found.reciprocal_ranks.tolist() == pytest.approx([(1 + 1 / 2) / 2, (1 / 2 + 1) / 2])


def test_tracks_alternate_between_the_halves_in_the_order_they_are_given() -> None:
    tracks = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=np.float32)
    assert split_retrieval(tracks, np.zeros(4, dtype=np.int64)).reciprocal_ranks.tolist() == [1.0]
    mixed = np.concatenate([tracks, tracks[::-1]])
    found = split_retrieval(mixed, np.repeat([0, 1], 4))
    assert found.reciprocal_ranks.tolist() == [0.5, 0.5], "each half is the other artist's other half"


def test_what_cannot_be_told_apart_is_found_in_the_middle() -> None:
    found = split_retrieval(np.ones((6, 1), dtype=np.float32), np.repeat([0, 1, 2], 2))
    assert found.reciprocal_ranks.tolist() == pytest.approx([1 / 2, 1 / 2, 1 / 2]), "rank 2 of 3"


def test_an_artist_with_one_track_or_with_tracks_that_cancel_takes_no_part() -> None:
    tracks = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0], [-1, 0], [1, 0]], dtype=np.float32)
    found = split_retrieval(tracks, np.array([0, 0, 1, 2, 2, 2, 2]))
    assert found.artists.tolist() == [0], "1 has one track; the first half of 2 cancels"
    nobody = split_retrieval(tracks[3:], np.zeros(4, dtype=np.int64))
    assert nobody.artists.size == 0
    assert np.isnan(nobody.chance)
    assert split_retrieval(np.empty((0, 2), np.float32), np.empty(0, np.int64)).artists.size == 0


def test_known_clusters_beat_chance_by_far() -> None:
    random = np.random.default_rng(3)
    artists = np.repeat(np.arange(50), 4)
    tracks = unit(random.normal(size=(50, 16))[artists] + 0.4 * random.normal(size=(200, 16)))
    found = split_retrieval(tracks, artists)
    assert found.mrr.mean > 0.9 > 0.2 > found.chance


def test_scores_made_of_one_number_an_artist_are_explained_by_it_altogether() -> None:
    effects = np.array([0.1, 0.5, 0.2, 0.9, 0.4])
    assert hub_share(effects[:, np.newaxis] + effects) == pytest.approx(1.0)


def test_the_hub_share_is_that_of_the_least_squares_fit() -> None:
    random = np.random.default_rng(4)
    n = 7
    half = random.normal(size=(n, n))
    square = half + half.T
    first, second = np.triu_indices(n, k=1)
    design = np.zeros((len(first), n + 1))
    design[np.arange(len(first)), first] = design[np.arange(len(first)), second] = design[:, n] = 1.0
    values = pairs_of(square)
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    explained = 1 - ((values - fitted) ** 2).sum() / ((values - values.mean()) ** 2).sum()
    assert hub_share(square) == pytest.approx(explained)


def test_a_hub_share_needs_pairs_that_vary_and_all_have_an_opinion() -> None:
    assert np.isnan(hub_share(np.ones((5, 5))))
    assert np.isnan(hub_share(np.zeros((3, 3))))
    with pytest.raises(InvalidArgument, match="without an opinion"):
        hub_share(np.full((5, 5), np.nan))


def test_spread_is_read_off_the_pairs() -> None:
    found = spread(np.array([0.0, 0.25, 0.5, 0.75, 1.0, np.nan]))
    assert (found.pairs, found.span, found.iqr, found.median) == (5, 1.0, 0.5, 0.5)
    assert np.isnan(spread(np.empty(0)).span)


def test_separation_counts_how_often_related_pairs_stand_above() -> None:
    related, unrelated = np.array([0.9, 0.5, 0.7]), np.array([0.5, 0.1])
    above = np.mean([(r > u) + 0.5 * (r == u) for r in related for u in unrelated])
    found = separation(related, unrelated)
    assert found.auc == pytest.approx(above) == auc(related, unrelated)
    assert found.d_prime == pytest.approx((0.7 - 0.3) / np.sqrt((related.var() + unrelated.var()) / 2))
    assert np.isnan([separation(np.empty(0), unrelated).auc, separation(related, np.empty(0)).d_prime]).all()


def test_a_histogram_counts_every_pair_once() -> None:
    found = histogram(np.array([0.9, 1.0]), np.array([0.0, 0.1, np.nan]), bins=10)
    assert (sum(found.related), sum(found.unrelated)) == (2, 2)
    assert (found.edges[0], found.edges[-1]) == (0.0, 1.0)
    assert (found.related[-1], found.unrelated[0]) == (1 + 1, 1)


def test_exposure_says_who_is_recommended_and_how_popular_they_are() -> None:
    popularity = np.array([10.0, 20.0, 30.0, np.nan])
    found = exposure(np.array([[1, 2], [2, -1], [1, 2], [2, 3]]), popularity, k=2)
    assert found.coverage == 0.75
    assert found.counts == (1, 1, 1, 0, 1), "0 by nobody, 3 once, 1 twice, 2 four times"
    assert found.hubs.largest == 4
    assert found.popularity_percentile == pytest.approx(np.mean([0.5, 5 / 6, 5 / 6, 0.5, 5 / 6, 5 / 6]))
    assert found.popularity_correlation == pytest.approx(1.0)


def test_what_does_not_vary_correlates_with_nothing() -> None:
    assert np.isnan(spearman(np.ones(3), np.arange(3.0)))
