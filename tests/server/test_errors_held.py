"""What a request may not ask for, at the very edge of what it may, in every call that takes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from server.client import commands
from pb import soundkin_pb2 as pb
from tests.server.asking import by_id, refusal
from tests.server.conftest import Served

SIGNALS = ("audio", "scene", "genre", "collaboration")
NOBODY = {"SOUNDKIN_ADDRESS": "127.0.0.1:1"}
"""Where no server listens: what is refused there was refused before anybody was asked."""


def artists(limit: int) -> pb.SimilarArtistsRequest:
    return pb.SimilarArtistsRequest(seeds=by_id("a"), limit=limit)


def tracks(limit: int) -> pb.SimilarTracksRequest:
    return pb.SimilarTracksRequest(track=pb.TrackRef(id="t0"), limit=limit)


@pytest.mark.parametrize(("method", "asking"), [("SimilarArtists", artists), ("SimilarTracks", tracks)])
def test_a_limit_is_taken_up_to_a_thousand_and_refused_beyond(
    made: Served, method: str, asking: Callable[[int], object]
) -> None:
    call = getattr(made.stub, method)
    assert call(asking(1000)).generation.version == 1
    for beyond in (1001, 1_000_000, (1 << 32) - 1):
        refused = refusal(call, asking(beyond))
        assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", "limit")
        assert f"is {beyond}, at most 1000" in refused.message


def test_one_of_a_batch_with_a_limit_beyond_fails_alone(made: Served) -> None:
    both = pb.BatchSimilarArtistsRequest(requests=[artists(1001), artists(1000)])
    first, second = made.stub.BatchSimilarArtists(both).entries
    assert (first.code, "at most 1000" in first.message) == (3, True)
    assert second.response.artists


@pytest.mark.parametrize("words", [["--limit", "1001"], ["--depth", "1.01"], ["--depth", "-0.01"]])
def test_the_command_refuses_what_is_out_of_range_without_asking_a_server(words: list[str]) -> None:
    done = CliRunner().invoke(commands.similar, ["bee", *words], env=NOBODY)
    assert done.exit_code == 2
    assert f"Invalid value for '{words[0]}'" in done.stderr


def listed(*signals: str, weight: float = 1.0) -> pb.SignalWeights:
    """Each of ``signals`` with a weight, in this order."""
    return pb.SignalWeights(weights=[pb.SignalWeight(signal=f"SIGNAL_{one.upper()}", weight=weight) for one in signals])


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_that_is_weighed_twice_is_refused_by_name_and_place(made: Served, signal: str) -> None:
    other = next(one for one in SIGNALS if one != signal)
    a, b = by_id("a", "b")
    for given, place in (((signal, signal), 1), ((signal, other, signal), 2), ((other, signal, signal), 2)):
        twice = listed(*given)
        asked: list[tuple[Callable[[object], object], object]] = [
            (made.stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=[a], weights=twice)),
            (made.stub.CompareArtists, pb.CompareArtistsRequest(a=a, b=b, weights=twice)),
            (made.stub.RankArtists, pb.RankArtistsRequest(seeds=[a], candidates=[b], weights=twice)),
        ]
        for call, request in asked:
            refused = refusal(call, request)
            assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "INVALID_WEIGHTS")
            assert refused.field == f"weights.weights[{place}].signal"
            assert f"{signal} is listed twice" in refused.message


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_second_weight_is_refused_even_where_it_says_the_same_or_nothing(made: Served, weight: float) -> None:
    given = pb.SignalWeights(weights=[*listed("scene").weights, *listed("audio", "scene", weight=weight).weights])
    refused = refusal(made.stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=by_id("a"), weights=given))
    assert (refused.reason, refused.field) == ("INVALID_WEIGHTS", "weights.weights[2].signal")


def test_each_signal_once_is_taken(made: Served) -> None:
    request = pb.SimilarArtistsRequest(seeds=by_id("a"), weights=listed(*SIGNALS))
    assert made.stub.SimilarArtists(request).artists
