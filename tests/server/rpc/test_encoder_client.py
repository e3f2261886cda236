"""How the server takes what an encoder answers, from a stand-in that answers what it is told to."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from pb import encoder_pb2 as pb
from pb import encoder_pb2_grpc as pb_grpc
from pb import soundkin_pb2
from recommender.errors import BadInput, EncoderMismatch, EncoderUnavailable, InvalidArgument
from server.address import Address
from server.call import Call
from server.metrics import Metrics
from server.rpc.byte_budget import ByteBudget
from server.rpc.clip_stream import Clip, receive
from server.rpc.encoder_client import Encoded, EncoderClient
from tests.factories import make_space
from tests.server.fake_context import FakeContext

SPACE = make_space(("low", "high"), dim=3)
VECTORS = np.arange(6, dtype="<f4").reshape(2, 3)
Context = Any  # grpc's, which the stubs give no type
Answer = Callable[[pb.EncodeRequest, Context], pb.EncodeResponse]


class _StandIn(pb_grpc.EncoderServiceServicer):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def Encode(self, request: pb.EncodeRequest, context: Context) -> pb.EncodeResponse:  # noqa: N802 - the contract's
        return self._answer(request, context)


@contextmanager
def standing_in(answer: Answer) -> Iterator[Address]:
    """An encoder that answers so, for the block."""
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", -1)])
    pb_grpc.add_EncoderServiceServicer_to_server(_StandIn(answer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield Address(host="127.0.0.1", port=port)
    finally:
        server.stop(None).wait()


def ask(answer: Answer, *, clips: int = 1, within_s: float = math.inf) -> list[Encoded]:
    sent = [Clip(position=place, name="", file=b"clip %d" % place) for place in range(clips)]
    with standing_in(answer) as address, closing(EncoderClient(address)) as client:
        return client.encode(sent, SPACE, Call(FakeContext(within_s)))


def reply(*clips: pb.EncodedClip, space: str = SPACE.key) -> pb.EncodeResponse:
    return pb.EncodeResponse(space=space, encoder="made", layers=SPACE.layer_names, dim=SPACE.dim, clips=clips)


def test_vectors_and_reasons_arrive_as_they_were_sent() -> None:
    sent: list[bytes] = []

    def answer(request: pb.EncodeRequest, context: Context) -> pb.EncodeResponse:
        sent.extend(clip.file for clip in request.clips)
        return reply(pb.EncodedClip(vectors=VECTORS.tobytes()), pb.EncodedClip(reason="silent", detail="d"))

    first, second = ask(answer, clips=2)
    assert sent == [b"clip 0", b"clip 1"]
    assert isinstance(first, np.ndarray)
    assert first.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert isinstance(second, BadInput)
    assert (second.reason, second.detail) == ("silent", "d")


def test_another_space_is_refused_before_its_vectors_are_looked_at() -> None:
    with pytest.raises(EncoderMismatch, match="space other-1, but the generation's space is made-"):
        ask(lambda request, context: reply(pb.EncodedClip(vectors=b"xyz"), space="other-1"))


@pytest.mark.parametrize(
    ("clips", "problem"),
    [
        ((), "answered 0 clips of 1"),
        ((pb.EncodedClip(vectors=VECTORS.tobytes()[:-4]),), "vectors of another length"),
        ((pb.EncodedClip(),), "vectors of another length"),
        ((pb.EncodedClip(vectors=(VECTORS + np.nan).tobytes()),), "not finite"),
    ],
)
def test_a_reply_that_makes_no_sense_is_the_encoders_fault(clips: tuple[pb.EncodedClip, ...], problem: str) -> None:
    with pytest.raises(EncoderUnavailable, match=problem):
        ask(lambda request, context: reply(*clips))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (grpc.StatusCode.UNAVAILABLE, r"does not answer \(because\)"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, r"is busy \(because\)"),
        (grpc.StatusCode.UNIMPLEMENTED, r"answered UNIMPLEMENTED \(because\)"),
    ],
)
def test_a_refusal_is_told_in_the_encoders_words(code: grpc.StatusCode, problem: str) -> None:
    def answer(request: pb.EncodeRequest, context: Context) -> pb.EncodeResponse:
        context.abort(code, "because")
        raise AssertionError("abort raises")

    with pytest.raises(EncoderUnavailable, match=problem):
        ask(answer)


def test_it_is_waited_for_as_long_as_the_client_waits() -> None:
    done = threading.Event()

    def answer(request: pb.EncodeRequest, context: Context) -> pb.EncodeResponse:
        done.wait(20)
        return reply()

    leaving = threading.Timer(3.0, done.set)
    leaving.start()
    with pytest.raises(EncoderUnavailable, match="did not answer within"):
        ask(answer, within_s=0.3)
    leaving.join()


def test_a_client_that_never_finishes_sending_is_not_waited_for() -> None:
    left = threading.Event()

    def sending() -> Iterator[soundkin_pb2.SimilarArtistsToAudioRequest]:
        yield soundkin_pb2.SimilarArtistsToAudioRequest(clip=soundkin_pb2.AudioClip(file=b"x"))
        left.wait(60)

    budget = ByteBudget(Metrics())
    for limits, problem in (({"within_s": 0.05}, "not all had arrived in time"), ({"silence_s": 0.05}, "nothing came")):
        with budget.share() as share, pytest.raises(InvalidArgument, match=problem):
            receive(sending(), share, **limits)
    left.set()
