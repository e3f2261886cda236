"""A line-up of a request: who plays in which groups, however an act is written, and what a group is."""

from __future__ import annotations

import pytest

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from recommender.ranking.artists import Recommender
from server.rpc import line_up
from tests.factories import make_generation
from tests.server.ask import by_id, by_name
from tests.server.conftest import MADE, Served


def entry(name: str, *groups: str) -> pb.LineUpEntry:
    return pb.LineUpEntry(artist=by_name(name), groups=groups)


def test_groups_add_up_over_entries_readings_and_several_names() -> None:
    recommender = Recommender(make_generation(MADE))
    entries = [entry("Bee", "Saturday"), entry("bee (live)", "Sunday", "Saturday"), entry("Ay b2b Cé", "Tent")]
    found = line_up.find_line_up(recommender, by_id("d"), entries)
    ids = recommender.generation.contents.artists.ids
    groups = {ids[row]: names for row, names in found.groups_of.items()}
    assert groups == {"d": [], "b": ["Saturday", "Sunday"], "a": ["Tent"], "c": ["Tent"]}
    assert found.group_names == ("Saturday", "Sunday", "Tent")
    assert len(found.readings) == 2


def test_too_many_different_groups_are_refused() -> None:
    entries = [entry("Bee", *(f"{act}.{number}" for number in range(10))) for act in range(11)]
    line_up.check_line_up(entries[:10])
    with pytest.raises(InvalidArgument, match="110 different groups, at most 100"):
        line_up.check_line_up(entries)


def test_candidates_and_entries_are_bounded_together() -> None:
    with pytest.raises(InvalidArgument, match="1001 entries, at most 1000"):
        line_up.find_line_up(Recommender(make_generation(MADE)), by_id("a"), [entry("Bee")] * 1000)


def test_one_user_gets_groups_and_negative_seeds_too(made: Served) -> None:
    request = pb.RankArtistsRequest(
        seeds=by_id("a"), candidates=by_id("c"), line_up=[entry("Bee", "Saturday"), entry("Dee", "Sunday")]
    )
    reply = made.stub.RankArtists(request)
    assert [(one.artist.id, list(one.groups)) for one in reply.artists] == [
        ("b", ["Saturday"]),
        ("c", []),
        ("d", ["Sunday"]),
    ]
    assert [(one.name, len(one.best), one.artists) for one in reply.groups] == [("Saturday", 1, 1), ("Sunday", 0, 1)]
    request.negative_seeds.extend(by_id("b"))
    less = made.stub.RankArtists(request)
    assert [one.artist.id for one in less.artists] == ["c", "b", "d"]
    assert less.artists[0].score < reply.artists[1].score
    assert not less.artists[1].breakdown, "a negative seed has no score"
    assert not less.groups[0].best
