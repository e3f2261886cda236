"""What a learned ranking orders, and what follows: long pages, several seeds, negative ones, files and line-ups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.ranking import artists
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.audio_query import from_clips
from recommender.types import Scale, ScoredArtist, SignalName
from tests.calibrated import DIM, LAYERS
from tests.generated import EVERYONE, SEEDS, generated, mixes

FIRST = 10
"""As many as the trees order here."""
LOW = mixes()[0]
SEVERAL = ((0,), (3, 12), (1, 7, 30))
SOME = SEEDS[1:4]
on_catalogs = pytest.mark.parametrize("catalog", SOME)
of_seeds = pytest.mark.parametrize("seeds", SEVERAL)


@pytest.fixture(autouse=True)
def _few_are_ordered_by_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artists, "RERANKED", FIRST)


def asked(catalog: int, *seeds: int) -> ArtistQuery:
    return ArtistQuery(seeds=seeds, mix=LOW, weights=generated(catalog).calibration.choices.named["learned"])


def ranked(catalog: int, query: ArtistQuery) -> list[ScoredArtist]:
    return Recommender(generated(catalog)).rank_artists(query, offset=0, n=EVERYONE)


def by_default(catalog: int, query: ArtistQuery) -> list[int]:
    return [one.row for one in ranked(catalog, replace(query, weights=None))]


def by_score(found: list[ScoredArtist]) -> list[int]:
    return [one.row for one in sorted(found, key=lambda one: (-one.score, one.row))]


@on_catalogs
@of_seeds
@pytest.mark.parametrize("against", [(), (5,), (5, 20)])
def test_the_first_of_the_default_are_ordered_by_trees_and_the_others_follow_in_its_order(
    catalog: int, seeds: tuple[int, ...], against: tuple[int, ...]
) -> None:
    query = replace(asked(catalog, *seeds), negative_seeds=against)
    found, default = ranked(catalog, query), by_default(catalog, query)
    assert [one.row for one in found[:FIRST]] == by_score(found[:FIRST])
    assert {one.row for one in found[:FIRST]} == set(default[:FIRST])
    assert [one.row for one in found[FIRST:]] == default[FIRST:]
    for one in found:
        assert one.base + sum(line.contribution for line in one.breakdown) == pytest.approx(one.score, abs=1e-9)


def test_trees_change_the_order_of_the_default() -> None:
    changed = [[one.row for one in ranked(catalog, asked(catalog, 3))] for catalog in SOME]
    assert sum(rows != by_default(catalog, asked(catalog, 3)) for catalog, rows in zip(SOME, changed, strict=True)) >= 2


@on_catalogs
@of_seeds
@pytest.mark.parametrize("size", [1, FIRST, 25])
def test_pages_put_together_are_one_ranking_beyond_those_that_trees_order(
    catalog: int, seeds: tuple[int, ...], size: int
) -> None:
    query, recommender = asked(catalog, *seeds), Recommender(generated(catalog))
    pages = [recommender.rank_artists(query, offset=at, n=size) for at in range(0, EVERYONE, size)]
    assert [repr(one) for page in pages for one in page] == [repr(one) for one in ranked(catalog, query)]
    assert recommender.order_artists(query, n=EVERYONE).tolist() == [one.row for page in pages for one in page]


@on_catalogs
def test_with_several_seeds_a_score_is_the_mean_of_those_with_each_that_has_one(catalog: int) -> None:
    seeds, recommender = (3, 12, 40), Recommender(generated(catalog))
    query = asked(catalog, *seeds)
    for one in ranked(catalog, query):
        pairs = [recommender.compare(seed, one.row, mix=LOW, weights=query.weights).score for seed in seeds]
        assert one.score == pytest.approx(float(np.nanmean(pairs)), abs=1e-12)


@on_catalogs
def test_negative_seeds_take_away_from_scores_and_are_not_answered(catalog: int) -> None:
    query = replace(asked(catalog, 3), candidates=frozenset(range(EVERYONE)))
    plain = {one.row: one.score for one in ranked(catalog, query)}
    lowered = {one.row: one.score for one in ranked(catalog, replace(query, negative_seeds=(9,)))}
    assert lowered.keys() == plain.keys() - {9}
    assert all(score <= plain[row] for row, score in lowered.items())
    assert any(score < plain[row] for row, score in lowered.items())


@on_catalogs
def test_all_of_a_line_up_is_ordered_by_trees(catalog: int) -> None:
    line_up = frozenset(range(0, EVERYONE, 2))
    query = replace(asked(catalog, 3), candidates=line_up)
    found = ranked(catalog, query)
    assert len(found) >= FIRST
    assert [one.row for one in found] == by_score(found)
    assert {one.row for one in found} <= line_up - {3}
    alone = {one.row: one.score for one in ranked(catalog, asked(catalog, 3))}
    assert {one.row: one.score for one in found} == {row: alone[row] for row in alone.keys() & line_up}


@on_catalogs
def test_of_a_file_only_the_sound_is_known(catalog: int) -> None:
    clips = 0.5 + np.random.default_rng(catalog).normal(size=(3, len(LAYERS), DIM)).astype(np.float32)
    heard = from_clips(generated(catalog), clips, LOW)
    query = replace(asked(catalog), seeds=(heard,))
    found, default = ranked(catalog, query), by_default(catalog, query)
    assert [one.row for one in found[FIRST:]] == default[FIRST:]
    assert [one.row for one in found[:FIRST]] == by_score(found[:FIRST])
    assert found
    for one in found:
        for line in one.breakdown:
            assert line.available is (line.signal is SignalName.AUDIO)
            assert line.available or (line.contribution, line.weight) == (0.0, 0.0)
    together = ranked(catalog, replace(query, seeds=(heard, 3)))
    assert {one.row for one in found} - {3} <= {one.row for one in together}
    assert not any(one.row == 3 for one in together)


@on_catalogs
def test_the_dial_turns_the_first_by_the_keys_of_trees_and_the_others_by_those_of_the_default(catalog: int) -> None:
    query = replace(asked(catalog, 3), depth=0.9)
    found, default = [one.row for one in ranked(catalog, query)], by_default(catalog, query)
    assert sorted(found[:FIRST]) == sorted(default[:FIRST])
    assert found[FIRST:] == default[FIRST:]


@on_catalogs
def test_what_is_left_out_is_left_out_before_the_first_are_taken(catalog: int) -> None:
    query = asked(catalog, 3)
    gone = frozenset(by_default(catalog, query)[:FIRST])
    found = ranked(catalog, replace(query, exclude=gone))
    default = [row for row in by_default(catalog, query) if row not in gone]
    assert not gone & {one.row for one in found}
    assert {one.row for one in found[:FIRST]} == set(default[:FIRST])
    assert [one.row for one in found[:FIRST]] == by_score(found[:FIRST])


def test_a_profile_of_trees_reads_features() -> None:
    assert generated(0).calibration.choices.named["learned"].scale is Scale.FEATURES
