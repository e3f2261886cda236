"""The clips of one request as they arrive: counted and weighed before they are kept, and the same bytes once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from server.limits import MAX_AUDIO_BYTES, MAX_CLIP_BYTES, MAX_CLIP_NAME, MAX_CLIPS

MAX_DURATION_S = 60.0
"""How long a client may take to send its clips: others may be waiting for it."""
REPEATED = "repeated"
"""``RejectedClip.reason`` of a clip that was sent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An audio file as a client sent it."""

    place: int
    """Among all that were sent, counting from 0."""
    name: str
    file: bytes

    def describe_problem(self, reason: str, detail: str) -> str:
        """Why this one could not be used, for the reader."""
        return f"clip {self.place}{f' ({self.name})' if self.name else ''} {reason}: {detail}"

    def rejected(self, reason: str, detail: str) -> pb.RejectedClip:
        """Why this one could not be used."""
        return pb.RejectedClip(place=self.place, name=self.name, reason=reason, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Everything a client sent."""

    options: pb.SimilarArtistsRequest
    clips: tuple[Clip, ...]
    """Each different from the others."""
    repeated: tuple[pb.RejectedClip, ...]
    """Those that were sent before: a track that counts twice would pass for evidence."""


async def receive(
    requests: AsyncIterator[pb.SimilarArtistsToAudioRequest], *, within_s: float = MAX_DURATION_S
) -> Received:
    """Read the stream to its end.

    Raises InvalidArgument for no clip at all, for more or larger ones than are allowed, for options after the first
    message, for bytes that are no message, and when it takes longer than ``within_s``. Nothing more is read then.
    """
    try:
        async with asyncio.timeout(within_s):
            return await _receive(requests)
    except TimeoutError as error:
        raise InvalidArgument(
            "clip", f"not all had arrived after {within_s:g} s; send fewer or smaller ones"
        ) from error


async def _receive(requests: AsyncIterator[pb.SimilarArtistsToAudioRequest]) -> Received:
    options, clips, size = pb.SimilarArtistsRequest(), list[Clip](), 0
    first = True
    async for message in requests:
        if not isinstance(message, pb.SimilarArtistsToAudioRequest):
            raise InvalidArgument("request", "its bytes are not a message of this method")
        if message.HasField("options"):
            _require_first(first)
            options = message.options
        if message.HasField("clip"):
            clips.append(read_clip(len(clips), message.clip))
            size += len(message.clip.file)
            _check_all(len(clips), size)
        first = False
    if not clips:
        raise InvalidArgument("clip", "none was sent; send at least one")
    return _sorted_out(options, clips)


def _require_first(first: bool) -> None:
    if not first:
        raise InvalidArgument("options", "may stand in the first message only")


def read_clip(place: int, clip: pb.AudioClip) -> Clip:
    """The clip that was sent in this ``place``. Raises InvalidArgument when it is too large."""
    if len(clip.file) > MAX_CLIP_BYTES:
        problem = f"clip {place} has {len(clip.file)} bytes, at most {MAX_CLIP_BYTES >> 20} MiB; send 30 s of it"
        raise InvalidArgument("clip.file", problem)
    return Clip(place=place, name=clip.name[:MAX_CLIP_NAME], file=clip.file)


def _check_all(count: int, size: int) -> None:
    if count > MAX_CLIPS:
        raise InvalidArgument("clip", f"at most {MAX_CLIPS} are heard; more tell little that is new")
    if size > MAX_AUDIO_BYTES:
        raise InvalidArgument("clip.file", f"all together have at most {MAX_AUDIO_BYTES >> 20} MiB; send 30 s each")


def _sorted_out(options: pb.SimilarArtistsRequest, clips: list[Clip]) -> Received:
    seen: dict[bytes, int] = {}
    kept, repeated = list[Clip](), list[pb.RejectedClip]()
    for clip in clips:
        place = seen.setdefault(hashlib.sha256(clip.file).digest(), clip.place)
        if place == clip.place:
            kept.append(clip)
        else:
            repeated.append(clip.rejected(REPEATED, f"has the same bytes as clip {place}; it counts once"))
    return Received(options=options, clips=tuple(kept), repeated=tuple(repeated))
