"""Batches, line-ups, negative seeds and bands of popularity over a real channel, against scores worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pb import soundkin_pb2 as pb
from tests.server.asking import by_id, by_name, refusal, weights
from tests.server.conftest import Served

AY_BEE, AY_CE = 0.475, 0.4 / 1.5
"""Scores of the table, as tests/server/test_artists.py works them out."""


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
    assert [(one.artist.id, round(one.score, 6)) for one in reply.artists] == [
        ("b", AY_BEE),
        ("c", round(AY_CE, 6)),
        ("e", 0.0),
        ("f", 0.0),
    ]
    assert [len(one.breakdown) for one in reply.artists] == [4, 4, 0, 0]
    assert [seed.name for seed in reply.seeds] == ["Ay"]
    assert reply.generation.version == 1


def test_a_seed_that_plays_comes_first_with_score_1(made: Served) -> None:
    reply = rank(made, *by_id("b", "a"))
    assert [(one.artist.id, one.score) for one in reply.artists] == [("a", 1.0), ("b", pytest.approx(AY_BEE))]


def test_who_cannot_be_found_in_a_line_up_is_given_back_as_asked(made: Served) -> None:
    missing = [by_name("Nobody"), *by_id("x9"), by_name("twin")]
    reply = rank(made, *missing, *by_id("b"))
    assert list(reply.not_found) == missing
    resolved = made.stub.ResolveArtists(pb.ResolveArtistsRequest(refs=missing))
    assert list(reply.unresolved) == list(resolved.artists)
    assert [[artist.id for artist in each.candidates] for each in reply.unresolved] == [[], [], ["e", "f"]]
    assert [one.artist.id for one in reply.artists] == ["b"]


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
    assert [(one.artist.id, round(one.score, 6)) for one in reply.artists] == [("c", 1.0), ("b", 0.0)]
    assert reply.artists[0].explanation.nearest_tracks.a.id == "t0"


def test_negative_seeds_take_away_by_how_much_an_artist_is_like_them(made: Served) -> None:
    # Cé with Bee is (0.3 * 0.8 + 0.2 * 0) / 0.5 = 0.48, and the table has no base: 0.266667 * (1 - 0.48).
    assert similar(made, "a", negative_seeds=by_id("b")) == pytest.approx({"c": AY_CE * 0.52}, abs=1e-6)
    reply = made.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=by_id("a"), negative_seeds=by_id("b")))
    parts = [line.contribution for line in reply.artists[0].breakdown]
    assert sum(parts) == pytest.approx(reply.artists[0].score)
    # audio: with Ay 0, with Bee 0.6 * 0.8 = 0.48, of which the score of 0.266667 is taken.
    assert parts[0] == pytest.approx(-AY_CE * 0.48)


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
