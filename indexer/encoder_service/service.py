"""The gRPC service of the encoder: for each clip its vectors, or the reason why it has none."""

# ruff: noqa: N802 - methods have the names of the contract
from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import numpy as np

from indexer.audio.workers.pool import DecoderPool
from indexer.encoder_service.clips import encode_files
from indexer.encoders.base import Encoder
from indexer.encoders.encode_batch import Encoded
from pb import encoder_pb2 as pb
from pb import encoder_pb2_grpc as pb_grpc
from recommender.errors import BadInput, SoundkinError
from recommender.types import Space

NAME: str = pb.DESCRIPTOR.services_by_name["EncoderService"].full_name
"""``soundkin.v1.EncoderService``."""
MAX_CLIPS = 32
"""Clips in one request. Each is about 3 MB when decoded, and all are in memory together."""
MAX_CLIP_BYTES = 16 << 20
"""30 s of stereo take 0.5 to 1.5 MB as mp3 or m4a, 5.3 MB as 16-bit wav at 44.1 kHz."""
MAX_REQUEST_BYTES = 64 << 20
MAX_WAITING = 8
"""Requests at once: the one that is encoded and those that wait, in memory."""

Context: TypeAlias = Any  # Any: grpc.aio's context, generic over the messages of the method

_log = logging.getLogger(__name__)


class EncoderService(pb_grpc.EncoderServiceServicer):
    """Encodes on a thread of its own, one request at a time: decoder pool and encoder are for one consumer."""

    def __init__(self, encoder: Encoder, pool: DecoderPool, thread: ThreadPoolExecutor, folder: Path) -> None:
        """Clips are written to ``folder`` while they are decoded."""
        self._encoder = encoder
        self._pool = pool
        self._thread = thread
        self._folder = folder
        self._waiting = 0
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait_for_failure(self) -> None:
        """Wait for an error after which nothing more can be encoded, and raise it."""
        await self._failure

    async def Encode(self, request: pb.EncodeRequest, context: Context) -> pb.EncodeResponse:
        """Encode the clips of one request."""
        problem = find_problem(request)
        if problem is not None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        if self._waiting >= MAX_WAITING:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MAX_WAITING} requests wait; ask again later")
        self._waiting += 1
        try:
            return await self._encode(request)
        except SoundkinError as error:
            if not self._failure.done():
                self._failure.set_exception(error)
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise
        except OSError as error:
            problem = f"clips cannot be kept while they are decoded ({error.strerror}); make room for temporary files"
            await context.abort(grpc.StatusCode.UNAVAILABLE, problem)
            raise
        finally:
            self._waiting -= 1

    async def _encode(self, request: pb.EncodeRequest) -> pb.EncodeResponse:
        started, files = time.monotonic(), [clip.file for clip in request.clips]
        loop = asyncio.get_running_loop()
        encoded = await loop.run_in_executor(self._thread, encode_files, self._pool, self._encoder, files, self._folder)
        refused = sum(isinstance(result, BadInput) for result in encoded)
        _log.info("%d clips, %d refused, %.1f s", len(encoded), refused, time.monotonic() - started)
        return to_response(self._encoder.space, encoded)


def find_problem(request: pb.EncodeRequest) -> str | None:
    """The bound that ``request`` exceeds, as a message; None when it exceeds none."""
    sizes = [len(clip.file) for clip in request.clips]
    if not 0 < len(sizes) <= MAX_CLIPS:
        return f"clips: {len(sizes)}; at least 1 and at most {MAX_CLIPS} are encoded at once"
    if max(sizes) > MAX_CLIP_BYTES or sum(sizes) > MAX_REQUEST_BYTES:
        bounds = f"{MAX_CLIP_BYTES >> 20} MiB a clip and {MAX_REQUEST_BYTES >> 20} MiB together"
        return f"clips: {sum(sizes)} bytes, {max(sizes)} in one; at most {bounds}"
    return None


def to_response(space: Space, encoded: list[Encoded]) -> pb.EncodeResponse:
    """The response with the result of each clip, in ``space``."""
    return pb.EncodeResponse(
        space=space.key, encoder=space.name, layers=space.layer_names, dim=space.dim, clips=map(_to_clip, encoded)
    )


def _to_clip(result: Encoded) -> pb.EncodedClip:
    if isinstance(result, BadInput):
        return pb.EncodedClip(reason=result.reason, detail=result.detail)
    return pb.EncodedClip(vectors=np.ascontiguousarray(result, dtype="<f4").tobytes())
