"""BatchRankArtists: every user gets what RankArtists gives alone, and nobody's mistake costs another an answer."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from typing import Any

import pytest

from pb import soundkin_pb2 as pb
from recommender.ranking.artists import Recommender
from server.admission import Admission
from server.call import Call, CallEnded
from server.metrics import Metrics
from server.reload.loaded_generation import Snapshot
from server.rpc import rank_batch
from server.rpc.artists import rank_artists
from tests.generated import SEEDS, generated
from tests.server.ask import by_id, by_name, refusal, weights
from tests.server.conftest import Served
from tests.server.fake_context import FakeContext


def acts(*identifiers: str, groups: tuple[str, ...] = ()) -> list[pb.LineUpEntry]:
    return [pb.LineUpEntry(artist=ref, groups=groups) for ref in by_id(*identifiers)]


def user(key: str, *seeds: str, unlike: tuple[str, ...] = ()) -> pb.LineUpUser:
    return pb.LineUpUser(key=key, seeds=by_id(*seeds), negative_seeds=by_id(*unlike))


def ask(made: Served, *users: pb.LineUpUser, **more: Any) -> pb.BatchRankArtistsResponse:  # Any: what the message takes
    request = pb.BatchRankArtistsRequest(**{"line_up": acts(*"abcde"), "users": users} | more)
    reply: pb.BatchRankArtistsResponse = made.stub.BatchRankArtists(request)
    return reply


@pytest.mark.parametrize("catalog", list(SEEDS)[:4])
@pytest.mark.parametrize("profile", ["evidence", "seed", "fitted"])
def test_each_user_gets_to_the_bit_what_it_would_get_alone(catalog: int, profile: str) -> None:
    snapshot = Snapshot(recommender=Recommender(generated(catalog)))
    ids, draw = list(snapshot.recommender.generation.contents.artists.ids), random.Random(catalog)
    line_up = [
        pb.LineUpEntry(artist=ref, groups=draw.sample(["Saturday", "Sunday", "Tent"], draw.randint(0, 2)))
        for ref in by_id(*draw.sample(ids, 25))
    ]
    users = [
        user(str(key), *draw.sample(ids, draw.randint(1, 4)), unlike=tuple(draw.sample(ids, draw.randint(0, 2))))
        for key in range(12)
    ]
    shared: dict[str, Any] = {"line_up": line_up, "profile": profile, "explain": True, "group_limit": 5}
    request = pb.BatchRankArtistsRequest(users=users, limit=20, **shared)
    reply = rank_batch.batch_rank_artists(snapshot, request)
    for asked, answer in zip(users, reply.users, strict=True):
        alone = pb.RankArtistsRequest(seeds=asked.seeds, negative_seeds=asked.negative_seeds, **shared)
        expected = rank_artists(snapshot, alone)
        assert list(answer.artists) == list(expected.artists)[:20]
        assert list(answer.groups) == list(expected.groups)
        assert list(answer.seeds) == list(expected.seeds)
        assert (answer.key, answer.code) == (asked.key, 0)


def test_users_in_several_blocks_get_the_same(monkeypatch: pytest.MonkeyPatch, made: Served) -> None:
    users = [user("1", "a"), user("2", "b", "c"), user("3", "a", unlike=("b",)), user("4", "d")]
    together = ask(made, *users)
    monkeypatch.setattr("recommender.ranking.line_up.BLOCK", 1)
    assert ask(made, *users) == together


def test_an_unknown_favourite_is_told_and_costs_only_itself(made: Served) -> None:
    half = pb.LineUpUser(key="half", seeds=[*by_id("a"), by_name("The Bee")], negative_seeds=[by_name("twin")])
    reply = ask(made, half, user("whole", "a"))
    assert list(reply.users[0].artists) == list(reply.users[1].artists)
    assert [answer.ref.name for answer in reply.users[0].unresolved] == ["The Bee", "twin"]
    assert [one.artist.id for one in reply.users[0].unresolved[0].suggestions] == ["b"]
    assert [seed.id for seed in reply.users[0].seeds] == ["a"]
    assert not reply.users[0].code


def test_a_user_that_cannot_be_answered_fails_alone(made: Served) -> None:
    bad = [
        user("nobody", "x9"),
        pb.LineUpUser(key="several", seeds=[by_name("twin")]),
        user("none"),
        pb.LineUpUser(key="empty", seeds=[*by_id("a"), pb.ArtistRef()]),
        user("many", *["a"] * 101),
        user("k" * 201, "a"),
    ]
    *failed, answered = ask(made, *bad, user("good", "a")).users
    assert [one.code for one in failed] == [5, 9, 3, 3, 3, 3]
    assert all(one.message and not one.artists for one in failed)
    assert "users[3].seeds[1]" in failed[3].message
    assert [one.artist.id for one in answered.artists] == ["a", "b", "c", "d", "e"]


def test_groups_name_the_best_of_each_with_its_place_and_score(made: Served) -> None:
    line_up = [
        *acts("c", "e", groups=("Saturday", "Tent")),
        *acts("b", groups=("Sunday", "Tent")),
        *acts("b", groups=("Saturday",)),
        *acts("d"),
    ]
    (only,) = ask(made, user("one", "a"), line_up=line_up, limit=1, group_limit=1).users
    assert [(one.artist.id, list(one.groups)) for one in only.artists] == [("b", ["Sunday", "Tent", "Saturday"])]
    told = [(group.name, [(one.artist.id, one.rank) for one in group.best], group.artists) for group in only.groups]
    assert told == [("Saturday", [("b", 1)], 3), ("Tent", [("b", 1)], 3), ("Sunday", [("b", 1)], 1)]
    assert only.groups[0].best[0].score == only.artists[0].score
    (two,) = ask(made, user("one", "a"), line_up=line_up).users
    saturday = [(one.artist.name, one.rank) for one in two.groups[0].best]
    assert saturday == [("Bee", 1), ("Cé", 2)], "Twin is in it, but no signal knows it"


def test_the_line_up_is_read_once_and_its_unknown_acts_are_told(made: Served) -> None:
    line_up = [pb.LineUpEntry(artist=by_name(name)) for name in ("22:00 Bee (live)", "Nobody", "twin")]
    reply = ask(made, user("1", "a"), user("2", "c"), line_up=line_up)
    assert [[one.artist.id for one in each.artists] for each in reply.users] == [["b"], ["b"]]
    assert [answer.read_as for answer in reply.readings] == ["Bee"]
    assert [answer.ref.name for answer in reply.unresolved] == ["Nobody", "twin"]


def test_shared_options_reach_every_user(made: Served) -> None:
    more: dict[str, Any] = {"weights": weights(audio=1), "listening": pb.Listening(layer="high"), "explain": True}
    reply = ask(made, user("1", "a"), user("2", "c"), line_up=acts("b", "c"), **more)
    assert [[one.artist.id for one in each.artists] for each in reply.users] == [["c", "b"], ["c", "b"]]
    assert reply.users[0].artists[0].explanation.nearest_tracks.a.id == "t0"


def test_nobody_and_an_empty_line_up_are_answered(made: Served) -> None:
    assert not ask(made).users
    (only,) = ask(made, user("1", "a"), line_up=[]).users
    assert (only.code, list(only.artists), [seed.id for seed in only.seeds]) == (0, [], ["a"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"users": [pb.LineUpUser()] * 1001}, "users"),
        ({"line_up": acts("a") * 1001}, "line_up"),
        ({"users": [user("", *["a"] * 100)] * 11, "line_up": acts("b") * 1000}, "users"),
        ({"users": [user("", "a")] * 101, "line_up": acts("b") * 100, "limit": 100}, "limit"),
        ({"users": [user("", "a")] * 1000, "line_up": acts("b", groups=("x", "y")) * 5}, "limit"),
        ({"users": [user("", "a")] * 101, "line_up": acts("b") * 10, "explain": True}, "explain"),
        ({"limit": 1001}, "limit"),
        ({"group_limit": 101}, "group_limit"),
        ({"line_up": acts("a", groups=("x",) * 11)}, "line_up[0].groups"),
        ({"line_up": acts("a", groups=(" ",))}, "line_up[0].groups"),
        ({"line_up": acts("a", groups=("x" * 101,))}, "line_up[0].groups"),
        ({"line_up": [pb.LineUpEntry()]}, "line_up[0].artist"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_too_much_or_makes_no_sense_is_refused_whole(made: Served, changes: dict[str, Any], field: str) -> None:
    whole: dict[str, Any] = {"line_up": acts("b"), "users": [user("", "a")]} | changes
    request = pb.BatchRankArtistsRequest(**whole)
    refused = refusal(made.stub.BatchRankArtists, request)
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", field)


def test_a_reply_that_is_full_says_so_to_those_without_room(monkeypatch: pytest.MonkeyPatch, made: Served) -> None:
    users = [user(str(key), "a") for key in range(4)]
    whole = ask(made, *users)
    monkeypatch.setattr(rank_batch, "MAX_REPLY_BYTES", 2 * whole.users[0].ByteSize() + 1)
    reply = ask(made, *users)
    assert list(reply.users)[:2] == list(whole.users)[:2]
    assert [(one.key, one.code, len(one.artists)) for one in reply.users[2:]] == [("2", 8, 0), ("3", 8, 0)]


def test_work_ends_between_two_users_when_the_client_has_gone() -> None:
    snapshot, context, admission = Snapshot(recommender=Recommender(generated(0))), FakeContext(), Admission(Metrics())
    turns: list[int] = []

    def turn() -> AbstractContextManager[None]:
        turns.append(len(turns))
        if len(turns) == 6:  # the line-up, four users looked up, and the first of them ranked
            context.end()
        return admission.entry(Call(context))

    request = pb.BatchRankArtistsRequest(users=[user("", "a01")] * 4, line_up=acts("a02"))
    with pytest.raises(CallEnded):
        rank_batch.batch_rank_artists(snapshot, request, turn=turn)
    assert len(turns) == 6
