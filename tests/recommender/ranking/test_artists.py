"""Rankings over a catalog small enough to score by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.fusion.profiles import PROFILES, custom_weights
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import PopularityBand
from recommender.ranking.tracks import TrackQuery, tracks_of
from recommender.retrieval.filters import GenreFilter
from recommender.types import ScoredArtist, SignalName
from tests.calibrated import ARTISTS, SILENT, calibrated, plain
from tests.factories import MadeArtist, MadeCatalog, MadeCollaboration, MadeTrack, make_generation, make_space
from tests.recommender.retrieval.test_candidates import FEW
from tests.recommender.retrieval.test_candidates import recommender as with_candidates

LOW = {"low": 1.0}


def _track(identifier: str, low: list[float], high: list[float]) -> MadeTrack:
    return MadeTrack(id=identifier, title=f"title {identifier}", vectors={"low": low, "high": high})


MADE = MadeCatalog(
    artists=(
        MadeArtist(
            id="a",
            name="A",
            genres={"techno": 1.0},
            tracks=(_track("t1", [1, 0], [1, 0]), _track("t2", [1, 0], [0, 1])),
        ),
        MadeArtist(id="b", name="B", genres={"techno": 1.0, "house": 1.0}, tracks=(_track("t3", [0.8, 0.6], [1, 0]),)),
        MadeArtist(id="c", name="C", genres={"pop": 1.0}, tracks=(_track("t4", [0, 1], [1, 0]),)),
        MadeArtist(id="d", name="D", genres={"techno": 1.0}),
        MadeArtist(id="e", name="E", tracks=(_track("t5", [-1, 0], [0, 1]),)),
        MadeArtist(id="f", name="F"),
    ),
    scene={("a", "b"): 0.5, ("b", "c"): 0.25, ("a", "d"): 0.75, ("b", "d"): 0.5},
    scene_listed=("a", "b"),
    collaborations=(
        MadeCollaboration(a="a", b="b", similarity=0.4, kind="remix", title="Again"),
        MadeCollaboration(a="c", b="d", similarity=0.9),
    ),
)
A, B, C, D, E, F = range(6)


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    return Recommender(make_generation(MADE))


def _query(*seeds: int, **changes: object) -> ArtistQuery:
    """By the profile ``seed``, whose scores can be worked out in the head."""
    query = ArtistQuery(seeds=seeds, mix=LOW, weights=PROFILES["seed"])
    return replace(query, **changes)  # type: ignore[arg-type]  # passed through


def _ranked(recommender: Recommender, query: ArtistQuery) -> list[ScoredArtist]:
    return recommender.rank_artists(query, offset=0, n=100)


def _scores(recommender: Recommender, query: ArtistQuery) -> dict[int, float]:
    return {artist.row: artist.score for artist in _ranked(recommender, query)}


def test_every_score_is_the_one_worked_out_by_hand(recommender: Recommender) -> None:
    expected = {
        B: 0.3 * 0.8 + 0.3 * 0.5 + 0.2 * 0.5 + 0.2 * 0.4,  # all four
        C: 0.3 * 0.0 + 0.3 * 0.0 + 0.2 * 0.0 + 0.2 * 0.0,  # covered by all, alike in nothing
        D: 0.5 * 0.75 + 0.3 * 1.0 + 0.2 * 0.0,  # no audio
        E: 1.0 * 0.0,  # audio only, and opposite
    }
    assert _scores(recommender, _query(A)) == pytest.approx(expected, abs=1e-6)


def test_the_ranking_falls_and_ties_go_by_id(recommender: Recommender) -> None:
    assert [artist.row for artist in _ranked(recommender, _query(A))] == [D, B, C, E]


def test_an_artist_no_signal_can_place_is_in_no_ranking(recommender: Recommender) -> None:
    assert F not in _scores(recommender, _query(A))
    assert _ranked(recommender, _query(F)) == []


@pytest.mark.parametrize("seeds", [(A,), (B,), (A, C), (D, E), (A, B, D)])
def test_contributions_sum_to_the_score(recommender: Recommender, seeds: tuple[int, ...]) -> None:
    ranked = _ranked(recommender, _query(*seeds))
    assert ranked
    for artist in ranked:
        assert sum(part.contribution for part in artist.breakdown) == pytest.approx(artist.score, abs=1e-9)
        assert [part.signal for part in artist.breakdown] == list(SignalName)
        for part in artist.breakdown:
            assert part.available == (not math.isnan(part.value))
            assert part.available or (part.weight == 0.0 and part.contribution == 0.0)


def test_scores_are_symmetric_and_the_same_wherever_asked(recommender: Recommender) -> None:
    for a in range(6):
        ranked = _scores(recommender, _query(a))
        for b in range(6):
            if a == b:
                continue
            there = recommender.compare(a, b, mix=LOW, weights=_query(a).weights).score
            back = recommender.compare(b, a, mix=LOW, weights=_query(a).weights).score
            assert there == pytest.approx(back, abs=1e-6, nan_ok=True)
            assert there == pytest.approx(ranked.get(b, math.nan), abs=1e-6, nan_ok=True)


def test_with_several_seeds_the_score_is_the_mean_over_those_that_have_one(recommender: Recommender) -> None:
    alone = [_scores(recommender, _query(seed)) for seed in (A, B)]
    both = _scores(recommender, _query(A, B))
    assert both == pytest.approx({row: (alone[0][row] + alone[1][row]) / 2 for row in (C, D, E)}, abs=1e-9)


def test_seeds_and_excluded_artists_are_never_answered(recommender: Recommender) -> None:
    assert set(_scores(recommender, _query(A, exclude=frozenset({B})))) == {C, D, E}


def test_candidates_keep_the_order_and_the_scores_of_the_whole_ranking(recommender: Recommender) -> None:
    whole = _scores(recommender, _query(A))
    some = _scores(recommender, _query(A, candidates=frozenset({A, E, B, F})))
    assert list(some.items()) == [(row, score) for row, score in whole.items() if row in (B, E)]


def test_filters_ask_for_genres_and_tracks(recommender: Recommender) -> None:
    def rows(**wanted: tuple[str, ...]) -> set[int]:
        return set(_scores(recommender, _query(A, genres=GenreFilter(**wanted))))

    assert rows(any_of=("House", "pop")) == {B, C}
    assert rows(all_of=("techno", "house")) == {B}
    assert rows(none_of=("techno",)) == {C, E}
    assert rows(any_of=("polka",)) == set()
    assert set(_scores(recommender, _query(A, min_tracks=1))) == {B, C, E}


def test_custom_weights_replace_the_table(recommender: Recommender) -> None:
    query = _query(A, weights=custom_weights({SignalName.COLLABORATION: 2.0}))
    # by hand: a weight of its own counts as all of the default's 3.625: sigmoid(ln(1/3) + 3.625 * 0.4) for B
    assert _scores(recommender, query) == pytest.approx({B: 0.586954, C: 0.25, D: 0.25}, abs=1e-6)


@given(st.integers(1, 4), st.sampled_from([(A,), (B,), (A, D)]))
@settings(deadline=None)
def test_pages_put_together_are_the_ranking(size: int, seeds: tuple[int, ...]) -> None:
    recommender = Recommender(make_generation(MADE))
    whole = [(artist.row, artist.score) for artist in _ranked(recommender, _query(*seeds))]
    pages = [recommender.rank_artists(_query(*seeds), offset=at, n=size) for at in range(0, len(whole) + size, size)]
    assert [(artist.row, artist.score) for page in pages for artist in page] == whole


@pytest.mark.parametrize("removed", list(SignalName))
def test_removing_one_signals_data_changes_no_other_signals_value(
    recommender: Recommender, removed: SignalName
) -> None:
    bare = {
        SignalName.AUDIO: replace(MADE, artists=tuple(replace(artist, tracks=()) for artist in MADE.artists)),
        SignalName.SCENE: replace(MADE, scene={}, scene_listed=()),
        SignalName.GENRE: replace(MADE, artists=tuple(replace(artist, genres={}) for artist in MADE.artists)),
        SignalName.COLLABORATION: replace(MADE, collaborations=()),
    }[removed]
    without = Recommender(make_generation(bare))
    for name, signal in recommender.signals(LOW).items():
        for row in range(6):
            found = without.signals(LOW)[name].raw(row)
            np.testing.assert_array_equal(found, np.full(6, np.nan) if name is removed else signal.raw(row))


def _tracks(recommender: Recommender, seed: int, mix: dict[str, float], **changes: object) -> list[int]:
    vectors = recommender.tracks.vectors(seed, mix)
    assert vectors is not None
    query = TrackQuery(vectors=vectors, mix=mix, exclude_track=seed)
    query = replace(query, **changes)  # type: ignore[arg-type]  # passed through
    return [track.row for track in recommender.tracks.rank(query, offset=0, n=10)]


def test_tracks_are_ranked_by_one_layer_or_by_a_mix(recommender: Recommender) -> None:
    assert _tracks(recommender, 0, {"low": 1.0}) == [1, 2, 3, 4]
    assert _tracks(recommender, 0, {"high": 1.0}) == [2, 3, 1, 4]
    assert _tracks(recommender, 0, {"low": 0.5, "high": 0.5}) == [2, 1, 3, 4]


def test_track_scores_are_cosines_and_never_negative(recommender: Recommender) -> None:
    vectors = recommender.tracks.vectors(0, LOW)
    assert vectors is not None
    ranked = recommender.tracks.rank(TrackQuery(vectors=vectors, mix=LOW), offset=0, n=10)
    assert [track.cosine for track in ranked] == pytest.approx([1, 1, 0.8, 0, -1], abs=1e-6)
    assert [track.score for track in ranked] == pytest.approx([1, 1, 0.8, 0, 0], abs=1e-6)


def test_track_conditions_leave_out_artists_and_genres(recommender: Recommender) -> None:
    assert _tracks(recommender, 0, {"low": 1.0}, exclude_artist=A) == [2, 3, 4]
    assert _tracks(recommender, 0, {"low": 1.0}, genres=GenreFilter(none_of=("pop",))) == [1, 2, 4]
    assert _tracks(recommender, 2, {"low": 1.0}, max_per_artist=1) == [0, 3, 4]


def test_pages_of_tracks_follow_one_another(recommender: Recommender) -> None:
    vectors = recommender.tracks.vectors(0, LOW)
    assert vectors is not None
    query = TrackQuery(vectors=vectors, mix=LOW, exclude_track=0)
    pages = [recommender.tracks.rank(query, offset=at, n=2) for at in (0, 2, 4)]
    assert [track.row for page in pages for track in page] == [1, 2, 3, 4]


def test_one_layer_searched_and_the_same_layer_scanned_agree() -> None:
    random = np.random.default_rng(0)
    tracks = tuple(
        MadeTrack(id=f"{n:04d}", title="", vectors={"x": random.normal(size=4).tolist(), "y": [1, 0, 0, 0]})
        for n in range(300)
    )
    made = MadeCatalog(artists=(MadeArtist(id="a", name="A", tracks=tracks),), space=make_space(("x", "y"), dim=4))
    recommender = Recommender(make_generation(made))
    for seed in (0, 17, 299):
        searched, scanned = {"x": 1.0}, {"x": 0.5, "y": 0.5}  # y is the same everywhere, so the order is x's
        orders = []
        for mix in (searched, scanned):
            vectors = recommender.tracks.vectors(seed, mix)
            assert vectors is not None
            orders.append(
                [t.row for t in recommender.tracks.rank(TrackQuery(vectors=vectors, mix=mix), offset=0, n=300)]
            )
        assert orders[0] == orders[1]


def test_the_explanation_names_what_is_shared(recommender: Recommender) -> None:
    why = recommender.explain(A, B, mix=LOW)
    assert why.genres == (("techno", 1.0),)
    assert why.scene_neighbours == (("d", 0.5),)
    assert why.collaborations == (("remix", "Again"),)
    assert why.nearest_tracks is not None
    assert why.nearest_tracks[:2] == (0, 2)
    assert why.nearest_tracks[2] == pytest.approx(0.8, abs=1e-6)


def test_the_explanation_is_the_same_from_both_sides(recommender: Recommender) -> None:
    there, back = recommender.explain(A, B, mix=LOW), recommender.explain(B, A, mix=LOW)
    assert (there.genres, there.scene_neighbours, there.collaborations) == (
        back.genres,
        back.scene_neighbours,
        back.collaborations,
    )


def test_who_shares_nothing_gets_an_empty_explanation(recommender: Recommender) -> None:
    why = recommender.explain(E, F, mix=LOW)
    assert (why.genres, why.scene_neighbours, why.collaborations, why.nearest_tracks) == ((), (), (), None)


def test_tracks_of_an_artist_come_by_title(recommender: Recommender) -> None:
    assert tracks_of(recommender.generation, A).tolist() == [0, 1]
    assert tracks_of(recommender.generation, F).tolist() == []


EVERYONE = ARTISTS + SILENT
AGAINST = (1, 7, 12)
"""Artist 12 sounds like artist 0 and is of its genre; the others do not."""


@pytest.mark.parametrize("generation", [plain(), calibrated()], ids=["plain", "calibrated"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seeds": (0, 5)},
        {"seeds": (0, 12)},
        {"keep_seeds": True},
        {"seeds": (0, 12), "keep_seeds": True},
        {"candidates": frozenset(range(30))},
        {"candidates": frozenset(range(30)), "keep_seeds": True},
        {"depth": 1.0},
        {"min_tracks": 3, "exclude": frozenset({2})},
    ],
    ids=[
        "one seed",
        "two seeds",
        "a seed that is disliked too",
        "seeds kept",
        "such a seed kept",
        "a line-up",
        "a line-up with its seeds",
        "a turned dial",
        "filters",
    ],
)
def test_a_negative_seed_is_never_among_the_answers(changes: dict[str, object], generation: Generation) -> None:
    ours = Recommender(generation)
    query = replace(ArtistQuery(seeds=(0,), mix={"low": 1.0}), **changes)  # type: ignore[arg-type]  # fields by name
    unlike = replace(query, negative_seeds=AGAINST)
    asked_for, found = (ours.order_artists(each, n=EVERYONE).tolist() for each in (query, unlike))
    given_up = set(AGAINST) - (set() if query.keep_seeds else set(query.seeds))
    assert given_up <= set(asked_for), "each of them would be answered if it were not disliked"
    assert sorted(found) == sorted(set(asked_for) - set(AGAINST))
    assert [artist.row for artist in ours.rank_artists(unlike, offset=0, n=EVERYONE)] == found


def test_a_negative_seed_is_not_brought_back_by_candidates_or_by_pages() -> None:
    query = ArtistQuery(seeds=(0,), mix={"low": 1.0}, negative_seeds=AGAINST)
    ours = with_candidates(FEW)
    pages = [ours.rank_artists(query, offset=at, n=7) for at in range(0, EVERYONE, 7)]
    rows = [artist.row for page in pages for artist in page]
    assert set(AGAINST).isdisjoint(rows)
    assert len(rows) == len(set(rows)) == EVERYONE - len(AGAINST) - 1


@pytest.mark.parametrize("row", [0, 4, 24])
def test_both_edges_of_a_band_of_popularity_belong_to_it(row: int) -> None:
    ours = Recommender(calibrated())
    edge = float(ours.popularity[row])
    query = ArtistQuery(seeds=(1,), mix={"low": 1.0})

    def within(least: float | None, most: float | None) -> set[int]:
        band = replace(query, popularity=PopularityBand(least=least, most=most))
        return {artist.row for artist in ours.rank_artists(band, offset=0, n=EVERYONE)}

    alike = {each for each in range(EVERYONE) if ours.popularity[each] == edge}
    assert row in alike
    assert within(edge, edge) == alike
    assert within(None, edge) | within(edge, None) == within(0.0, 1.0)
    assert within(None, edge) & within(edge, None) == alike
