"""The dial over a real channel and on the command line: the order moves and is declared, the scores stay."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from click.testing import CliRunner

from pb import soundkin_pb2 as pb
from server.client import commands
from tests.server.ask import by_evidence, by_id, refusal, walked_alone
from tests.server.conftest import Served

BEE = by_evidence(cosine=0.6, walked=walked_alone(0.5), genre=0.25)
CE = by_evidence(cosine=0.0, genre=2 / 3)
"""Scores with Ay by the definition of the default. Bee's popularity is 5/6, of Cé nothing is known
(tests/server/rpc/test_artists.py)."""


def ask(made: Served, **more: Any) -> pb.SimilarArtistsResponse:  # Any: whatever the message takes
    reply: pb.SimilarArtistsResponse = made.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=by_id("a"), **more))
    return reply


def odds(score: float) -> float:
    return score / (1 - score)


def test_a_turned_dial_declares_what_it_ordered_by_and_leaves_scores_alone(made: Served) -> None:
    straight = {one.artist.id: one for one in ask(made).artists}
    for one in (turned := ask(made, depth=1.0)).artists:
        assert (one.score, list(one.breakdown)) == (
            straight[one.artist.id].score,
            list(straight[one.artist.id].breakdown),
        )
    bee, ce = turned.artists
    assert (bee.artist.id, ce.artist.id) == ("b", "c")
    assert odds(bee.order_key) == pytest.approx(odds(BEE) * 2 ** (1 - 2 * 5 / 6), rel=1e-5)
    assert bee.popularity == pytest.approx(5 / 6)
    assert ce.order_key == pytest.approx(CE)
    assert not ce.HasField("popularity")


def test_who_is_well_known_falls_behind_on_the_deep_side(made: Served) -> None:
    # With Bee by the table (tests/server/rpc/test_artists.py): Ay .475, Cé .48, Dee .7; popularity of Ay and Dee 1/3.
    def order(depth: float | None) -> list[str]:
        request = pb.SimilarArtistsRequest(seeds=by_id("b"), depth=depth, profile="seed")
        return [one.artist.id for one in made.stub.SimilarArtists(request).artists]

    assert order(None) == ["d", "c", "a"]
    assert order(0.0) == ["d", "c", "a"]
    assert order(1.0) == ["d", "a", "c"], "the odds of Ay rise by 2^(1/3), those of Cé stay"


@pytest.mark.parametrize("depth", [None, 0.5])
def test_a_dial_that_is_not_turned_changes_nothing_to_the_bit(made: Served, depth: float | None) -> None:
    assert ask(made, depth=depth, explain=True) == ask(made, explain=True)
    assert not ask(made, depth=depth).artists[0].HasField("order_key")


@pytest.mark.parametrize("depth", [-0.1, 1.1, float("nan")])
def test_a_depth_off_the_dial_is_refused(made: Served, depth: float) -> None:
    refused = refusal(made.stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=by_id("a"), depth=depth))
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", "depth")


def test_pages_and_batches_are_turned_too_and_a_token_is_of_one_depth(made: Served) -> None:
    whole = pb.SimilarArtistsRequest(seeds=by_id("b"), depth=1.0)
    expected = list(made.stub.SimilarArtists(whole).artists)
    page = pb.SimilarArtistsRequest(seeds=by_id("b"), depth=1.0, limit=1)
    for one in expected:
        reply = made.stub.SimilarArtists(page)
        assert list(reply.artists) == [one]
        page.page_token = reply.next_page_token or page.page_token
    page.depth = 0.9
    assert "another request" in refusal(made.stub.SimilarArtists, page).message
    (entry,) = made.stub.BatchSimilarArtists(pb.BatchSimilarArtistsRequest(requests=[whole])).entries
    assert list(entry.response.artists) == expected


def test_the_command_turns_the_dial_and_shows_the_order(made: Served) -> None:
    environment = {"SOUNDKIN_ADDRESS": f"127.0.0.1:{made.port}", "COLUMNS": "80"}
    # By the table, whose scores the test above tells.
    words = ["bee", "--depth", "1", "--profile", "seed"]
    said = CliRunner().invoke(commands.similar, words, env=environment).stdout
    lines = [line.split() for line in said.splitlines()]
    assert lines[1][:4] == ["#", "artist", "score", "order"]
    assert [line[1] for line in lines[2:5]] == ["Dee", "Ay", "Cé"]
    assert max(map(len, said.splitlines())) <= 80
    reply = json.loads(
        CliRunner().invoke(commands.similar, ["bee", "--depth", "0.8", "--json"], env=environment).stdout
    )
    assert "order_key" in reply["artists"][0]
    assert "order" not in CliRunner().invoke(commands.similar, ["bee"], env=environment).stdout.splitlines()[1]


BEYOND = (math.nextafter(1.0, 2.0), math.nextafter(0.0, -1.0), 2.0, -1.0, math.inf, -math.inf, math.nan)


def turned(depth: float) -> pb.SimilarArtistsRequest:
    return pb.SimilarArtistsRequest(seeds=by_id("a"), depth=depth)


@pytest.mark.parametrize("depth", [0.0, -0.0, 1.0])
def test_both_ends_of_the_dial_are_answered(made: Served, depth: float) -> None:
    assert all(one.HasField("order_key") for one in made.stub.SimilarArtists(turned(depth)).artists)


@pytest.mark.parametrize("depth", BEYOND)
def test_whatever_lies_beyond_an_end_of_the_dial_is_refused(made: Served, depth: float) -> None:
    refused = refusal(made.stub.SimilarArtists, turned(depth))
    assert (refused.code.name, refused.reason, refused.field) == ("INVALID_ARGUMENT", "INVALID_ARGUMENT", "depth")
    assert "within [0, 1]" in refused.message


def test_one_of_a_batch_with_a_depth_beyond_fails_alone(made: Served) -> None:
    request = pb.BatchSimilarArtistsRequest(requests=[turned(depth) for depth in (1.0, *BEYOND)])
    first, *others = made.stub.BatchSimilarArtists(request).entries
    assert first.response.artists
    assert [(one.code, one.message.startswith("depth")) for one in others] == [(3, True)] * len(BEYOND)
