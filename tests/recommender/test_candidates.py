"""A ranking from candidates is that of everyone but for whom they missed, wherever it is cut, or it is not used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.build.candidates import Ground, write_candidates
from recommender.calibration.cohort import Measured
from recommender.generation.candidate_files import GENRES, Candidates, codes_file
from recommender.generation.genre_neighbours import GenreOrders
from recommender.generation.manifest import CandidatesEntry
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.retrieval.filters import GenreFilter
from recommender.types import ScoredArtist
from recommender.vectors.pq_codes import CodeIndex
from tests.calibrated import ARTISTS, SILENT, calibrated

EVERYONE = ARTISTS + SILENT
FIRST = 8
LOW = {"low": 1.0}
FEW = CandidatesEntry(first=FIRST, nearest=12, listed=6, around=2, alike=3, profile="evidence")
MANY = replace(FEW, nearest=EVERYONE, listed=EVERYONE, around=EVERYONE, alike=EVERYONE)
ROWS = st.integers(0, EVERYONE - 1)


@contextmanager
def made(generation: Generation) -> Iterator[Candidates]:
    """What the build writes for the default layer of ``generation``, whatever it measured."""
    ground = Ground(
        space=generation.manifest.space,
        contents=generation.contents,
        calibration=generation.calibration,
        artists={"low": generation.artists["low"]},
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        entry = write_candidates(folder, ground)
        codes = {"low": CodeIndex.open(folder / codes_file(0))}
        yield Candidates(entry=entry, codes=codes, genres=GenreOrders.load(folder, GENRES))


@cache
def recommender(entry: CandidatesEntry) -> Recommender:
    """The calibrated catalogue, ranked from candidates as ``entry`` says."""
    generation = calibrated()
    with made(generation) as found:
        return Recommender(replace(generation, candidates=replace(found, entry=entry)))


@cache
def plain() -> Recommender:
    return Recommender(calibrated())


def asked(*seeds: int, **changes: object) -> ArtistQuery:
    return replace(ArtistQuery(seeds=seeds, mix=LOW), **changes)  # type: ignore[arg-type]  # passed through


def ranked(recommender: Recommender, query: ArtistQuery, n: int = EVERYONE) -> list[ScoredArtist]:
    return recommender.rank_artists(query, offset=0, n=n)


def told(artists: list[ScoredArtist]) -> list[str]:
    """All that is said of each, so that NaN is NaN."""
    return [repr(artist) for artist in artists]


def test_the_few_candidates_of_these_tests_do_miss_artists() -> None:
    first = [[ranked(each, asked(seed), FIRST) for seed in range(ARTISTS)] for each in (recommender(FEW), plain())]
    assert sum(told(ours) != told(theirs) for ours, theirs in zip(*first, strict=True)) > 5


@given(seed=ROWS)
@settings(deadline=None, max_examples=40)
def test_among_whom_it_returns_the_order_and_all_that_is_said_are_those_of_a_full_scan(seed: int) -> None:
    ours, everyone = told(ranked(recommender(FEW), asked(seed))), told(ranked(plain(), asked(seed)))
    assert ours == [line for line in everyone if line in set(ours)]


@given(seed=ROWS)
@settings(deadline=None, max_examples=40)
def test_only_among_the_first_is_anybody_missed(seed: int) -> None:
    ours, everyone = told(ranked(recommender(FEW), asked(seed))), told(ranked(plain(), asked(seed)))
    if everyone:
        last = everyone.index(ours[FIRST - 1])
        assert ours[FIRST:] == everyone[last + 1 :]


@given(seed=ROWS, size=st.integers(1, FIRST + 3))
@settings(deadline=None, max_examples=40)
def test_pages_of_any_size_put_together_are_the_ranking(seed: int, size: int) -> None:
    whole = told(ranked(recommender(FEW), asked(seed)))
    pages = [recommender(FEW).rank_artists(asked(seed), offset=at, n=size) for at in range(0, EVERYONE, size)]
    assert [line for page in pages for line in told(page)] == whole


@given(seed=ROWS, n=st.integers(1, EVERYONE))
@settings(deadline=None, max_examples=40)
def test_where_everybody_is_a_candidate_the_ranking_is_that_of_a_full_scan(seed: int, n: int) -> None:
    assert told(ranked(recommender(MANY), asked(seed), n)) == told(ranked(plain(), asked(seed), n))


@given(
    seed=ROWS,
    genre=st.integers(0, 5),
    least=st.integers(0, 3),
    without=st.frozensets(ROWS, max_size=40),
    n=st.integers(1, FIRST),
)
@settings(deadline=None, max_examples=40)
def test_filters_never_leave_fewer_answers_than_a_full_scan_gives(
    seed: int, genre: int, least: int, without: frozenset[int], n: int
) -> None:
    wanted = GenreFilter(any_of=(f"genre {genre}", f"other {genre}"), none_of=("other 3",))
    query = asked(seed, genres=wanted, min_tracks=least, exclude=without)
    ours, everyone = (told(ranked(each, query)) for each in (recommender(FEW), plain()))
    assert len(told(ranked(recommender(FEW), query, n))) == min(n, len(everyone))
    assert ours == [line for line in everyone if line in set(ours)]


@pytest.mark.parametrize(
    "query",
    [
        asked(0, 7),
        asked(0, negative_seeds=(6,)),
        asked(0, mix={"low": 0.5, "high": 0.5}),
        asked(0, depth=1.0),
        asked(0, weights=calibrated().calibration.choices.named["seed"]),
        asked(0, candidates=frozenset(range(3, 30))),
    ],
    ids=["two seeds", "negative seeds", "another mix", "a turned dial", "another profile", "a line-up"],
)
def test_what_was_not_measured_compares_everyone(query: ArtistQuery) -> None:
    assert told(ranked(recommender(FEW), query)) == told(ranked(plain(), query))


@pytest.mark.parametrize("seed", range(ARTISTS, EVERYONE))
def test_without_sound_ties_come_out_as_they_do_among_everyone(seed: int) -> None:
    entry = replace(FEW, around=EVERYONE, alike=EVERYONE)
    assert told(ranked(recommender(entry), asked(seed))) == told(ranked(plain(), asked(seed)))


def test_an_artist_that_could_not_be_measured_is_nobodys_neighbour_by_sound_and_has_none() -> None:
    generation = calibrated()
    layer = generation.calibration.layers["low"]
    artists = layer.artists
    vectors, mean, sd = artists.vectors.copy(), artists.mean.copy(), artists.sd.copy()
    vectors[7], mean[7], sd[7] = 0.0, np.nan, np.nan
    unheard = replace(layer, artists=replace(artists, vectors=vectors, mean=mean, sd=sd))
    calibration = replace(generation.calibration, layers={**generation.calibration.layers, "low": unheard})
    poorer = replace(generation, calibration=calibration)
    assert isinstance(unheard.artists.at(7), Measured)
    with made(poorer) as found:
        ours = Recommender(replace(poorer, candidates=replace(found, entry=MANY)))
    for seed in (7, 1, 13):
        assert told(ranked(ours, asked(seed))) == told(ranked(Recommender(poorer), asked(seed)))
