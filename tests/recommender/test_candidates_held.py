"""Candidates answer only what they were measured for, and are the union of what every signal brings."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from recommender.fusion.profiles import WeightProfile
from recommender.retrieval.candidates import Neighbourhood
from recommender.ranking.popularity import NEUTRAL
from recommender.generation.manifest import CandidatesEntry
from recommender.signals.panel import RelationSignals
from recommender.ranking.artists import ArtistQuery
from recommender.types import LayerMix, SignalName
from tests.calibrated import ARTISTS, SILENT, calibrated
from tests.recommender.test_candidates import FEW, FIRST, asked, made, plain, ranked, recommender, told

NEARLY_NONE = CandidatesEntry(first=1, nearest=1, listed=6, around=1, alike=1, profile="evidence")
"""Sound and genre bring next to nobody, so that whoever else is a candidate was listed or linked."""


def neighbourhood(entry: CandidatesEntry) -> Neighbourhood:
    """What finds candidates in the calibrated catalogue as ``entry`` says."""
    generation = calibrated()
    with made(generation) as found:
        return Neighbourhood(
            replace(found, entry=entry),
            relations=RelationSignals.of(generation.contents.relations),
            layers=generation.calibration.layers,
            contents=generation.contents,
        )


def missed(query: ArtistQuery) -> list[ArtistQuery]:
    """``query`` with each seed whose few candidates lack somebody of the first of a full scan."""
    finder, missing = neighbourhood(FEW), []
    for seed in range(ARTISTS):
        each = replace(query, seeds=(seed,))
        first = {artist.row for artist in ranked(plain(), each, FIRST)}
        if not first <= set(finder.of(seed).tolist()):
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
    elsewhere = recommender(replace(FEW, profile="seed"))
    for each in missed(query):
        assert told(ranked(elsewhere, each)) == told(ranked(plain(), each))


@pytest.mark.parametrize("depth", [0.0, 0.25, 1.0])
def test_a_dial_turned_either_way_compares_everyone(depth: float) -> None:
    assert depth != NEUTRAL
    must_compare_everyone(asked(0, depth=depth))


@cache
def unlisted() -> Neighbourhood:
    """What finds those who would be candidates if no scene and no collaboration brought anybody."""
    return neighbourhood(replace(NEARLY_NONE, listed=0))


@pytest.mark.parametrize("kind", ["scene", "collaboration"])
def test_those_listed_or_linked_with_the_seed_are_candidates_the_strongest_of_them_first(kind: str) -> None:
    relations = calibrated().contents.relations
    strengths = (relations.scene_strengths if kind == "scene" else relations.collaborations).toarray()
    found, brought = neighbourhood(NEARLY_NONE), 0
    for seed in range(ARTISTS):
        listed = np.flatnonzero(strengths[seed])
        strongest = listed[np.argsort(-strengths[seed, listed])][: NEARLY_NONE.listed].tolist()
        assert set(strongest) <= set(found.of(seed).tolist())
        brought += len(set(strongest) - set(unlisted().of(seed).tolist()))
    assert brought > 20, "else sound, genre or the first of each kind had them anyway"


def test_no_more_of_those_listed_are_candidates_than_the_entry_says() -> None:
    seed = 0
    strengths = calibrated().contents.relations.scene_strengths.toarray()[seed]
    order = np.argsort(-strengths)[: np.count_nonzero(strengths)].tolist()
    assert len(order) > NEARLY_NONE.listed
    weakest = set(order[NEARLY_NONE.listed :]) - set(unlisted().of(seed).tolist())
    assert weakest
    assert weakest.isdisjoint(neighbourhood(NEARLY_NONE).of(seed).tolist())


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
        found = finder.of(seed).tolist()
        assert found == sorted(set(found))
        assert first_of_each <= set(found)
        assert len(set(found) - first_of_each) <= FEW.alike


def test_where_the_signals_find_enough_nobody_is_added() -> None:
    seed = 1
    finder = neighbourhood(replace(NEARLY_NONE, nearest=FIRST + 1))
    found = finder.of(seed).tolist()
    first_of_each = {rows[0] for rows in kinds().values()}
    assert len(found) > NEARLY_NONE.first
    assert not first_of_each <= set(found)


def test_there_are_never_fewer_candidates_than_places_they_are_to_fill() -> None:
    finder = neighbourhood(replace(NEARLY_NONE, first=FIRST, listed=0))
    assert min(len(finder.of(seed)) for seed in range(ARTISTS + SILENT)) >= FIRST
