"""Halves of the tracks of an artist find each other the better, the better the calibration is."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from indexer.build.calibration.bundle_choice import raw_bundle
from indexer.build.calibration.calibration_fit import Reference, fit
from indexer.build.calibration.split_halves import (
    MAX_ARTISTS,
    Gain,
    cross_fitted_ranks,
    drawn,
    reciprocal_ranks,
    reciprocal_ranks_of,
)
from tests.factories import make_space

DIM = 12
SPACE = make_space(("only",), dim=DIM)


def reference(sizes: list[int], *, noise: float, wide: int = 0) -> Reference:
    """Artists with ``sizes`` tracks around a direction each; the first ``wide`` dimensions vary within an artist."""
    random = np.random.default_rng(0)
    artist = np.repeat(np.arange(len(sizes)), sizes)
    spread = np.where(np.arange(DIM) < wide, 20.0, 1.0) * noise
    tracks = random.normal(size=(len(sizes), DIM))[artist] + spread * random.normal(size=(len(artist), DIM))
    return Reference(
        ids=tuple(f"a{row:04d}" for row in range(len(sizes))), artist=artist, tracks=tracks.astype(np.float32)
    )


def test_ranks_are_those_of_a_plain_loop_and_ties_count_half() -> None:
    scores = np.array([[0.5, 0.5, np.nan], [0.1, 0.9, 0.2], [0.3, 0.3, 0.3]])
    rows, columns = (1.5, 1, 2), (1, 1, 1)
    assert reciprocal_ranks_of(scores) == pytest.approx([0.5 / a + 0.5 / b for a, b in zip(rows, columns, strict=True)])


def test_artists_without_noise_find_themselves_and_noise_finds_nobody() -> None:
    raw = raw_bundle(SPACE, "only")
    everyone = np.arange(40)
    assert reciprocal_ranks(raw, reference([2] * 40, noise=0.01), everyone) == pytest.approx(1.0)
    chance = np.mean(1.0 / np.arange(1, 41))
    lost = reciprocal_ranks(raw, reference([2] * 40, noise=1000.0), everyone)
    assert lost.mean() == pytest.approx(chance, abs=0.08)


def test_whitening_gains_where_some_directions_vary_within_an_artist() -> None:
    music = reference([3] * 120, noise=0.3, wide=4)
    ranks = cross_fitted_ranks(music, [partial(fit, space=SPACE, layer="only"), lambda _: raw_bundle(SPACE, "only")])
    gain = Gain.of(ranks[0] - ranks[1])
    assert gain.low > 0.1
    assert gain.low < gain.mean < gain.high


def test_no_artist_is_tested_with_a_bundle_that_was_fitted_on_it() -> None:
    music = reference([2, 1] * 20, noise=0.3)
    seen: list[frozenset[str]] = []

    def watched(others: Reference) -> object:
        seen.append(frozenset(others.ids))
        return raw_bundle(SPACE, "only")

    assert cross_fitted_ranks(music, [watched]).shape == (1, 20)  # type: ignore[list-item]  # what it returns is a bundle
    paired = frozenset(music.ids[::2])
    assert [len(paired - ids) for ids in seen] == [5, 5, 5, 5]
    assert frozenset().union(*(paired - ids for ids in seen)) == paired


def test_a_large_reference_is_drawn_from_with_pairs_first() -> None:
    music = reference([2] * 50 + [1] * 400, noise=0.1)
    some = drawn(music)
    assert (len(some.ids), some.paired) == (MAX_ARTISTS, 50)
    assert some.ids == drawn(music).ids
    np.testing.assert_array_equal(some.of(0), music.of(0))
