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
from msgspec import structs

from indexer.build.candidates import CandidateInputs, write_candidates
from recommender.calibration.cohort import Measured
from recommender.calibration.mix_scale import measured_layers
from recommender.fusion.profiles import PROFILES, WeightProfile
from recommender.generation.candidate_files import CODES, GENRES, Candidates
from recommender.generation.genre_neighbours import GenreNeighbours
from recommender.generation.manifest import CandidatesEntry, KindOverlap
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import NEUTRAL, popularity_of
from recommender.retrieval import candidates
from recommender.retrieval.candidates import CandidateRetriever
from recommender.retrieval.filters import GenreFilter
from recommender.retrieval.question_kinds import QuestionKind
from recommender.signals.panel import RelationSignals
from recommender.types import LayerMix, ScoredArtist, SignalName
from recommender.vectors.pq_codes import CodeIndex
from tests.calibrated import ARTISTS, SILENT, calibrated

EVERYONE = ARTISTS + SILENT
FIRST = 8
LOW = {"low": 1.0}
EVERY_KIND = tuple(KindOverlap(kind=kind.value, overlap_at_20=1.0) for kind in QuestionKind)
ONE_SEED = EVERY_KIND[:1]
FEW = CandidatesEntry(first=FIRST, nearest=12, listed=6, around=2, alike=3, profile="evidence", kinds=ONE_SEED)
MANY = structs.replace(
    FEW, nearest=2 * EVERYONE, listed=EVERYONE, around=2 * EVERYONE, alike=EVERYONE, kinds=EVERY_KIND
)
ROWS = st.integers(0, EVERYONE - 1)


@contextmanager
def made(generation: Generation) -> Iterator[Candidates]:
    """What the build writes for the default layer of ``generation``, whatever it measured."""
    ground = CandidateInputs(
        space=generation.manifest.space,
        contents=generation.contents,
        calibration=generation.calibration,
        artists={"low": generation.artists["low"]},
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        entry = write_candidates(folder, ground)
        yield Candidates(entry=entry, codes=CodeIndex.open(folder / CODES), genres=GenreNeighbours.load(folder, GENRES))


@cache
def recommender(entry: CandidatesEntry) -> Recommender:
    """The calibrated catalog, ranked from candidates as ``entry`` says."""
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
    entry = structs.replace(FEW, around=EVERYONE, alike=EVERYONE)
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


NEARLY_NONE = CandidatesEntry(first=1, nearest=1, listed=6, around=1, alike=1, profile="evidence", kinds=ONE_SEED)
"""Sound and genre bring next to nobody, so that whoever else is a candidate was listed or linked."""


def neighbourhood(entry: CandidatesEntry) -> CandidateRetriever:
    """What finds candidates in the calibrated catalog as ``entry`` says."""
    generation = calibrated()
    with made(generation) as found:
        return CandidateRetriever(
            replace(found, entry=entry),
            relations=RelationSignals.of(generation.contents.relations),
            layers=measured_layers(LOW, generation.calibration.layers),
            contents=generation.contents,
            popularity=popularity_of(generation.contents),
        )


def missed(query: ArtistQuery) -> list[ArtistQuery]:
    """``query`` with each seed whose few candidates lack somebody of the first of a full scan."""
    finder, missing = neighbourhood(FEW), []
    for seed in range(ARTISTS):
        each = replace(query, seeds=(seed,))
        first = {artist.row for artist in ranked(plain(), each, FIRST)}
        if not first <= set(finder.of((seed,), PROFILES["evidence"]).tolist()):
            missing.append(each)
    return missing


def must_compare_everyone(query: ArtistQuery) -> None:
    """For every seed whose candidates would not do, the ranking is that of a full scan all the same."""
    seeds = missed(query)
    assert len(seeds) > 5, "else nothing is held: the candidates would do"
    for each in seeds:
        assert told(ranked(recommender(FEW), each)) == told(ranked(plain(), each))


@pytest.mark.parametrize("mix", [{"high": 1.0}, {"low": 0.5, "high": 0.5}], ids=["high", "both"])
def test_another_mix_than_they_were_built_for_compares_everyone(mix: LayerMix) -> None:
    must_compare_everyone(asked(0, mix=mix))


def custom() -> WeightProfile:
    return calibrated().calibration.choices.custom({SignalName.AUDIO: 1.0, SignalName.SCENE: 3.0})


@pytest.mark.parametrize("profile", ["seed", "custom"])
def test_another_profile_than_they_were_measured_with_compares_everyone(profile: str) -> None:
    weights = custom() if profile == "custom" else calibrated().calibration.choices.named[profile]
    must_compare_everyone(asked(0, weights=weights))


def test_the_default_profile_is_told_by_what_it_is_and_not_by_having_been_asked_for() -> None:
    query = asked(0)
    by_name = replace(query, weights=calibrated().calibration.choices.named["evidence"])
    assert told(ranked(recommender(FEW), by_name)) == told(ranked(recommender(FEW), query))
    elsewhere = recommender(structs.replace(FEW, kinds=()))
    for each in missed(query):
        assert told(ranked(elsewhere, each)) == told(ranked(plain(), each))


@given(
    seeds=st.lists(ROWS, min_size=1, max_size=5, unique=True).map(tuple),
    against=st.lists(ROWS, max_size=2, unique=True).map(tuple),
    depth=st.sampled_from([NEUTRAL, 0.0, 1.0]),
    own=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_every_kind_of_question_ranks_all_candidates_as_a_full_scan_does(
    seeds: tuple[int, ...], against: tuple[int, ...], depth: float, own: bool
) -> None:
    query = asked(*seeds, negative_seeds=against, depth=depth, weights=custom() if own else None)
    assert told(ranked(recommender(MANY), query)) == told(ranked(plain(), query))


def test_of_many_the_best_by_the_mean_over_the_seeds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "KEPT_OF_SEVERAL", 12)
    finder, seeds = neighbourhood(MANY), (0, 6)
    kept = finder.of(seeds, PROFILES["evidence"])
    assert len(kept) == 12
    first = [artist.row for artist in ranked(plain(), asked(*seeds), 10)]
    assert len(set(first) & set(kept.tolist())) >= 8


def test_the_most_and_least_popular_are_candidates_where_popularity_orders() -> None:
    finder = neighbourhood(structs.replace(NEARLY_NONE, listed=0))
    popularity = popularity_of(calibrated().contents)
    with_them = set(finder.of((0,), PROFILES["evidence"], frozenset({QuestionKind.DIAL})).tolist())
    assert {int(np.nanargmax(popularity)), int(np.nanargmin(popularity))} <= with_them


@pytest.mark.parametrize("depth", [0.0, 0.25, 1.0])
def test_a_dial_turned_either_way_compares_everyone(depth: float) -> None:
    assert depth != NEUTRAL
    must_compare_everyone(asked(0, depth=depth))


@cache
def unlisted() -> CandidateRetriever:
    """What finds those who would be candidates if no scene and no collaboration brought anybody."""
    return neighbourhood(structs.replace(NEARLY_NONE, listed=0))


@pytest.mark.parametrize("kind", ["scene", "collaboration"])
def test_those_listed_or_linked_with_the_seed_are_candidates_the_strongest_of_them_first(kind: str) -> None:
    relations = calibrated().contents.relations
    walk = relations.scene_walk
    assert walk is not None
    strengths = (walk if kind == "scene" else relations.collaborations).toarray()
    found, brought = neighbourhood(NEARLY_NONE), 0
    for seed in range(ARTISTS):
        listed = np.flatnonzero(strengths[seed])
        strongest = listed[np.argsort(-strengths[seed, listed])][: NEARLY_NONE.listed].tolist()
        assert set(strongest) <= set(found.of((seed,), PROFILES["evidence"]).tolist())
        brought += len(set(strongest) - set(unlisted().of((seed,), PROFILES["evidence"]).tolist()))
    assert brought > 20, "else sound, genre or the first of each kind had them anyway"


def test_no_more_of_those_listed_are_candidates_than_the_entry_says() -> None:
    seed = 0
    walk = calibrated().contents.relations.scene_walk
    assert walk is not None
    strengths = walk.toarray()[seed]
    order = np.argsort(-strengths)[: np.count_nonzero(strengths)].tolist()
    assert len(order) > NEARLY_NONE.listed
    weakest = set(order[NEARLY_NONE.listed :]) - set(unlisted().of((seed,), PROFILES["evidence"]).tolist())
    assert weakest
    assert weakest.isdisjoint(neighbourhood(NEARLY_NONE).of((seed,), PROFILES["evidence"]).tolist())


def kinds() -> dict[tuple[bool, ...], list[int]]:
    """What is known of an artist -> rows of those of whom just that is known, rising."""
    contents = calibrated().contents
    relations = contents.relations
    flags = (
        contents.artists.vector_row >= 0,
        relations.scene_listed,
        relations.scene_mentioned,
        np.diff(relations.genre_weights.indptr) > 0,
        relations.collaboration_known,
    )
    found: dict[tuple[bool, ...], list[int]] = {}
    for row in range(ARTISTS + SILENT):
        found.setdefault(tuple(bool(flag[row]) for flag in flags), []).append(row)
    return found


def test_where_the_signals_find_too_few_the_first_of_each_kind_are_candidates_too() -> None:
    finder = neighbourhood(FEW)
    first_of_each = {row for rows in kinds().values() for row in rows[:FIRST]}
    assert [len(rows) > FIRST for rows in kinds().values()].count(True) > 1
    for seed in range(ARTISTS, ARTISTS + SILENT):  # no sound, no scene, no collaboration: genre alone brings anybody
        found = finder.of((seed,), PROFILES["evidence"]).tolist()
        assert found == sorted(set(found))
        assert first_of_each <= set(found)
        assert len(set(found) - first_of_each) <= FEW.alike


def test_where_the_signals_find_enough_nobody_is_added() -> None:
    seed = 1
    finder = neighbourhood(structs.replace(NEARLY_NONE, nearest=FIRST + 1))
    found = finder.of((seed,), PROFILES["evidence"]).tolist()
    first_of_each = {rows[0] for rows in kinds().values()}
    assert len(found) > NEARLY_NONE.first
    assert not first_of_each <= set(found)


def test_there_are_never_fewer_candidates_than_places_they_are_to_fill() -> None:
    finder = neighbourhood(structs.replace(NEARLY_NONE, first=FIRST, listed=0))
    assert min(len(finder.of((seed,), PROFILES["evidence"])) for seed in range(ARTISTS + SILENT)) >= FIRST
