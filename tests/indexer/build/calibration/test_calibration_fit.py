"""The fit against other ways to work out the same, its guards, and its promise that nobody else's score moves."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from indexer.build.calibration.calibration_fit import (
    Reference,
    choose_reference,
    draw_cohort,
    fit,
    measure_artists,
    status_of,
)
from indexer.build.calibration.projection import main_components, whitening
from recommender.calibration.cohort import ArtistStats, Bundle, Method, Status, measure
from recommender.calibration.scores import display, percentile, scores, scores_between
from recommender.errors import InvalidArgument
from tests.factories import make_space

DIM = 12
SPACE = make_space(dim=DIM)


def make_reference(artists: int, *, tracks: int = 4, dim: int = DIM, seed: int = 0) -> Reference:
    """Artists around a common mean, whose tracks vary most along the first axis."""
    rng = np.random.default_rng(seed)
    centres = 1.0 + rng.normal(size=(artists, dim))
    noise = rng.normal(size=(artists, tracks, dim)) * np.r_[2.0, np.full(dim - 1, 0.3)]
    return Reference(
        ids=tuple(f"artist {row:04d}" for row in range(artists)),
        artist=np.repeat(np.arange(artists), tracks),
        tracks=(centres[:, np.newaxis] + noise).reshape(-1, dim).astype(np.float32),
    )


def fitted(artists: int = 60, method: Method = Method.PIPELINE) -> Bundle:
    """A bundle fitted on made artists."""
    return fit(make_reference(artists), space=SPACE, layer="low", method=method)


@pytest.mark.parametrize(
    ("artists", "paired", "expected"),
    [
        (0, 0, Status.UNCALIBRATED),
        (49, 49, Status.UNCALIBRATED),
        (50, 0, Status.PROVISIONAL),
        (900, 199, Status.PROVISIONAL),
        (200, 200, Status.CALIBRATED),
    ],
)
def test_trust_grows_with_the_number_of_reference_artists(artists: int, paired: int, expected: Status) -> None:
    assert status_of(artists, paired) is expected


@pytest.mark.parametrize("artists", [0, 1, 2, 49])
def test_too_few_reference_artists_give_the_raw_cosine_and_say_so(artists: int) -> None:
    bundle = fitted(artists)
    assert (bundle.method, bundle.status, bundle.projection) == (Method.RAW, Status.UNCALIBRATED, None)
    assert "not calibrated, raw cosines" in bundle.summary
    a, b = (np.eye(DIM)[:1], np.eye(DIM)[:1] * 0.6 + np.eye(DIM)[1:2] * 0.8)
    others = ArtistStats.of([measure(bundle, b)], width=DIM)
    assert display(bundle, scores(bundle, measure(bundle, a), others)) == pytest.approx([0.6])


def test_whitened_tracks_of_one_artist_vary_alike_in_all_directions_but_for_the_shrinkage() -> None:
    reference = make_reference(60)
    units = reference.tracks / np.linalg.norm(reference.tracks, axis=1, keepdims=True).astype(np.float64)
    centred = units - units.mean(axis=0)
    whitened = whitening([centred], reference.artist)
    projection = whitened.projection
    moved = centred @ projection
    np.testing.assert_allclose(whitened.tracks, moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=1e-9)
    assert projection.shape == (DIM, DIM), "60 * 4 // 5 components would be 48, there are 12 dimensions"
    residues = []
    for row in range(60):
        own = (centred @ projection)[reference.artist == row]
        residues.append(own - own.mean(axis=0))
    residue = np.concatenate(residues)
    within = residue.T @ residue / (240 - 60)
    # An eigenvalue v of the covariance becomes v / (.9 v + .1 mean v): below 1 / .9, and all of one trace.
    values = np.linalg.eigvalsh(within)
    assert values.max() < 1 / 0.9
    assert values.min() > 0.2
    before = centred @ main_components([centred], count=DIM)
    plain = np.concatenate([before[reference.artist == row] for row in range(60)])
    means = np.repeat([before[reference.artist == row].mean(axis=0) for row in range(60)], 4, axis=0)
    old = np.linalg.eigvalsh((plain - means).T @ (plain - means) / 180)
    np.testing.assert_allclose(values, old / (0.9 * old + 0.1 * old.mean()), rtol=1e-6)


def test_main_components_are_those_of_a_singular_value_decomposition_with_a_fixed_sign() -> None:
    centred = np.random.default_rng(3).normal(size=(50, 6)) * np.arange(6, 0, -1)
    centred -= centred.mean(axis=0)
    found = main_components([centred], count=4)
    _, _, right = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.T @ right[:4].T), np.eye(4), atol=1e-9)
    assert all(column[np.abs(column).argmax()] > 0 for column in found.T)


def test_one_component_is_kept_for_five_tracks_and_none_without_variance() -> None:
    assert fit(make_reference(50, tracks=2, dim=40), space=make_space(dim=40), layer="low").width == 20
    flat = np.random.default_rng(0).normal(size=(40, 6)) @ np.diag([3.0, 2.0, 1.0, 0.0, 0.0, 0.0])
    assert main_components([flat - flat.mean(axis=0)], count=6).shape == (6, 3)


def test_the_same_reference_gives_the_same_bundle_and_any_other_another_key() -> None:
    one, two = fitted(), fitted()
    assert one.key == two.key
    assert all(np.array_equal(one.arrays[name], two.arrays[name]) for name in one.arrays)
    reference = make_reference(60)
    other_track = reference.tracks.copy()
    other_track[0, 0] += 1e-3
    changed = [
        fit(replace(reference, tracks=other_track), space=SPACE, layer="low"),
        fit(replace(reference, ids=tuple(f"b{each}" for each in reference.ids)), space=SPACE, layer="low"),
        fit(reference, space=SPACE, layer="high"),
        fit(reference, space=make_space(("a", "b"), dim=DIM), layer="low"),
        fit(reference, space=SPACE, layer="low", method=Method.MP),
        fit(reference, space=SPACE, layer="low", cohort_size=30),
    ]
    assert len({one.key, *(bundle.key for bundle in changed)}) == 1 + len(changed)


def test_quantiles_are_those_of_scores_between_cohort_artists_that_leave_themselves_out() -> None:
    reference, bundle = make_reference(60), fitted(60)
    measured = [measure(bundle, reference.of(row), without={reference.ids[row]}) for row in range(60)]
    found = [
        float(scores(bundle, measured[a], ArtistStats.of([measured[b]], width=DIM))[0])
        for a in range(60)
        for b in range(a + 1, 60)
    ]
    assert bundle.quantiles[[0, 1000, 2000]] == pytest.approx([min(found), np.median(found), max(found)], abs=1e-6)
    assert percentile(bundle, np.array([np.median(found)])) == pytest.approx([0.5], abs=1e-6)


def test_aliases_are_in_no_cohort_of_each_other_and_no_pair_of_theirs_sets_the_scale() -> None:
    reference = make_reference(60)
    tracks = reference.tracks.copy()
    tracks[4:8] = tracks[:4]  # the second artist is the first under another name
    pair = {reference.ids[0]: frozenset({reference.ids[1]}), reference.ids[1]: frozenset({reference.ids[0]})}
    doubled = replace(reference, tracks=tracks)
    known = fit(replace(doubled, aliases=pair), space=SPACE, layer="low")
    unknown = fit(doubled, space=SPACE, layer="low")
    assert known.quantiles[-1] < unknown.quantiles[-1], "the pair of equals is the most alike of all"
    stats = measure_artists(known, tracks, reference.artist, ids=reference.ids, aliases=pair)
    assert stats.mean[0] == pytest.approx(
        float(np.delete(known.cohort, [0, 1], axis=0).mean(axis=0) @ stats.vectors[0])
    )


def test_the_cohort_is_drawn_with_a_seed_and_holds_genres_in_proportion() -> None:
    reference = make_reference(60)
    assert draw_cohort(reference, size=100).tolist() == list(range(60))
    drawn = draw_cohort(reference, size=20)
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert len(drawn) == 20
    np.testing.assert_array_equal(drawn, draw_cohort(reference, size=20))
    assert drawn.tolist() != draw_cohort(reference, size=20, seed=1).tolist()
    genres = ("techno",) * 30 + ("folk",) * 24 + ("trap",) * 6
    chosen = draw_cohort(replace(reference, strata=genres), size=20)
    assert [sum(genres[row] == each for row in chosen) for each in ("techno", "folk", "trap")] == [10, 8, 2]


def test_artists_with_two_tracks_are_drawn_for_reference_where_there_are_enough() -> None:
    counts = np.tile([0, 1, 2, 5], 25)
    able = np.flatnonzero(counts >= 2).tolist()
    assert choose_reference(counts).tolist() == able
    assert set(choose_reference(counts, max_artists=20).tolist()) < set(able)
    assert choose_reference(counts, max_artists=2).tolist() == choose_reference(counts, max_artists=2).tolist()
    assert choose_reference(counts[:90]).tolist() == np.flatnonzero(counts[:90]).tolist(), "44 of them have two tracks"


def single_tracks(artists: int, paired: int) -> Reference:
    """So many artists, the first of which have two tracks and the others one."""
    owner = np.sort(np.concatenate([np.arange(artists), np.arange(paired)]))
    random = np.random.default_rng(4)
    middles = random.normal(size=(artists, DIM)) + 2.0
    tracks = (middles[owner] + 0.5 * random.normal(size=(len(owner), DIM))).astype(np.float32)
    return Reference(ids=tuple(f"a{number:04d}" for number in range(artists)), artist=owner, tracks=tracks)


def test_artists_of_one_track_centre_the_scores_and_are_a_cohort_but_whiten_nothing() -> None:
    bundle = fit(single_tracks(120, 36), space=SPACE, layer="low")
    assert (bundle.method, bundle.status, bundle.projection) == (Method.PIPELINE, Status.PROVISIONAL, None)
    assert (bundle.reference_artists, len(bundle.cohort_ids)) == (120, 120)
    assert np.abs(bundle.mean).max() > 0.1
    # Scores of unrelated artists stand around 0 although every cosine is high.
    assert abs(float(np.median(bundle.quantiles))) < 0.3
    assert fit(single_tracks(120, 60), space=SPACE, layer="low").projection is not None


def test_a_reference_of_artists_without_a_track_or_unsorted_ids_is_refused() -> None:
    tracks = np.ones((3, 2), dtype=np.float32)
    with pytest.raises(InvalidArgument, match="needs a track"):
        Reference(ids=("a", "b"), artist=np.array([0, 0, 0]), tracks=tracks)
    with pytest.raises(InvalidArgument, match="sorted and distinct"):
        Reference(ids=("b", "a"), artist=np.array([0, 0, 1, 1]), tracks=np.ones((4, 2), dtype=np.float32))


def test_a_reference_from_which_nothing_can_be_learned_is_refused() -> None:
    reference = make_reference(50)
    repeated = replace(reference, tracks=np.repeat(reference.tracks[::4], 4, axis=0))
    with pytest.raises(InvalidArgument, match="tracks of each artist are the same"):
        fit(repeated, space=SPACE, layer="low")
    with pytest.raises(InvalidArgument, match="all track vectors are the same"):
        fit(replace(reference, tracks=np.ones_like(reference.tracks)), space=SPACE, layer="low")
    broken = reference.tracks.copy()
    broken[7, 3] = np.nan
    with pytest.raises(InvalidArgument, match="vector 7 is not finite"):
        fit(replace(reference, tracks=broken), space=SPACE, layer="low")


def test_measuring_a_catalog_names_the_artist_that_cannot_be_measured() -> None:
    bundle, tracks = fitted(), make_reference(3).tracks
    with pytest.raises(InvalidArgument, match="artist bo: tracks: have shape"):
        measure_artists(bundle, tracks[:2], np.array([0, 0]), ids=("ada", "bo"))
    assert measure_artists(bundle, tracks[:0], np.empty(0, np.int64), ids=()).vectors.shape == (0, bundle.width)


@pytest.mark.parametrize("method", list(Method))
def test_a_grown_catalog_moves_no_old_score(method: Method) -> None:
    bundle, old = fitted(method=method), make_reference(80, seed=5)
    before = measure_artists(bundle, old.tracks, old.artist, ids=old.ids)
    new = make_reference(7, tracks=9, seed=6)
    tracks, artist = np.concatenate([new.tracks, old.tracks]), np.concatenate([new.artist, old.artist + 7])
    after = measure_artists(bundle, tracks, artist, ids=(*(f"0 {each}" for each in new.ids), *old.ids))
    for row in range(80):
        moved, kept = scores(bundle, after.at(row + 7), after)[7:], scores(bundle, before.at(row), before)
        np.testing.assert_array_equal(moved, kept)
        np.testing.assert_array_equal(display(bundle, moved), display(bundle, kept))


def test_tracks_in_any_order_of_artists_are_measured_alike() -> None:
    bundle, made = fitted(), make_reference(10)
    shuffle = np.random.default_rng(0).permutation(40)
    one = measure_artists(bundle, made.tracks, made.artist, ids=made.ids)
    two = measure_artists(bundle, made.tracks[shuffle], made.artist[shuffle], ids=made.ids)
    np.testing.assert_allclose(scores_between(bundle, one, one), scores_between(bundle, two, two), atol=1e-5)


def test_a_thousand_artists_of_a_large_space_are_fitted_in_seconds() -> None:
    reference = make_reference(1000, tracks=5, dim=768)
    started = time.process_time()
    bundle = fit(reference, space=make_space(dim=768), layer="low")
    assert (bundle.status, bundle.width, len(bundle.cohort_ids)) == (Status.CALIBRATED, 128, 1000)
    assert time.process_time() - started < 30.0, "2.3 s in the reference, on two cores"


def test_the_cohort_stands_where_its_artists_are_measured() -> None:
    reference, bundle = make_reference(60), fitted(60)
    expected = [measure(bundle, reference.of(row)).vector for row in range(60)]
    np.testing.assert_allclose(bundle.cohort, expected, atol=1e-6)
