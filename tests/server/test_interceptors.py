"""What a client is told when a request cannot be answered, over a real channel."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from click.testing import CliRunner

from pb import soundkin_pb2 as pb
from recommender import errors
from server.client import commands
from server.interceptors import CODES, Guard
from server.metrics import Metrics
from server.service import NAME
from tests.server.ask import by_id, by_name, eventually, refusal, weights
from tests.server.conftest import Served

AY = by_id("a")
Request = pb.SimilarArtistsRequest


def test_every_error_of_the_library_has_a_status() -> None:
    tree = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.SoundkinError)}
    assert set(CODES) == tree


@pytest.mark.parametrize(
    ("request_", "code", "reason", "field"),
    [
        (Request(seeds=[by_name("nobody")]), "NOT_FOUND", "NOT_FOUND", ""),
        (Request(seeds=by_id("nobody")), "NOT_FOUND", "NOT_FOUND", ""),
        (Request(seeds=AY, exclude=[by_name("nobody")]), "NOT_FOUND", "NOT_FOUND", ""),
        (Request(seeds=AY, profile="loud"), "NOT_FOUND", "NOT_FOUND", ""),
        (Request(seeds=AY, listening=pb.Listening(layer="L99")), "NOT_FOUND", "NOT_FOUND", ""),
        (Request(seeds=AY, listening=pb.Listening(aspect="joy")), "NOT_FOUND", "NOT_FOUND", ""),
        (Request(), "INVALID_ARGUMENT", "INVALID_ARGUMENT", "seeds"),
        (Request(seeds=AY * 101), "INVALID_ARGUMENT", "INVALID_ARGUMENT", "seeds"),
        (Request(seeds=[*AY, pb.ArtistRef()]), "INVALID_ARGUMENT", "INVALID_ARGUMENT", "seeds[1]"),
        (Request(seeds=[by_name("  \t")]), "INVALID_ARGUMENT", "INVALID_ARGUMENT", "seeds[0].name"),
        (Request(seeds=by_id("")), "INVALID_ARGUMENT", "INVALID_ARGUMENT", "seeds[0].id"),
        (Request(seeds=AY, candidates=[by_name("")]), "INVALID_ARGUMENT", "INVALID_ARGUMENT", "candidates[0].name"),
        (Request(seeds=AY, limit=1001), "INVALID_ARGUMENT", "INVALID_ARGUMENT", "limit"),
        (Request(seeds=AY, page_token="x"), "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token"),  # noqa: S106 - no password
        (Request(seeds=AY, weights=pb.SignalWeights()), "INVALID_ARGUMENT", "INVALID_WEIGHTS", "weights"),
        (Request(seeds=AY, weights=weights(audio=0, scene=0)), "INVALID_ARGUMENT", "INVALID_WEIGHTS", "weights"),
        (Request(seeds=AY, weights=weights(audio=-1, scene=2)), "INVALID_ARGUMENT", "INVALID_WEIGHTS", "weights"),
        (Request(seeds=AY, weights=weights(audio=float("nan"))), "INVALID_ARGUMENT", "INVALID_WEIGHTS", "weights"),
        (Request(seeds=AY, weights=weights(audio=float("inf"))), "INVALID_ARGUMENT", "INVALID_WEIGHTS", "weights"),
        (
            Request(seeds=AY, listening=pb.Listening(layer_mix=pb.LayerMix())),
            "INVALID_ARGUMENT",
            "INVALID_WEIGHTS",
            "listening",
        ),
        (Request(seeds=AY, negative_seeds=by_id("nobody")), "NOT_FOUND", "NOT_FOUND", ""),
        (
            Request(seeds=AY, filter=pb.ArtistFilter(min_popularity=1.5)),
            "INVALID_ARGUMENT",
            "INVALID_ARGUMENT",
            "filter.min_popularity",
        ),
        (
            Request(seeds=AY, filter=pb.ArtistFilter(max_popularity=float("nan"))),
            "INVALID_ARGUMENT",
            "INVALID_ARGUMENT",
            "filter.max_popularity",
        ),
    ],
    ids=lambda value: " ".join(str(value).split())[:60],
)
def test_a_request_that_cannot_be_answered_says_why(
    made: Served, request_: pb.SimilarArtistsRequest, code: str, reason: str, field: str
) -> None:
    refused = refusal(made.stub.SimilarArtists, request_)
    assert (refused.code.name, refused.reason, refused.domain) == (code, reason, "soundkin.v1")
    assert refused.field == field


@pytest.mark.parametrize("signal", [0, 99])
def test_a_weight_for_an_unknown_signal_is_refused(made: Served, signal: pb.Signal) -> None:
    entries = [pb.SignalWeight(signal=pb.SIGNAL_AUDIO, weight=1), pb.SignalWeight(signal=signal, weight=1)]
    refused = refusal(made.stub.SimilarArtists, Request(seeds=AY, weights=pb.SignalWeights(weights=entries)))
    assert (refused.reason, refused.field) == ("INVALID_WEIGHTS", "weights.weights[1].signal")


def test_a_signal_layer_or_aspect_listed_twice_is_refused(made: Served) -> None:
    twice = pb.SignalWeights(weights=[pb.SignalWeight(signal=pb.SIGNAL_AUDIO, weight=1)] * 2)
    layers = pb.Listening(layer_mix=pb.LayerMix(layers=[pb.LayerWeight(layer="low", weight=1)] * 2))
    aspects = pb.Listening(aspect_mix=pb.AspectMix(aspects=[pb.AspectWeight(aspect="both", weight=1)] * 2))
    for request in (Request(seeds=AY, weights=twice), *(Request(seeds=AY, listening=way) for way in (layers, aspects))):
        refused = refusal(made.stub.SimilarArtists, request)
        assert refused.reason == "INVALID_WEIGHTS"
        assert "listed twice" in refused.message


def test_a_request_without_audio_may_be_a_mebibyte_and_no_more(made: Served) -> None:
    def named(size: int) -> pb.GetArtistRequest:
        return pb.GetArtistRequest(artist=by_name("x" * size))

    spare = 100
    assert refusal(made.stub.GetArtist, named((1 << 20) - spare)).code.name == "NOT_FOUND"
    refused = refusal(made.stub.GetArtist, named((1 << 20) + spare))
    assert (refused.code.name, "at most 1048576" in refused.message) == ("RESOURCE_EXHAUSTED", True)


def test_an_ambiguous_name_lists_its_candidates(made: Served) -> None:
    refused = refusal(made.stub.GetArtist, pb.GetArtistRequest(artist=by_name("twin")))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "AMBIGUOUS_NAME")
    assert refused.metadata == {"e": "Twin [tracks: 0]", "f": "TWIN [tracks: 0]"}


@pytest.mark.parametrize("raw", [b"\xff\xff\xff\xff", b"\x0a\x05ab", b"\x0a\x04\x1a\x02\xc3\x28"])
def test_bytes_that_are_no_message_are_the_callers_mistake(made: Served, raw: bytes) -> None:
    refused = refusal(made.raw("SimilarArtists"), raw)
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", "request")


@pytest.mark.parametrize("char", ["x", "é", "坂", "\U0001f3b5", "\n"])
def test_a_name_of_100_000_characters_does_not_overflow_the_trailers(made: Served, char: str) -> None:
    refused = refusal(made.stub.GetArtist, pb.GetArtistRequest(artist=by_name(char * 100_000 + "z")))
    assert (refused.code.name, refused.reason) == ("NOT_FOUND", "NOT_FOUND")


def _breaks(request: bytes, context: object) -> bytes:
    raise ZeroDivisionError("secret detail")


@pytest.fixture
def breaking() -> Iterator[grpc.Channel]:
    """A channel to a server with the guard around one method, ``/test/Break``, that has a bug."""
    server = grpc.server(ThreadPoolExecutor(1), interceptors=[Guard(Metrics())])
    methods = {"Break": grpc.unary_unary_rpc_method_handler(_breaks, bytes, bytes)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield channel
    server.stop(None).wait()


def test_a_bug_shows_an_incident_and_nothing_of_itself(
    breaking: grpc.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        refused = refusal(breaking.unary_unary("/test/Break", None, None), b"")
    assert refused.code.name == "INTERNAL"
    assert "secret" not in refused.message
    incident = refused.message.split("incident ")[1].split(";")[0]
    logged = next(record for record in caplog.records if incident in record.getMessage())
    assert logged.exc_info is not None
    assert logged.exc_info[0] is ZeroDivisionError


def test_the_access_log_has_method_code_and_time_but_not_the_request(
    made: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def logged() -> set[tuple[str, ...]]:
        return {tuple(record.getMessage().split()[:2]) for record in list(caplog.records)}

    with caplog.at_level(logging.INFO, logger="server.interceptors"):
        refusal(made.stub.GetTrack, pb.GetTrackRequest(track=pb.TrackRef(id="a private id")))
        made.stub.ListAspects(pb.ListAspectsRequest())
        eventually(lambda: {(f"/{NAME}/GetTrack", "NOT_FOUND"), (f"/{NAME}/ListAspects", "OK")} <= logged())
    assert all(re.fullmatch(r"/\S+ [A-Z_]+ \d+\.\d ms", record.getMessage()) for record in caplog.records)
    assert "private" not in caplog.text


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
