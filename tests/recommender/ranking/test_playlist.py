"""Playlists on tracks that lie on an arc, where the nearest of each are known by their angles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import InvalidArgument
from recommender.ranking.artists import Recommender
from recommender.ranking.playlist import PlaylistQuery, chain, playlist
from recommender.retrieval.filters import GenreFilter
from recommender.types import LayerMix
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation

MIX: LayerMix = {"low": 1.0}


def track(number: int, degrees: float, *, title: str | None = None) -> MadeTrack:
    """A track at an angle, the same in both layers."""
    at = [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]
    return MadeTrack(id=f"t{number:02}", title=title or f"Title {number}", vectors={"low": at, "high": at})


ARC = MadeCatalog(
    artists=tuple(
        MadeArtist(id=f"a{n}", name=f"A{n}", genres={"x" if n else "y": 1.0}, tracks=(track(n, 12 * n),))
        for n in range(10)
    )
)
"""Ten artists of one track, 12 degrees apart: no two of them are one recording (cosine 0.978)."""


@pytest.fixture(scope="module")
def arc() -> Recommender:
    return Recommender(make_generation(ARC))


def rows(recommender: Recommender, **query: object) -> list[int]:
    chosen = playlist(recommender, PlaylistQuery(mix=MIX, **query))  # type: ignore[arg-type]  # as given
    return [one.row for one in chosen]


def steps(recommender: Recommender, first: int, last: int, n: int, **query: object) -> list[int]:
    asked = PlaylistQuery(mix=MIX, n=n, **query)  # type: ignore[arg-type]  # as given
    return [one.row for one in chain(recommender, asked, first=first, last=last)]


def test_a_list_from_tracks_begins_with_them_and_goes_on_with_the_nearest_to_any(arc: Recommender) -> None:
    found = rows(arc, tracks=(0, 9), n=7)
    assert (found[:2], sorted(found[2:4]), sorted(found[4:6]), found[6] in (3, 6)) == ([0, 9], [1, 8], [2, 7], True)
    assert rows(arc, tracks=(1,), n=4)[::3] == [1, 3]


def test_a_filter_binds_what_is_added_and_not_what_was_asked_for(arc: Recommender) -> None:
    assert rows(arc, tracks=(1,), n=3, genres=GenreFilter(any_of=("x",))) == [1, 2, 3]
    assert rows(arc, tracks=(0,), n=3, genres=GenreFilter(any_of=("x",))) == [0, 1, 2]


def test_a_list_from_artists_takes_a_track_of_each_before_a_second_of_any() -> None:
    made = MadeCatalog(
        artists=(
            MadeArtist(id="a", name="A", tracks=(track(0, 0), track(1, 30))),
            MadeArtist(id="b", name="B", tracks=(track(2, 60), track(3, 45))),
            MadeArtist(id="c", name="C", tracks=(track(4, 170), track(5, 150))),
        )
    )
    recommender = Recommender(make_generation(made))
    assert rows(recommender, artists=(0,), n=6, max_per_artist=2) == [0, 3, 5, 1, 2, 4]
    assert rows(recommender, artists=(0,), n=6, max_per_artist=1) == [0, 3, 5]
    assert rows(recommender, artists=(0,), tracks=(4,), n=4, max_per_artist=1) == [4, 0, 2]


def test_no_recording_is_in_a_list_twice_whoever_is_credited() -> None:
    made = MadeCatalog(
        artists=(
            MadeArtist(id="a", name="A", tracks=(track(0, 0), track(1, 40, title="Song"))),
            MadeArtist(id="b", name="B", tracks=(track(2, 1), track(3, 41), track(4, 80))),
        )
    )
    recommender = Recommender(make_generation(made))
    assert rows(recommender, tracks=(0,), n=9) == [0, 1, 4]
    assert steps(recommender, 0, 4, 9) == [0, 1, 4]


def test_a_chain_goes_from_one_end_to_the_other_in_order(arc: Recommender) -> None:
    assert steps(arc, 0, 9, 10) == list(range(10))
    assert steps(arc, 9, 0, 4) == [9, 6, 3, 0], "three steps of 36 degrees"
    chosen = chain(arc, PlaylistQuery(mix=MIX, n=4), first=0, last=9)
    assert [one.cosine for one in chosen] == pytest.approx([1.0] + [math.cos(math.radians(36))] * 3)


def test_a_chain_has_as_many_tracks_as_there_are(arc: Recommender) -> None:
    assert sorted(steps(arc, 2, 5, 50)) == list(range(10))
    assert steps(arc, 2, 5, 2) == [2, 5]


@given(first=st.integers(0, 9), last=st.integers(0, 9), n=st.integers(2, 14), most=st.integers(0, 2))
@settings(deadline=None, max_examples=40)
def test_a_chain_has_its_ends_and_nothing_twice(first: int, last: int, n: int, most: int) -> None:
    if first == last:
        return
    recommender = Recommender(make_generation(ARC))
    found = steps(recommender, first, last, n, max_per_artist=most)
    assert (found[0], found[-1]) == (first, last)
    assert len(found) == len(set(found)) == min(n, 10)


def test_ends_that_cannot_be_connected_are_named(arc: Recommender) -> None:
    silent = MadeArtist(id="s", name="S", tracks=(MadeTrack(id="z", title="Silent"), track(1, 0)))
    recommender = Recommender(make_generation(MadeCatalog(artists=(silent,))))
    for ends, problem in (((1, 0), "first: has no embedding"), ((0, 1), "last: has no embedding")):
        with pytest.raises(InvalidArgument, match=problem):
            steps(recommender, *ends, 5)
    with pytest.raises(InvalidArgument, match="is the same track as the first"):
        steps(arc, 1, 1, 5)
    with pytest.raises(InvalidArgument, match="its two ends"):
        steps(arc, 1, 2, 1)


def test_a_way_to_what_sounds_opposite_goes_past_what_there_is() -> None:
    made = tuple(MadeArtist(id=f"a{n}", name=f"A{n}", tracks=(track(n, 60 * n),)) for n in range(4))
    assert sorted(steps(Recommender(make_generation(MadeCatalog(artists=made))), 0, 3, 4)) == [0, 1, 2, 3]


def test_without_any_embedding_there_is_nothing_to_play() -> None:
    silent = MadeArtist(id="s", name="S", tracks=(MadeTrack(id="z", title="Silent"),))
    recommender = Recommender(make_generation(MadeCatalog(artists=(silent,))))
    assert rows(recommender, tracks=(0,), artists=(0,), n=5) == []
