"""Artists measured many at once, against the same artists measured one by one."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.build.calibration import measure_artists
from indexer.build.calibration.calibration_fit import Reference, fit
from indexer.build.calibration.measure_artists import Owners, measure_able, measure_all, measure_vectors
from recommender.calibration.cohort import ArtistStats, Bundle, Method, measure
from recommender.errors import InvalidArgument
from recommender.types import Rows, Vectors
from tests.factories import make_space

DIM = 12
ARTISTS = 60


def made_reference(artists: int = ARTISTS) -> Reference:
    draw = np.random.default_rng(1)
    tracks = np.repeat(1.0 + draw.normal(size=(artists, DIM)), 4, axis=0) + 0.5 * draw.normal(size=(4 * artists, DIM))
    ids = tuple(f"a{artist:03d}" for artist in range(artists))
    return Reference(ids=ids, artist=np.repeat(np.arange(artists), 4), tracks=tracks.astype(np.float32))


REFERENCE = made_reference()
BUNDLES = {method: fit(REFERENCE, space=make_space(dim=DIM), layer="low", method=method) for method in Method}
UNCALIBRATED = fit(made_reference(20), space=make_space(dim=DIM), layer="low")


def owners(sizes: list[int], *, aliases: dict[str, frozenset[str]] | None = None) -> tuple[Owners, Vectors]:
    """The first of them are those of the cohort by name; their tracks lie in no order."""
    draw = np.random.default_rng(sum(sizes))
    places = draw.permutation(sum(sizes)).astype(np.int64)
    owned: list[Rows] = np.split(places, np.cumsum(sizes)[:-1])
    ids = [f"a{artist:03d}" for artist in range(len(sizes))]
    tracks = 1.0 + draw.normal(size=(sum(sizes), DIM)) * draw.uniform(0.2, 3.0, size=(sum(sizes), 1))
    return Owners(ids=ids, tracks=owned, aliases=aliases or {}), tracks.astype(np.float32)


def one_by_one(bundle: Bundle, tracks: Vectors, asked: Owners) -> ArtistStats:
    rows = [measure(bundle, tracks[own], without=asked.without(row)) for row, own in enumerate(asked.tracks)]
    return ArtistStats.of(rows, width=bundle.width)


def assert_same(found: ArtistStats, expected: ArtistStats) -> None:
    for field in fields(expected):
        np.testing.assert_allclose(
            getattr(found, field.name), getattr(expected, field.name), rtol=1e-6, atol=1e-6, err_msg=field.name
        )


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=70),
    method=st.sampled_from(Method),
    block=st.sampled_from([1, 5, 1024]),
)
def test_many_get_the_numbers_that_each_gets_alone(sizes: list[int], method: Method, block: int) -> None:
    asked, tracks = owners(sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure_artists, "BLOCK", block)
        found = measure_all(BUNDLES[method], tracks, asked)
    assert_same(found, one_by_one(BUNDLES[method], tracks, asked))


def test_without_a_calibration_they_get_them_too() -> None:
    asked, tracks = owners([1, 2, 3, 4])
    assert UNCALIBRATED.projection is None
    assert_same(measure_all(UNCALIBRATED, tracks, asked), one_by_one(UNCALIBRATED, tracks, asked))


def test_aliases_stay_out_of_the_cohort() -> None:
    asked, tracks = owners([3] * 20, aliases={"a000": frozenset({"a001", "a005"}), "a010": frozenset({"elsewhere"})})
    bundle = BUNDLES[Method.PIPELINE]
    found = measure_all(bundle, tracks, asked)
    assert_same(found, one_by_one(bundle, tracks, asked))
    assert found.mean[0] != pytest.approx(measure_all(bundle, tracks, replace(asked, aliases={})).mean[0], abs=1e-6)


def test_who_cannot_be_measured_is_named_with_the_reason_and_the_others_are_measured() -> None:
    asked, tracks = owners([2, 2, 2, 2, 3])
    bundle = BUNDLES[Method.RAW]
    tracks[asked.tracks[1][0]] = np.nan
    tracks[asked.tracks[2]] = [[1.0] * DIM, [-1.0] * DIM]
    tracks[asked.tracks[4]] = 0.0
    asked = replace(asked, tracks=[*asked.tracks[:3], np.empty(0, np.int64), asked.tracks[4]])
    found, failed = measure_able(bundle, tracks, asked)
    reasons = ["vector 0 is not finite", "the 2 tracks cancel one another", "have shape (0, 12)", "vector 0 is not"]
    assert [artist for artist, _ in failed] == ["a001", "a002", "a003", "a004"]
    assert all(reason in why for reason, (_, why) in zip(reasons, failed, strict=True))
    assert np.isnan(found.mean).tolist() == [False, True, True, True, True]
    assert found.tracks.tolist() == [2, 2, 2, 0, 3]
    first = measure(bundle, tracks[asked.tracks[0]], without={"a000"})
    np.testing.assert_allclose(found.vectors[0], first.vector, atol=1e-6)
    assert found.standard_error[0] == pytest.approx(first.reliability.standard_error)
    with pytest.raises(InvalidArgument, match="vector 0 is not finite"):
        measure_all(bundle, tracks, asked)


def test_a_cohort_in_which_nobody_stands_out_is_refused_in_the_same_words() -> None:
    same = np.tile(np.eye(BUNDLES[Method.PIPELINE].width)[0], (ARTISTS, 1))
    flat = replace(BUNDLES[Method.PIPELINE], cohort=same)
    asked, tracks = owners([2, 2])
    with pytest.raises(InvalidArgument, match="all its cosines with the artist are"):
        measure_all(flat, tracks, asked)
    alone = replace(BUNDLES[Method.PIPELINE], cohort=same[:1], cohort_ids=("a000",))
    with pytest.raises(InvalidArgument, match="has no artist but the measured one"):
        measure_all(alone, tracks, asked)


def test_tracks_that_are_all_the_same_have_no_spread_and_one_track_has_none_to_tell() -> None:
    asked, tracks = owners([3, 1])
    tracks[asked.tracks[0]] = tracks[asked.tracks[0][0]]
    found = measure_all(BUNDLES[Method.PIPELINE], tracks, asked)
    assert found.standard_error[0] == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(found.standard_error[1])


@pytest.mark.parametrize("method", list(Method))
def test_vectors_that_are_known_stand_where_their_artists_stand(method: Method) -> None:
    asked, tracks = owners([2] * 30, aliases={"a003": frozenset({"a004"})})
    expected = one_by_one(BUNDLES[method], tracks, asked)
    found = measure_vectors(BUNDLES[method], expected.vectors, asked)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(found.sd, expected.sd, atol=1e-6)
