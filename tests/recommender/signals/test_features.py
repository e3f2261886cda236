"""The measures of a pair that a learned ranking reads, against plain loops over the definitions."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from indexer.build.scene_walk import scene_walk
from recommender.array_files import TextColumn
from recommender.calibration.jackknife import Matrix
from recommender.fusion.boosted_trees import FEATURES
from recommender.generation.contents import Events, Relations
from recommender.signals import features
from recommender.signals.features import TYPICAL, PairFeatures, followed
from recommender.signals.panel import RelationSignals
from recommender.types import SignalName

ARTISTS, GENRES = 24, 6
EVERYBODY = np.arange(ARTISTS)
NAMES = [feature.name for feature in FEATURES]
SEEDS = st.integers(0, 10_000)
examples = settings(deadline=None, max_examples=15)


def made_relations(seed: int) -> Relations:
    """Random matrices; some artists are unknown to each signal, some are mentioned and have no list of their own."""
    random = np.random.default_rng(seed)
    scene = _random_pairs(random, 0.15)
    mentioned = np.diff(scene.indptr) > 0
    mentioned[random.integers(0, ARTISTS, 3)] = True
    together = _random_pairs(random, 0.1)
    genres = np.where(random.random((ARTISTS, GENRES)) < 0.3, random.choice([0.5, 1.0], (ARTISTS, GENRES)), 0.0)
    nothing = np.zeros(0, dtype=np.int64)
    return Relations(
        genres=TextColumn.of(f"genre {number}" for number in range(GENRES)),
        genre_weights=csr_array(genres),
        scene_strengths=scene,
        scene_walk=scene_walk(scene),
        scene_mentioned=mentioned,
        scene_listed=mentioned & (random.random(ARTISTS) < 0.7),
        collaborations=together,
        collaboration_known=np.diff(together.indptr) > 0,
        events=Events(artist_a=nothing, artist_b=nothing, kinds=TextColumn.of(()), titles=TextColumn.of(())),
    )


def _random_pairs(random: np.random.Generator, share: float) -> csr_array:
    drawn = np.where(random.random((ARTISTS, ARTISTS)) < share, random.uniform(0.1, 1.0, (ARTISTS, ARTISTS)), 0.0)
    upper = np.triu(drawn, 1)
    return csr_array(upper + upper.T)


def features_of(relations: Relations) -> PairFeatures:
    signals = RelationSignals.of(relations)
    return PairFeatures(relations, scene=signals.scene, genre=signals.genre, collaboration=signals.collaboration)


def read_all(relations: Relations) -> Matrix:
    """``[feature, artist, artist]``, without audio."""
    made, silent = features_of(relations), np.full(ARTISTS, np.nan)
    return np.stack([made.read(artist, silent, EVERYBODY) for artist in range(ARTISTS)], axis=1)


@given(seed=SEEDS)
@examples
def test_every_feature_is_the_same_to_the_bit_from_both_ends(seed: int) -> None:
    read = read_all(made_relations(seed))
    np.testing.assert_array_equal(read, read.transpose(0, 2, 1))


@given(seed=SEEDS)
@examples
def test_hubs_are_followed_only_in_part_and_from_both_ends_alike(seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "MAX_STEPS", 2)
        read = read_all(made_relations(seed))
    np.testing.assert_array_equal(read, read.transpose(0, 2, 1))


def test_a_listing_is_followed_when_it_is_among_the_strongest_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MAX_STEPS", 2)
    strengths = np.zeros((5, 5))
    for a, b, strength in ((0, 1, 0.9), (0, 2, 0.5), (0, 3, 0.5), (0, 4, 0.1), (1, 2, 0.3)):
        strengths[a, b] = strengths[b, a] = strength
    kept = followed(csr_array(strengths)).toarray()
    # The first artist keeps 1 and, of the equal 2 and 3, the one with the lower row.
    assert np.argwhere(np.triu(kept)).tolist() == [[0, 1], [0, 2], [1, 2]]
    np.testing.assert_array_equal(kept, kept.T)


@given(seed=SEEDS)
@examples
def test_a_feature_is_missing_exactly_where_its_signal_has_no_opinion(seed: int) -> None:
    relations = made_relations(seed)
    read = read_all(relations)
    for signal in RelationSignals.of(relations).all():
        silent = np.isnan([signal.raw(artist) for artist in range(ARTISTS)])
        for place, feature in enumerate(FEATURES):
            if feature.signal is signal.name:
                np.testing.assert_array_equal(np.isnan(read[place]), silent, err_msg=feature.name)
    assert np.isnan(read[NAMES.index("audio_strength")]).all()


def test_the_audio_row_is_what_the_audio_signal_says() -> None:
    audio = np.where(EVERYBODY % 3, EVERYBODY / 7.0, np.nan)
    read = features_of(made_relations(1)).read(4, audio, EVERYBODY)
    np.testing.assert_array_equal(read[0], audio)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=5)
def test_each_value_is_that_of_its_definition(seed: int) -> None:
    relations = made_relations(seed)
    read = read_all(relations)
    for a, b in itertools.permutations(range(ARTISTS), 2):
        for name, wanted in _by_definition(relations, a, b).items():
            found = read[NAMES.index(name), a, b]
            if not math.isnan(found):
                assert found == pytest.approx(wanted, rel=2e-4, abs=1e-9), (name, a, b)


def _by_definition(relations: Relations, a: int, b: int) -> dict[str, float]:
    links = relations.scene_strengths.toarray() > 0
    listed, partners = links.sum(axis=1), (relations.collaborations.toarray() > 0).sum(axis=1)
    walk = float(relations.scene_walk.toarray()[a, b]) if relations.scene_walk is not None else math.nan
    both = max(float(listed[a] * listed[b]), 1.0)
    ours, theirs = (np.flatnonzero(links[artist]) for artist in (a, b))
    common = sorted({*ours.tolist()} & {*theirs.tolist()})
    genres = relations.genre_weights.toarray()
    rare = genres * np.log1p(TYPICAL / np.maximum((genres > 0).sum(axis=0), 1))
    lengths = [float(np.linalg.norm(rare[artist])) or 1.0 for artist in (a, b)]
    counts = (genres > 0).sum(axis=1)
    return {
        "walk": walk,
        "walk_popular": walk * both**0.2,
        "walk_even": walk * both**-0.3,
        "common_rare": sum(1.0 / math.log1p(listed[between]) for between in common),
        "common_cosine": len(common) / math.sqrt(both),
        "three_steps": sum(1.0 / listed[n] / listed[m] for n in ours for m in theirs if links[n, m]),
        "fewer_listed": min(listed[a], listed[b]),
        "more_listed": max(listed[a], listed[b]),
        "genre_shared": np.minimum(genres[a], genres[b]).sum() / max(np.maximum(genres[a], genres[b]).sum(), 1e-12),
        "genre_rare": float(rare[a] @ rare[b]) / lengths[0] / lengths[1],
        "fewer_genres": min(counts[a], counts[b]),
        "more_genres": max(counts[a], counts[b]),
        "collaboration": relations.collaborations.toarray()[a, b],
        "fewer_partners": min(partners[a], partners[b]),
        "more_partners": max(partners[a], partners[b]),
    }


def test_every_measure_but_that_of_audio_has_a_definition_here() -> None:
    assert [*_by_definition(made_relations(0), 0, 1)] == NAMES[1:]


@given(seed=SEEDS, place=st.integers(0, 1000), times=st.sampled_from([1.5, 3.0]))
@examples
def test_a_stronger_listing_lowers_no_rising_feature_of_its_pair_and_no_count(
    seed: int, place: int, times: float
) -> None:
    relations = made_relations(seed)
    rows, columns = relations.scene_strengths.nonzero()
    a, b = int(rows[place % len(rows)]), int(columns[place % len(rows)])
    dense = relations.scene_strengths.toarray()
    dense[a, b] = dense[b, a] = times * dense[a, b]
    stronger = replace(relations, scene_strengths=csr_array(dense), scene_walk=scene_walk(csr_array(dense)))
    before, after = (read_all(each)[:, a, b] for each in (relations, stronger))
    for feature, old, new in zip(FEATURES, before, after, strict=True):
        if feature.signal is not SignalName.SCENE or not feature.rising:
            np.testing.assert_array_equal(new, old, err_msg=feature.name)
        else:
            assert new >= old * (1.0 - 1e-6), feature.name


def test_some_artists_are_read_as_all_are() -> None:
    made, some = features_of(made_relations(3)), np.array([1, 4, 5, 20])
    silent = np.full(ARTISTS, np.nan)
    np.testing.assert_array_equal(made.read(7, silent[some], some), made.read(7, silent, EVERYBODY)[:, some])


def test_an_artist_that_has_nothing_in_common_changes_no_feature_of_others() -> None:
    relations = made_relations(5)
    alone = np.flatnonzero(np.diff(relations.genre_weights.indptr) == 0)
    assert len(alone)
    dense = np.hstack([relations.genre_weights.toarray(), np.zeros((ARTISTS, 1))])
    dense[alone[0], -1] = 1.0  # a genre that nobody else has
    joined = replace(relations, genre_weights=csr_array(dense), genres=TextColumn.of(map(str, range(GENRES + 1))))
    others = np.setdiff1d(EVERYBODY, alone[:1])
    before, after = (read_all(each)[:, others][:, :, others] for each in (relations, joined))
    np.testing.assert_array_equal(after, before)
