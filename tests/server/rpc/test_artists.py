"""SimilarArtists and CompareArtists over a real channel, against scores worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pb import soundkin_pb2 as pb
from recommender.fusion.profiles import BASE, GAIN
from tests.server.ask import by_evidence, by_id, by_name, refusal, walked_alone, weights
from tests.server.conftest import Served

AY_BEE = by_evidence(cosine=0.6, walked=walked_alone(0.5), genre=0.25)
AY_CE = by_evidence(cosine=0.0, genre=2 / 3)
BEE_CE = by_evidence(cosine=0.8, genre=0.0)
BEE_DEE = by_evidence(collaboration=0.7)
"""Scores of the default, by its definition, of what tests/server/conftest.py says of each pair."""
TABLE_AY_BEE, TABLE_AY_CE, TABLE_BEE_CE = 0.475, 0.4 / 1.5, 0.48
"""Scores of the table, of which the first tests tell how they come about."""


def ask(made: Served, *seeds: str, **more: Any) -> pb.SimilarArtistsResponse:  # Any: whatever the message takes
    reply: pb.SimilarArtistsResponse = made.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=by_id(*seeds), **more))
    return reply


def scores(reply: pb.SimilarArtistsResponse) -> dict[str, float]:
    return {scored.artist.id: round(scored.score, 6) for scored in reply.artists}


def test_the_default_adds_up_what_each_signal_says(made: Served) -> None:
    reply = ask(made, "a")
    assert scores(reply) == pytest.approx({"b": AY_BEE, "c": AY_CE}, abs=1e-6)
    assert [scored.artist.name for scored in reply.artists] == ["Bee", "Cé"]
    assert [scored.base for scored in reply.artists] == pytest.approx([BASE, BASE])


def test_in_the_table_a_missing_signal_gives_its_weight_to_the_others(made: Served) -> None:
    reply = ask(made, "a", profile="seed")
    # Bee: audio, scene and genre speak: (0.3 * 0.6 + 0.3 * 0.5 + 0.2 * 0.25) / 0.8.  Cé: (0.3 * 0 + 0.2 * 2/3) / 0.5.
    assert scores(reply) == {"b": TABLE_AY_BEE, "c": round(TABLE_AY_CE, 6)}
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
        told = sum(line.contribution for line in scored.breakdown)
        assert scored.base + told == pytest.approx(scored.score, abs=1e-6)
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
    assert scores(ask(made, "a", "b"))["c"] == pytest.approx((AY_CE + BEE_CE) / 2, abs=1e-6)
    # In the table Cé with Ay has 0.266667, with Bee (0.3 * 0.8 + 0.2 * 0) / 0.5 = 0.48.
    by_table = scores(ask(made, "a", "b", profile="seed"))["c"]
    assert by_table == round((TABLE_AY_CE + TABLE_BEE_CE) / 2, 6)


def test_a_seed_without_an_embedding_speaks_through_the_other_signals(made: Served) -> None:
    reply = ask(made, "d")
    assert scores(reply) == pytest.approx({"b": BEE_DEE}, abs=1e-6)
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
    reply = ask(made, "a", listening=listening, weights=weights(audio=1))
    cosines = {scored.artist.id: scored.breakdown[0].raw for scored in reply.artists}
    assert cosines == pytest.approx(expected, abs=1e-6)
    # A cosine counts as a percentile of the same size, of which at most 0.998 can be told.
    only = (GAIN, 0.0, 0.0, 0.0)
    by_definition = {who: by_evidence(cosine=min(cosine, 0.998), slopes=only) for who, cosine in expected.items()}
    assert scores(reply) == pytest.approx(by_definition, abs=1e-5)


def test_weights_of_the_caller_replace_those_of_the_default(made: Served) -> None:
    reply = ask(made, "a", weights=weights(audio=1, genre=3))
    slopes = (GAIN / 4, 0.0, 3 * GAIN / 4, 0.0)
    expected = {
        "c": by_evidence(cosine=0.0, genre=2 / 3, slopes=slopes),
        "b": by_evidence(cosine=0.6, genre=0.25, slopes=slopes),
    }
    assert scores(reply) == pytest.approx(expected, abs=1e-6)
    assert [scored.artist.id for scored in reply.artists] == ["c", "b"]


def test_the_profile_called_evidence_is_the_default_of_few_artists_too(made: Served) -> None:
    assert ask(made, "a", profile="evidence") == ask(made, "a")
    assert scores(ask(made, "a", profile="seed")) != scores(ask(made, "a"))


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


def similar(made: Served, *seeds: str, **more: Any) -> dict[str, float]:  # Any: whatever the message takes
    reply = made.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=by_id(*seeds), **more))
    return {scored.artist.id: scored.score for scored in reply.artists}


def rank(made: Served, *candidates: pb.ArtistRef, **more: Any) -> pb.RankArtistsResponse:  # Any: as above
    request = pb.RankArtistsRequest(**{"seeds": by_id("a"), "candidates": candidates} | more)
    reply: pb.RankArtistsResponse = made.stub.RankArtists(request)
    return reply


def test_each_entry_of_a_batch_is_answered_as_it_would_be_alone(made: Served) -> None:
    asked = [
        pb.SimilarArtistsRequest(seeds=by_id("a"), explain=True),
        pb.SimilarArtistsRequest(seeds=by_id("b"), limit=1),
    ]
    reply = made.stub.BatchSimilarArtists(pb.BatchSimilarArtistsRequest(requests=asked))
    assert [entry.response for entry in reply.entries] == [made.stub.SimilarArtists(each) for each in asked]
    assert [(entry.code, entry.message) for entry in reply.entries] == [(0, ""), (0, "")]


def test_a_bad_entry_of_a_batch_fails_alone_with_the_code_and_words_it_would_have_alone(made: Served) -> None:
    bad = [
        pb.SimilarArtistsRequest(seeds=by_id("nobody")),
        pb.SimilarArtistsRequest(),
        pb.SimilarArtistsRequest(seeds=[by_name("twin")]),
    ]
    asked = [*bad, pb.SimilarArtistsRequest(seeds=by_id("a"))]
    *failed, answered = made.stub.BatchSimilarArtists(pb.BatchSimilarArtistsRequest(requests=asked)).entries
    for entry, request in zip(failed, bad, strict=True):
        alone = refusal(made.stub.SimilarArtists, request)
        assert (entry.code, entry.message) == (alone.code.value[0], alone.message)
        assert not entry.HasField("response")
    assert answered.response.artists
    assert [entry.code for entry in failed] == [5, 3, 9]


def test_a_batch_is_bounded_and_may_be_empty(made: Served) -> None:
    one = pb.SimilarArtistsRequest(seeds=by_id("a"))
    refused = refusal(made.stub.BatchSimilarArtists, pb.BatchSimilarArtistsRequest(requests=[one] * 101))
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", "requests")
    assert not made.stub.BatchSimilarArtists(pb.BatchSimilarArtistsRequest()).entries


def test_a_line_up_is_in_the_order_of_its_scores_and_then_of_ids(made: Served) -> None:
    reply = rank(made, *by_id("f", "c", "e", "b"), by_name("bee"))
    assert [one.artist.id for one in reply.artists] == ["b", "c", "e", "f"]
    assert [one.score for one in reply.artists] == pytest.approx([AY_BEE, AY_CE, 0.0, 0.0], abs=1e-6)
    assert [len(one.breakdown) for one in reply.artists] == [4, 4, 0, 0]
    assert [seed.name for seed in reply.seeds] == ["Ay"]
    assert reply.generation.version == 1


def test_a_seed_that_plays_comes_first_with_score_1(made: Served) -> None:
    reply = rank(made, *by_id("b", "a"))
    assert [(one.artist.id, one.score) for one in reply.artists] == [("a", 1.0), ("b", pytest.approx(AY_BEE, abs=1e-6))]


def test_who_cannot_be_found_in_a_line_up_is_given_back_as_asked(made: Served) -> None:
    missing = [by_name("Nobody"), *by_id("x9"), by_name("twin")]
    reply = rank(made, *missing, *by_id("b"))
    assert list(reply.not_found) == missing
    resolved = made.stub.ResolveArtists(pb.ResolveArtistsRequest(refs=missing))
    assert list(reply.unresolved) == list(resolved.artists)
    assert [[artist.id for artist in each.candidates] for each in reply.unresolved] == [[], [], ["e", "f"]]
    assert [one.artist.id for one in reply.artists] == ["b"]


def test_wording_and_several_names_in_a_line_up_are_read_and_told(made: Served) -> None:
    names = ["22:00 Bee (live)", "Ce b2b Nobody", "dee"]
    reply = made.stub.RankArtists(
        pb.RankArtistsRequest(seeds=[by_name("ay")], candidates=[by_name(name) for name in names])
    )
    assert sorted(line.artist.id for line in reply.artists) == ["b", "c", "d"]
    assert [(each.ref.name, each.read_as, len(each.parts)) for each in reply.readings] == [
        ("22:00 Bee (live)", "Bee", 0),
        ("Ce b2b Nobody", "", 2),
    ]
    assert [ref.name for ref in reply.not_found] == ["Nobody"]
    assert [answer.ref.name for answer in reply.unresolved] == ["Nobody"]


def test_an_empty_line_up_is_answered_with_nobody(made: Served) -> None:
    assert not rank(made).artists


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seeds": []}, "seeds"),
        ({"candidates": by_id("a") * 1001}, "candidates"),
        ({"candidates": [pb.ArtistRef()]}, "candidates[0]"),
        ({"seeds": by_id("a") * 101}, "seeds"),
    ],
)
def test_a_line_up_that_makes_no_sense_is_refused(made: Served, changes: dict[str, Any], field: str) -> None:
    refused = refusal(made.stub.RankArtists, pb.RankArtistsRequest(**{"seeds": by_id("a")} | changes))
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", field)


def test_a_line_up_is_weighed_listened_to_and_explained_as_asked(made: Served) -> None:
    reply = rank(made, *by_id("b", "c"), weights=weights(audio=1), listening=pb.Listening(layer="high"), explain=True)
    assert [(one.artist.id, round(one.breakdown[0].raw, 6)) for one in reply.artists] == [("c", 1.0), ("b", 0.0)]
    assert reply.artists[1].score == pytest.approx(BASE), "a cosine of 0 says nothing for the pair"
    assert reply.artists[0].explanation.nearest_tracks.a.id == "t0"


def test_negative_seeds_take_away_by_how_much_an_artist_is_like_them(made: Served) -> None:
    # By how much: the part of the way from the base to 1 that Cé has gone with Bee.
    share = (BEE_CE - BASE) / (1 - BASE)
    assert similar(made, "a", negative_seeds=by_id("b")) == pytest.approx({"c": AY_CE * (1 - share)}, abs=1e-6)
    asked = pb.SimilarArtistsRequest(seeds=by_id("a"), negative_seeds=by_id("b"), profile="seed")
    (only,) = made.stub.SimilarArtists(asked).artists
    # The table has no base: 0.266667 * (1 - 0.48).
    assert only.score == pytest.approx(TABLE_AY_CE * (1 - TABLE_BEE_CE), abs=1e-6)
    parts = [line.contribution for line in only.breakdown]
    assert sum(parts) == pytest.approx(only.score)
    # audio: with Ay 0, with Bee 0.6 * 0.8 = 0.48, of which the score of 0.266667 is taken.
    assert parts[0] == pytest.approx(-TABLE_AY_CE * 0.48)


def test_a_negative_seed_that_nobody_is_known_to_be_like_changes_nothing(made: Served) -> None:
    assert similar(made, "a", negative_seeds=by_id("e")) == similar(made, "a")


def test_bands_of_popularity_are_by_listings_and_partners(made: Served) -> None:
    # Known: Ay and Bee are listed together, Bee and Dee made something: 1, 2 and 1, percentiles 1/3, 5/6 and 1/3.
    def within(least: float | None = None, most: float | None = None) -> list[str]:
        band = pb.ArtistFilter(min_popularity=least, max_popularity=most)
        return list(similar(made, "b", weights=weights(scene=1, collaboration=1), filter=band))

    assert sorted(within()) == ["a", "d"]
    assert sorted(within(0.3, 0.4)) == ["a", "d"]
    assert within(0.34) == []
    assert list(similar(made, "a", filter=pb.ArtistFilter(min_popularity=0.8))) == ["b"]
    assert list(similar(made, "a", filter=pb.ArtistFilter(max_popularity=1.0))) == ["b"]  # of Cé nothing is known


def test_a_sentence_says_what_two_artists_share(made: Served) -> None:
    reply = made.stub.CompareArtists(pb.CompareArtistsRequest(a=by_id("a")[0], b=by_id("b")[0]))
    assert reply.explanation.sentence == (
        "Ay and Bee: both are x; the scene lists them together; "
        "“Song” and “Tune” sound nearest, above all in hears low."
    )
    assert reply.explanation.nearest_tracks.aspect == "hears low"
    recorded = made.stub.CompareArtists(pb.CompareArtistsRequest(a=by_id("b")[0], b=by_id("d")[0]))
    assert recorded.explanation.sentence == "Bee and Dee: they share “Joined” (joint)."
    nothing = made.stub.CompareArtists(pb.CompareArtistsRequest(a=by_id("e")[0], b=by_id("f")[0]))
    assert nothing.explanation.sentence == ""
