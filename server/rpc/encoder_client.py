"""Client of the encoder, which is another process: when it fails, only requests with audio fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import grpc
import numpy as np

from pb import encoder_pb2 as encoder_pb
from pb import encoder_pb2_grpc as encoder_grpc
from recommender.errors import BadInput, EncoderMismatch, EncoderUnavailable
from recommender.types import ClipEmbeddings, Space
from server.address import Address
from server.call import Call, CallEnded
from server.limits import MAX_AUDIO_BYTES
from server.rpc.clip_stream import Clip

MAX_DURATION_S = 120.0
"""How long the encoder may take for one request, waiting included, unless the client's own deadline is sooner."""
OPTIONS = (
    ("grpc.max_send_message_length", MAX_AUDIO_BYTES + (1 << 20)),
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # gRPC's default waits up to two minutes before it looks again for an encoder that was restarted.
    ("grpc.max_reconnect_backoff_ms", 1000),
)

Encoded: TypeAlias = ClipEmbeddings | BadInput
"""``[layer, dim]`` of one clip, or why it could not be encoded."""


class EncoderClient:
    """A connection to the encoder at ``address``, for any thread; it connects at the first request."""

    def __init__(self, address: Address) -> None:
        self._address = str(address)
        self._channel = grpc.insecure_channel(self._address, options=OPTIONS)
        self._stub = encoder_grpc.EncoderServiceStub(self._channel)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def encode(self, clips: Sequence[Clip], space: Space, call: Call) -> list[Encoded]:
        """The embedding of each of ``clips`` in ``space``, or why there is none; in order.

        Args:
            clips: within the limits of one request.
            space: of the generation that answers.
            call: whose end ends the encoder's work as well.

        Raises:
            EncoderUnavailable: it does not answer in time, or its answer is not valid.
            EncoderMismatch: it encodes for another space.
            CallEnded: the client has gone.
        """
        sent = [encoder_pb.ClipToEncode(file=clip.file, name=clip.name) for clip in clips]
        timeout_s = min(call.seconds_left(), MAX_DURATION_S)
        answer = self._stub.Encode.future(encoder_pb.EncodeRequest(clips=sent), timeout=timeout_s)
        call.when_ended(answer.cancel)
        try:
            reply = answer.result()
        except grpc.FutureCancelledError:
            raise CallEnded from None
        except grpc.RpcError as error:
            raise EncoderUnavailable(self._address, _problem(error, timeout_s)) from error
        if reply.space != space.key:
            raise EncoderMismatch(self._address, serves=reply.space, needed=space.key)
        return self._read(reply, space, len(clips))

    def _read(self, reply: encoder_pb.EncodeResponse, space: Space, count: int) -> list[Encoded]:
        if len(reply.clips) != count:
            problem = f"answered {len(reply.clips)} clips of {count}; is it another release?"
            raise EncoderUnavailable(self._address, problem)
        return [self._read_clip(clip, space) for clip in reply.clips]

    def _read_clip(self, clip: encoder_pb.EncodedClip, space: Space) -> Encoded:
        if clip.reason:
            return BadInput(clip.reason, clip.detail)
        shape = (len(space.layers), space.dim)
        if len(clip.vectors) != 4 * shape[0] * shape[1]:
            raise EncoderUnavailable(self._address, "gave vectors of another length; is it another release?")
        vectors = np.frombuffer(clip.vectors, dtype="<f4").astype(np.float32).reshape(shape)
        if not np.isfinite(vectors).all():
            raise EncoderUnavailable(self._address, "gave a vector that is not finite")
        return vectors


def _problem(error: Any, timeout_s: float) -> str:  # Any: grpc's error of a call, whose methods its stubs leave out
    match error.code():
        case grpc.StatusCode.UNAVAILABLE:
            return f"does not answer ({error.details()})"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"did not answer within {timeout_s:.0f} s"
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return f"is busy ({error.details()})"
    return f"answered {error.code().name} ({error.details()})"
