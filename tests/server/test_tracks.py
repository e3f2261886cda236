"""SimilarTracks over a real channel: by track, by vector, by layer, aspect and mix."""

from __future__ import annotations

from typing import Any

import pytest

from server.pb import soundkin_pb2 as pb
from tests.factories import make_space
from tests.server.asking import refusal
from tests.server.conftest import Served

T0 = pb.TrackRef(id="t0")


def ask(made: Served, **request: Any) -> pb.SimilarTracksResponse:  # Any: whatever the message takes
    reply: pb.SimilarTracksResponse = made.stub.SimilarTracks(pb.SimilarTracksRequest(**request))
    return reply


def cosines(reply: pb.SimilarTracksResponse) -> list[tuple[str, float]]:
    return [(scored.track.id, round(scored.cosine, 6)) for scored in reply.tracks]


def vector(*values: float, layer: str = "low", space: str = make_space().key) -> pb.SpaceVector:
    return pb.SpaceVector(space=space, layer=layer, values=values)


@pytest.mark.parametrize(
    ("listening", "expected"),
    [
        (None, [("t1", 0.6), ("t3", 0.0)]),
        (pb.Listening(layer="high"), [("t3", 1.0), ("t1", 0.0)]),
        (pb.Listening(aspect="both"), [("t3", 0.5), ("t1", 0.3)]),
    ],
    ids=["default", "layer", "aspect"],
)
def test_tracks_are_ordered_by_cosine_under_the_listening(
    made: Served, listening: pb.Listening | None, expected: list[tuple[str, float]]
) -> None:
    reply = ask(made, track=T0, listening=listening)
    assert cosines(reply) == expected
    assert (reply.seed.title, reply.seed.artist.name, reply.not_indexed) == ("Song", "Ay", False)


def test_a_negative_cosine_is_kept_and_scores_zero(made: Served) -> None:
    last = ask(made, vector=vector(-2, 0)).tracks[-1]
    assert (last.track.id, last.score) == ("t0", 0.0)
    assert last.cosine == pytest.approx(-1.0)


def test_a_vector_of_any_length_is_heard_by_its_direction(made: Served) -> None:
    assert cosines(ask(made, vector=vector(30, 40))) == [("t1", 1.0), ("t3", 0.8), ("t0", 0.6)]
    assert cosines(ask(made, vector=vector(0, 9, layer="high"), listening=pb.Listening(layer="high")))[0] == ("t1", 1.0)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (vector(1, 0, space="made-0000000000000000"), "space"),
        (vector(1, 0, 0), "vector.values"),
        (vector(), "vector.values"),
        (vector(0, 0), "vector.values"),
        (vector(float("nan"), 1), "vector.values"),
        (vector(float("inf"), 1), "vector.values"),
        (vector(3e6, 0), "vector.values"),
        (vector(1e-7, 0), "vector.values"),
    ],
    ids=["other space", "too long", "empty", "zero", "nan", "infinite", "huge", "tiny"],
)
def test_a_vector_that_means_nothing_is_refused(made: Served, given: pb.SpaceVector, field: str) -> None:
    refused = refusal(made.stub.SimilarTracks, pb.SimilarTracksRequest(vector=given))
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", field)


def test_a_vector_cannot_be_listened_to_by_another_layer(made: Served) -> None:
    request = pb.SimilarTracksRequest(vector=vector(1, 0), listening=pb.Listening(layer="high"))
    refused = refusal(made.stub.SimilarTracks, request)
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", "listening")


def test_a_vector_of_an_unknown_layer_is_not_found(made: Served) -> None:
    refused = refusal(made.stub.SimilarTracks, pb.SimilarTracksRequest(vector=vector(1, 0, layer="middle")))
    assert refused.code.name == "NOT_FOUND"
    assert "low, high" in refused.message


def test_a_track_without_an_embedding_answers_empty_and_says_so(made: Served) -> None:
    reply = ask(made, track=pb.TrackRef(id="t2"))
    assert reply.not_indexed
    assert not reply.tracks
    assert reply.seed.title == "Unheard"


def test_the_artist_of_the_seed_can_be_left_out_and_artists_limited(made: Served) -> None:
    by_name = pb.TrackRef(name=pb.TrackName(title="tune", artist="bee"))
    assert cosines(ask(made, track=by_name)) == [("t3", 0.8), ("t0", 0.6)]
    assert cosines(ask(made, track=by_name, exclude_same_artist=True, max_per_artist=1)) == [("t3", 0.8), ("t0", 0.6)]
    assert cosines(ask(made, track=by_name, filter=pb.TrackFilter(genres_any=["x"]))) == [("t0", 0.6)]
    assert cosines(ask(made, track=by_name, filter=pb.TrackFilter(genres_none=["x"]))) == [("t3", 0.8)]


def test_a_title_of_several_tracks_lists_them(made: Served) -> None:
    refused = refusal(
        made.stub.SimilarTracks, pb.SimilarTracksRequest(track=pb.TrackRef(name=pb.TrackName(title="song")))
    )
    assert refused.code.name == "FAILED_PRECONDITION"
    assert refused.metadata == {"t0": "Song by Ay", "t3": "Song by Cé"}


@pytest.mark.parametrize("request_", [pb.SimilarTracksRequest(), pb.SimilarTracksRequest(track=pb.TrackRef())])
def test_a_request_without_a_seed_is_refused(made: Served, request_: pb.SimilarTracksRequest) -> None:
    assert refusal(made.stub.SimilarTracks, request_).code.name == "INVALID_ARGUMENT"


def test_audio_from_outside_is_not_served_yet(made: Served) -> None:
    refused = refusal(made.stub.SimilarTracks, pb.SimilarTracksRequest(clip=pb.AudioClip(file=b"RIFF")))
    assert (refused.code.name, refused.reason) == ("UNIMPLEMENTED", "NOT_SUPPORTED")
    assert "seed.clip" in refused.message
