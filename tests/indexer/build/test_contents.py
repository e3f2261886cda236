"""Rows to matrices, on numbers small enough for paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from indexer.build import contents
from recommender.catalog.rows import ArtistGenre, ArtistPopularity, Collaboration, SceneEdge, SceneList, Track
from recommender.generation.contents import TrackDetails, TrackFacts

ARTISTS = {"a": 0, "b": 1, "c": 2}


def _genre(artist: str, genre: str, source: str, weight: float) -> ArtistGenre:
    return ArtistGenre(artist_id=artist, genre=genre, source=source, weight=weight)


def _edge(artist: str, neighbour: str, rank: int | None = None, strength: float | None = None) -> SceneEdge:
    return SceneEdge(source="map", artist_id=artist, neighbour_id=neighbour, rank=rank, strength=strength)


def _popularity(artist: str, source: str, value: float) -> ArtistPopularity:
    return ArtistPopularity(artist_id=artist, source=source, value=value)


def _event(a: str, b: str, kind: str, title: str, credited: int) -> Collaboration:
    return Collaboration(artist_a=a, artist_b=b, kind=kind, title=title, credited=credited, source="x")


def test_sources_are_brought_to_one_scale_and_averaged() -> None:
    rows = [
        _genre("a", "techno", "votes", 40.0),
        _genre("a", "house", "votes", 10.0),
        _genre("a", "techno", "tags", 1.0),
        _genre("b", "house", "tags", 0.5),
    ]
    names, weights = contents.genre_matrix(rows, ARTISTS)
    assert list(names) == ["house", "techno"]
    np.testing.assert_allclose(weights.toarray(), [[0.125, 1.0], [1.0, 0.0], [0.0, 0.0]])


def test_popularity_is_the_mean_over_the_sources_of_mid_rank_percentiles() -> None:
    rows = [
        *(_popularity(artist, "fans", value) for artist, value in (("a", 10.0), ("b", 500.0), ("c", 10.0))),
        _popularity("a", "plays", 9e9),
        _popularity("b", "plays", 0.0),
    ]
    # fans: a and c share the ranks 1 and 2 of 3, (1.5 - .5) / 3; b has rank 3, 2.5 / 3. plays: b 1/4, a 3/4.
    expected = [(1 / 3 + 3 / 4) / 2, (5 / 6 + 1 / 4) / 2, 1 / 3]
    found = contents.popularity_percentiles(rows, ARTISTS)
    assert found is not None
    assert found.tolist() == pytest.approx(expected)


def test_an_artist_of_no_source_has_no_popularity() -> None:
    found = contents.popularity_percentiles([_popularity("b", "fans", 7.0)], ARTISTS)
    np.testing.assert_array_equal(found, [np.nan, 0.5, np.nan])
    assert contents.popularity_percentiles([], ARTISTS) is None


def test_a_scene_strength_is_relative_to_its_list_and_the_larger_direction_counts() -> None:
    edges = [_edge("a", "b", strength=12.0), _edge("a", "c", strength=3.0), _edge("c", "a", strength=5.0)]
    expected = np.array([[0, 1.0, 1.0], [1.0, 0, 0], [1.0, 0, 0]])
    np.testing.assert_allclose(contents.scene_matrix(edges, ARTISTS).toarray(), expected)


def test_a_list_with_ranks_only_falls_off_by_rank() -> None:
    edges = [_edge("a", "b", rank=1), _edge("a", "c", rank=3)]
    matrix = contents.scene_matrix(edges, ARTISTS).toarray()
    assert matrix[0, 1] == pytest.approx(1.0)
    assert matrix[0, 2] == matrix[2, 0] == pytest.approx(1 / math.log2(4))


def test_a_strength_of_zero_is_zero_and_one_that_is_missing_is_the_weakest_given() -> None:
    assert contents.scene_matrix([_edge("a", "b", strength=0.0)], ARTISTS).nnz == 0
    mixed = [_edge("a", "b", strength=10.0), _edge("a", "c", rank=2)]
    assert contents.scene_matrix(mixed, ARTISTS).toarray()[0, 2] == pytest.approx(1.0)
    longer = [*mixed, SceneEdge(source="map", artist_id="a", neighbour_id="d", strength=4.0)]
    four = ARTISTS | {"d": 3}
    assert contents.scene_matrix(longer, four).toarray()[0].tolist() == pytest.approx([0, 1.0, 0.4, 0.4])


def test_who_is_mentioned_and_who_has_a_list() -> None:
    lists = [SceneList(source="map", artist_id="a"), SceneList(source="map", artist_id="c")]
    mentioned, listed = contents.scene_flags(lists, [_edge("a", "b", rank=1)], ARTISTS)
    assert mentioned.tolist() == [True, True, True]
    assert listed.tolist() == [True, False, True]


def test_collaborations_weigh_by_kind_and_company() -> None:
    # a-b: a duet (1) and a remix (.6); b-c: a choir of five (1/4). Median of 1.6, 1.6, .25, .25 is .925.
    rows = [_event("a", "b", "joint", "x", 2), _event("a", "b", "remix", "y", 2), _event("b", "c", "joint", "z", 5)]
    matrix, known = contents.collaboration_matrix(rows, ARTISTS)
    assert known.tolist() == [True, True, True]
    assert matrix.toarray()[0, 1] == pytest.approx(1.6 / (1.6 + 0.925))
    assert matrix.toarray()[1, 2] == pytest.approx(0.25 / (0.25 + 0.925))


def test_events_are_sorted_by_artists_then_kind_and_title() -> None:
    rows = [_event("b", "c", "joint", "z", 2), _event("a", "b", "remix", "y", 2), _event("a", "b", "joint", "x", 2)]
    found = contents.events(rows, ARTISTS)
    assert list(zip(found.artist_a, found.artist_b, found.kinds, found.titles, strict=True)) == [
        (0, 1, "joint", "x"),
        (0, 1, "remix", "y"),
        (1, 2, "joint", "z"),
    ]


def test_nothing_known_gives_empty_matrices_of_the_right_size() -> None:
    names, weights = contents.genre_matrix([], ARTISTS)
    matrix, known = contents.collaboration_matrix([], ARTISTS)
    assert (list(names), weights.shape, matrix.shape) == ([], (3, 0), (3, 3))
    assert contents.scene_matrix([], ARTISTS).nnz == 0
    assert not known.any()


def test_what_files_say_is_kept_in_columns_and_what_none_says_has_none() -> None:
    tracks = [
        Track("t1", "a", "One", album="First", album_artist="V", disc=1, number=2, year=2001, length_ms=61_000),
        Track("t2", "a", "Two", credit="A feat. B", path="/m/2.ogg"),
    ]
    details = TrackDetails.of([contents.track_facts(track) for track in tracks])
    said = TrackFacts(album="First", album_artist="V", disc=1, number=2, year=2001, length_ms=61_000)
    assert [details.at(0), details.at(1)] == [said, TrackFacts(credit="A feat. B", path="/m/2.ogg")]
    assert len(TrackDetails.of([contents.track_facts(Track("t", "a", "T"))]).album) == 0


@pytest.mark.parametrize("number", [-1, 1 << 31, 1 << 70])
def test_a_number_that_no_file_can_mean_is_not_known(number: int) -> None:
    facts = contents.track_facts(Track("t", "a", "T", disc=number, number=number, year=number, length_ms=number))
    assert facts == TrackFacts()


def test_a_path_that_no_reply_can_carry_is_left_out() -> None:
    assert contents.track_facts(Track("t", "a", "T", path="/m/\udcff.ogg")).path == ""
