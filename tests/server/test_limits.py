"""How much a request may carry: each list up to its bound, and not one entry more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pb import soundkin_pb2 as pb
from server.limits import AUDIO_FIELDS, MAX_CLIP_BYTES, MAX_MESSAGE_BYTES, size_problem
from tests.server.ask import by_id, refusal
from tests.server.conftest import Served

Request = pb.SimilarArtistsRequest


def genres(field: str) -> Callable[[int], Request]:
    """A request with so many genres in ``field`` of its filter."""

    def make(n: int) -> Request:
        request = Request(seeds=by_id("a"))
        getattr(request.filter, field).extend(["x"] * n)
        return request

    return make


def layers(n: int) -> pb.Listening:
    """A mix of ``n`` layers."""
    entries = [pb.LayerWeight(layer=f"L{place}", weight=1) for place in range(n)]
    return pb.Listening(layer_mix=pb.LayerMix(layers=entries))


def aspects(n: int) -> pb.Listening:
    """A mix of ``n`` aspects."""
    entries = [pb.AspectWeight(aspect=f"A{place}", weight=1) for place in range(n)]
    return pb.Listening(aspect_mix=pb.AspectMix(aspects=entries))


def weights(n: int) -> pb.SignalWeights:
    """``n`` weights, the first ones of different signals."""
    signals = [pb.SIGNAL_AUDIO, pb.SIGNAL_SCENE, pb.SIGNAL_GENRE, pb.SIGNAL_COLLABORATION, pb.SIGNAL_AUDIO]
    return pb.SignalWeights(weights=[pb.SignalWeight(signal=signal, weight=1) for signal in signals[:n]])


@pytest.mark.parametrize(
    ("make", "field", "most"),
    [
        (lambda n: Request(seeds=by_id(*["a"] * n)), "seeds", 100),
        (lambda n: Request(seeds=by_id("a"), candidates=by_id(*["b"] * n)), "candidates", 1000),
        (lambda n: Request(seeds=by_id("a"), exclude=by_id(*["b"] * n)), "exclude", 1000),
        (genres("genres_any"), "filter.genres_any", 100),
        (genres("genres_all"), "filter.genres_all", 100),
        (genres("genres_none"), "filter.genres_none", 100),
        (lambda n: Request(seeds=by_id("a"), weights=weights(n)), "weights.weights", 4),
    ],
)
def test_a_list_is_taken_up_to_its_bound_and_refused_beyond(
    made: Served, make: Callable[[int], Request], field: str, most: int
) -> None:
    assert made.stub.SimilarArtists(make(most)).generation.version == 1
    refused = refusal(made.stub.SimilarArtists, make(most + 1))
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", field)
    assert f"at most {most}" in refused.message


@pytest.mark.parametrize(
    ("make", "field"), [(layers, "listening.layer_mix.layers"), (aspects, "listening.aspect_mix.aspects")]
)
def test_a_mix_of_more_than_a_hundred_is_refused_before_its_names_are_looked_up(
    made: Served, make: Callable[[int], pb.Listening], field: str
) -> None:
    within = refusal(made.stub.SimilarArtists, Request(seeds=by_id("a"), listening=make(100)))
    beyond = refusal(made.stub.SimilarArtists, Request(seeds=by_id("a"), listening=make(101)))
    assert within.code.name == "NOT_FOUND"
    assert (beyond.code.name, beyond.field) == ("INVALID_ARGUMENT", field)


def test_negative_seeds_beyond_their_bound_are_refused(made: Served) -> None:
    assert made.stub.SimilarArtists(Request(seeds=by_id("a"), negative_seeds=by_id(*["b"] * 100))).artists
    beyond = refusal(made.stub.SimilarArtists, Request(seeds=by_id("a"), negative_seeds=by_id(*["b"] * 101)))
    assert (beyond.code.name, beyond.field) == ("INVALID_ARGUMENT", "negative_seeds")


@pytest.mark.parametrize("field", ["genres_any", "genres_all", "genres_none"])
def test_tracks_are_bounded_alike(made: Served, field: str) -> None:
    request = pb.SimilarTracksRequest(track=pb.TrackRef(id="t0"), filter=pb.TrackFilter(**{field: ["x"] * 101}))
    refused = refusal(made.stub.SimilarTracks, request)
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", f"filter.{field}")


CLIP = AUDIO_FIELDS["/soundkin.v1.SimilarityService/SimilarTracks"]
MEBIBYTE = 1 << 20
BESIDE = f"more than {MAX_MESSAGE_BYTES} bytes beside its audio"


def by_clip(audio: int, *, page_token: str = "") -> bytes:
    return pb.SimilarTracksRequest(clip=pb.AudioClip(file=bytes(audio)), page_token=page_token).SerializeToString()


def test_the_methods_with_audio_are_these_two() -> None:
    service = "/soundkin.v1.SimilarityService"
    assert {f"{service}/SimilarTracks": 2, f"{service}/SimilarArtistsToAudio": 2} == AUDIO_FIELDS


@pytest.mark.parametrize("audio", [0, MEBIBYTE, MAX_CLIP_BYTES, MAX_CLIP_BYTES + MEBIBYTE - 100])
def test_audio_does_not_count(audio: int) -> None:
    assert size_problem(by_clip(audio, page_token="x" * 50), CLIP) is None


@pytest.mark.parametrize("number", [1, 2, 127, 128, 300, 1 << 14, MEBIBYTE])
def test_the_limit_is_the_same_wherever_the_audio_stands(number: int) -> None:
    """Beside it stand a text of ``number`` bytes and ``number`` itself, whose lengths take one to three bytes."""
    audio = by_clip(2 * MEBIBYTE)
    token = pb.SimilarTracksRequest(page_token="x" * number, limit=number).SerializeToString()
    for raw in (audio + token, token + audio, token + audio + token):
        pb.SimilarTracksRequest.FromString(raw)
        assert size_problem(raw, CLIP) == (
            None if len(raw) - len(audio) <= MAX_MESSAGE_BYTES else f"the request has {BESIDE}; ask for less at once"
        )


def test_a_small_message_that_would_be_a_large_object_is_not_read(made: Served) -> None:
    """Sixteen mebibytes of candidates without a name: 400 MB when read."""
    entries = pb.SimilarArtistsRequest(candidates=[pb.ArtistRef()]).SerializeToString() * (8 << 20)
    raw = b"\x0a\x80\x80\x80\x08" + entries  # field 1, 16 MiB long
    assert BESIDE in str(size_problem(raw, CLIP))
    assert BESIDE in str(size_problem(b"\x30\x01" * (8 << 20), CLIP))
    found = refusal(made.raw("SimilarTracks"), raw)
    assert (found.code.name, BESIDE in found.message) == ("RESOURCE_EXHAUSTED", True)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * (2 * MEBIBYTE),
        b"\x0b" * (2 * MEBIBYTE),
        b"\x00" * (2 * MEBIBYTE),
        b"\x30" + b"\x80" * (2 * MEBIBYTE),
    ],
    ids=["endless number", "groups", "zeros", "value without an end"],
)
def test_large_nonsense_is_refused_and_read_no_further_than_needed(raw: bytes) -> None:
    assert BESIDE in str(size_problem(raw, CLIP))


def test_a_clip_that_says_it_is_longer_than_it_is_is_no_message(made: Served) -> None:
    found = refusal(made.raw("SimilarTracks"), by_clip(2 * MEBIBYTE)[:-1])
    assert (found.code.name, found.field) == ("INVALID_ARGUMENT", "request")
