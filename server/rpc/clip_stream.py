"""Reads the clips of one request from its stream: checks limits as they arrive and sets repeated clips aside."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from server.call import CallEnded
from server.limits import MAX_AUDIO_BYTES, MAX_CLIP_BYTES, MAX_CLIP_NAME, MAX_CLIPS
from server.rpc.byte_budget import Share

MAX_DURATION_S = 60.0
"""How long a client may take to send its clips: a thread and their bytes are held for it."""
MAX_SILENCE_S = 10.0
"""How long a client may take for one message."""
REPEATED = "repeated"
"""``RejectedClip.reason`` of a clip that was sent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An audio file as a client sent it."""

    position: int
    """Among all clips that were sent, from 0."""
    name: str
    file: bytes

    def describe_problem(self, reason: str, detail: str) -> str:
        """One line for the reader: which clip could not be used, and why."""
        return f"clip {self.position}{f' ({self.name})' if self.name else ''} {reason}: {detail}"

    def rejected(self, reason: str, detail: str) -> pb.RejectedClip:
        """The entry of the reply for a clip that could not be used."""
        return pb.RejectedClip(place=self.position, name=self.name, reason=reason, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedClips:
    """All that a client sent."""

    options: pb.SimilarArtistsRequest
    clips: tuple[Clip, ...]
    """No two have the same bytes."""
    repeated: tuple[pb.RejectedClip, ...]
    """Clips with the bytes of an earlier one: a track that counts twice would look like more evidence."""


def receive(
    requests: Iterator[pb.SimilarArtistsToAudioRequest],
    share: Share,
    *,
    within_s: float = MAX_DURATION_S,
    silence_s: float = MAX_SILENCE_S,
) -> ReceivedClips:
    """Read the stream to its end; the bytes of its clips are taken from ``share``.

    Raises InvalidArgument, and reads no further, for no clip at all, for more or larger clips than are allowed, for
    options after the first message, for bytes that are no message, when a message takes longer than ``silence_s`` and
    when all take longer than ``within_s``. Raises Overloaded when all requests together hold too many bytes, and
    CallEnded when the client goes.
    """
    options, clips = pb.SimilarArtistsRequest(), list[Clip]()
    size_bytes, first = 0, True
    for message in _arriving(requests, time.monotonic() + within_s, silence_s):
        if not isinstance(message, pb.SimilarArtistsToAudioRequest):
            raise InvalidArgument("request", "its bytes are not a message of this method")
        if message.HasField("options"):
            _require_first(first)
            options = message.options
        if message.HasField("clip"):
            share.take(len(message.clip.file))
            clips.append(read_clip(len(clips), message.clip))
            size_bytes += len(message.clip.file)
            _check_totals(len(clips), size_bytes)
        first = False
    if not clips:
        raise InvalidArgument("clip", "none was sent; send at least one")
    return _without_repeats(options, clips)


def _arriving(requests: Iterator[object], until: float, silence_s: float) -> Iterator[object]:
    """The messages of a stream, read by a thread of its own: waiting for one in grpc has no time limit.

    The thread ends when the call does, which is soon after an exception here.
    """
    arrived: queue.Queue[object] = queue.Queue(maxsize=1)
    end, gone, done = object(), object(), threading.Event()

    def put(message: object) -> None:
        while not done.is_set():
            try:
                arrived.put(message, timeout=1.0)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for message in requests:
                put(message)
            put(end)
        except grpc.RpcError:  # the client has gone
            put(gone)

    threading.Thread(target=read, name="clips", daemon=True).start()
    try:
        while (message := _next(arrived, until, silence_s)) is not end:
            if message is gone:
                raise CallEnded
            yield message
    finally:
        done.set()


def _next(arrived: queue.Queue[object], until: float, silence_s: float) -> object:
    left_s = until - time.monotonic()
    try:
        return arrived.get(timeout=max(min(silence_s, left_s), 0.0))
    except queue.Empty:
        late = f"nothing came for {silence_s:g} s" if silence_s < left_s else "not all had arrived in time"
        raise InvalidArgument("clip", f"{late}; send fewer or smaller ones") from None


def _require_first(first: bool) -> None:
    if not first:
        raise InvalidArgument("options", "may be in the first message only")


def read_clip(position: int, clip: pb.AudioClip) -> Clip:
    """The clip that was sent at ``position``. Raises InvalidArgument when it is too large."""
    if len(clip.file) > MAX_CLIP_BYTES:
        problem = f"clip {position} has {len(clip.file)} bytes, at most {MAX_CLIP_BYTES >> 20} MiB; send 30 s of it"
        raise InvalidArgument("clip.file", problem)
    return Clip(position=position, name=clip.name[:MAX_CLIP_NAME], file=clip.file)


def _check_totals(count: int, size_bytes: int) -> None:
    if count > MAX_CLIPS:
        raise InvalidArgument("clip", f"at most {MAX_CLIPS} are used; more add little information")
    if size_bytes > MAX_AUDIO_BYTES:
        raise InvalidArgument("clip.file", f"all together have at most {MAX_AUDIO_BYTES >> 20} MiB; send 30 s each")


def _without_repeats(options: pb.SimilarArtistsRequest, clips: list[Clip]) -> ReceivedClips:
    first_with: dict[bytes, int] = {}
    kept, repeated = list[Clip](), list[pb.RejectedClip]()
    for clip in clips:
        first = first_with.setdefault(hashlib.sha256(clip.file).digest(), clip.position)
        if first == clip.position:
            kept.append(clip)
        else:
            repeated.append(clip.rejected(REPEATED, f"has the same bytes as clip {first}; it counts once"))
    return ReceivedClips(options=options, clips=tuple(kept), repeated=tuple(repeated))
