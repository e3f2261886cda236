"""SimilarArtists and CompareArtists over a real channel, against scores worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pb import soundkin_pb2 as pb
from tests.server.asking import by_id, by_name, weights
from tests.server.conftest import Served


def ask(made: Served, *seeds: str, **more: Any) -> pb.SimilarArtistsResponse:  # Any: whatever the message takes
    reply: pb.SimilarArtistsResponse = made.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=by_id(*seeds), **more))
    return reply


def scores(reply: pb.SimilarArtistsResponse) -> dict[str, float]:
    return {scored.artist.id: round(scored.score, 6) for scored in reply.artists}


def test_a_missing_signal_gives_its_weight_to_the_others(made: Served) -> None:
    reply = ask(made, "a")
    # Bee: audio, scene and genre speak: (0.3 * 0.6 + 0.3 * 0.5 + 0.2 * 0.25) / 0.8.  Cé: (0.3 * 0 + 0.2 * 2/3) / 0.5.
    assert scores(reply) == {"b": 0.475, "c": 0.266667}
    assert [scored.artist.name for scored in reply.artists] == ["Bee", "Cé"]
    assert [line.weight for line in reply.artists[0].breakdown] == pytest.approx([0.375, 0.375, 0.25, 0.0])


def test_the_reply_names_the_generation_and_the_seeds_as_understood(made: Served) -> None:
    reply = made.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=[by_name("  THE AY ")]))
    assert (reply.generation.version, reply.generation.degraded) == (1, False)
    assert reply.generation.space.startswith("made-")
    assert [(seed.id, seed.name) for seed in reply.seeds] == [("a", "Ay")]
    assert not reply.not_indexed


def test_a_signal_without_an_opinion_is_unset_and_not_zero(made: Served) -> None:
    _, scene, _, collaboration = ask(made, "a").artists[1].breakdown
    for silent in (scene, collaboration):
        assert not silent.available
        assert not silent.HasField("raw")
        assert not silent.HasField("value")
        assert (silent.weight, silent.contribution) == (0.0, 0.0)


def test_an_opinion_of_zero_is_set(made: Served) -> None:
    audio = ask(made, "a").artists[1].breakdown[0]
    assert audio.available
    assert audio.HasField("value")
    assert audio.value == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("seeds", [("a",), ("b",), ("a", "b"), ("b", "c", "d")])
def test_contributions_sum_to_the_score(made: Served, seeds: tuple[str, ...]) -> None:
    reply = ask(made, *seeds)
    assert reply.artists
    for scored in reply.artists:
        assert sum(line.contribution for line in scored.breakdown) == pytest.approx(scored.score, abs=1e-6)
        assert [line.signal for line in scored.breakdown] == [1, 2, 3, 4]


@pytest.mark.parametrize("a", "abcdef")
@pytest.mark.parametrize("b", "abcdef")
def test_a_pair_has_one_score_wherever_it_is_asked(made: Served, a: str, b: str) -> None:
    pair = [
        made.stub.CompareArtists(pb.CompareArtistsRequest(a=by_id(one)[0], b=by_id(other)[0]))
        for one, other in ((a, b), (b, a))
    ]
    assert pair[0].HasField("score") == pair[1].HasField("score")
    assert pair[0].score == pytest.approx(pair[1].score, abs=1e-6)
    ranked = {scored.artist.id: scored.score for scored in ask(made, a).artists}
    chosen = {scored.artist.id: scored.score for scored in ask(made, a, candidates=by_id(b)).artists}
    if a != b and pair[0].HasField("score"):
        assert ranked[b] == pytest.approx(pair[0].score, abs=1e-6)
        assert chosen[b] == ranked[b]
    else:
        assert b not in ranked
        assert not chosen


def test_comparing_artists_no_signal_knows_gives_no_score(made: Served) -> None:
    reply = made.stub.CompareArtists(pb.CompareArtistsRequest(a=by_id("e")[0], b=by_id("f")[0]))
    assert not reply.HasField("score")
    assert not any(line.available for line in reply.breakdown)
    assert [artist.id for artist in reply.not_indexed] == ["e", "f"]


def test_several_seeds_score_by_the_mean_of_their_scores(made: Served) -> None:
    # Cé with Ay 0.266667; with Bee (0.3 * 0.8 + 0.2 * 0) / 0.5 = 0.48.
    assert scores(ask(made, "a", "b"))["c"] == round((0.8 / 3 + 0.48) / 2, 6)


def test_a_seed_without_an_embedding_speaks_through_the_other_signals(made: Served) -> None:
    reply = ask(made, "d")
    assert scores(reply) == {"b": 0.7}
    assert [artist.id for artist in reply.not_indexed] == ["d"]


def test_a_seed_nobody_has_an_opinion_on_gives_an_empty_answer(made: Served) -> None:
    reply = ask(made, "e")
    assert not reply.artists
    assert not reply.next_page_token


@pytest.mark.parametrize(
    ("listening", "expected"),
    [
        (pb.Listening(layer="low"), {"b": 0.6, "c": 0.0}),
        (pb.Listening(layer="high"), {"b": 0.0, "c": 1.0}),
        (pb.Listening(aspect="hears high"), {"b": 0.0, "c": 1.0}),
        (
            pb.Listening(
                layer_mix=pb.LayerMix(
                    layers=[pb.LayerWeight(layer="low", weight=3), pb.LayerWeight(layer="high", weight=1)]
                )
            ),
            {"b": 0.45, "c": 0.25},
        ),
        (
            pb.Listening(
                aspect_mix=pb.AspectMix(
                    aspects=[pb.AspectWeight(aspect="both", weight=1), pb.AspectWeight(aspect="hears low", weight=1)]
                )
            ),
            {"b": 0.45, "c": 0.25},
        ),
    ],
    ids=["layer", "other layer", "aspect", "layer mix", "aspect mix"],
)
def test_the_audio_signal_listens_as_it_is_told(
    made: Served, listening: pb.Listening, expected: dict[str, float]
) -> None:
    assert scores(ask(made, "a", listening=listening, weights=weights(audio=1))) == pytest.approx(expected, abs=1e-6)


def test_weights_of_the_caller_replace_the_table(made: Served) -> None:
    reply = ask(made, "a", weights=weights(audio=1, genre=3))
    assert scores(reply) == pytest.approx({"c": 0.5, "b": (0.6 + 3 * 0.25) / 4}, abs=1e-6)
    assert [scored.artist.id for scored in reply.artists] == ["c", "b"]


def test_the_profile_called_seed_is_the_default(made: Served) -> None:
    assert ask(made, "a", profile="seed") == ask(made, "a")


def test_candidates_keep_the_order_and_scores_of_the_whole_ranking(made: Served) -> None:
    whole = scores(ask(made, "a"))
    some = scores(ask(made, "a", candidates=[*by_id("c", "e"), by_name("bee")]))
    assert list(some.items()) == list(whole.items())


def test_seeds_and_excluded_artists_are_never_answered(made: Served) -> None:
    assert scores(ask(made, "a", candidates=by_id("a", "b"), exclude=by_id("b"))) == {}
    assert list(scores(ask(made, "a", exclude=by_id("b")))) == ["c"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (pb.ArtistFilter(genres_any=["X"]), ["b"]),
        (pb.ArtistFilter(genres_any=["x", "y"]), ["b", "c"]),
        (pb.ArtistFilter(genres_all=["x", "y"]), []),
        (pb.ArtistFilter(genres_none=["x"]), ["c"]),
        (pb.ArtistFilter(min_tracks=1), ["b", "c"]),
        (pb.ArtistFilter(min_tracks=2), []),
    ],
    ids=str,
)
def test_filters_decide_who_may_be_answered(made: Served, condition: pb.ArtistFilter, expected: list[str]) -> None:
    assert list(scores(ask(made, "a", filter=condition))) == expected


def test_explanations_name_what_is_shared_and_only_when_asked(made: Served) -> None:
    bee = ask(made, "a", explain=True).artists[0].explanation
    assert [(shared.genre, shared.weight) for shared in bee.genres] == [("x", 0.5)]
    assert (bee.nearest_tracks.a.id, bee.nearest_tracks.b.id) == ("t0", "t1")
    assert bee.nearest_tracks.cosine == pytest.approx(0.6)
    assert bee.nearest_tracks.b.artist.name == "Bee"
    assert not ask(made, "a").artists[0].HasField("explanation")


def test_recordings_made_together_are_named(made: Served) -> None:
    reply = made.stub.CompareArtists(pb.CompareArtistsRequest(a=by_id("b")[0], b=by_id("d")[0]))
    assert [(shared.kind, shared.title) for shared in reply.explanation.recordings] == [("joint", "Joined")]
    assert not reply.explanation.HasField("nearest_tracks")


def test_the_same_request_gives_the_same_bytes(made: Served) -> None:
    call = made.raw("SimilarArtists")
    request = pb.SimilarArtistsRequest(seeds=by_id("a", "b"), explain=True).SerializeToString()
    assert len({call(request) for _ in range(20)}) == 1


def test_no_number_on_the_wire_is_nan(made: Served) -> None:
    for seed in "abcdef":
        for scored in ask(made, seed).artists:
            numbers = [
                scored.score,
                *(n for line in scored.breakdown for n in (line.raw, line.value, line.contribution)),
            ]
            assert all(math.isfinite(number) for number in numbers)
