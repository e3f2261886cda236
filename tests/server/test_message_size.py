"""Messages are weighed before they are read: audio may be large, whatever stands beside it may not."""

from __future__ import annotations

import pytest

from pb import soundkin_pb2 as pb
from server.limits import AUDIO_FIELDS, MAX_CLIP_BYTES, MAX_MESSAGE_BYTES, size_problem
from tests.server.ask import refusal
from tests.server.conftest import Served

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
