"""The gRPC service of the encoder: for each clip its vectors, or the reason why it has none."""

# ruff: noqa: N802 - methods have the names of the contract
from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import numpy as np

from indexer.audio.decode import choose_excerpt
from indexer.audio.workers.pool import DecodeJob, DecoderPool, Inspection, InspectJob, Outcome
from indexer.embed.pipeline import full_batch
from indexer.encoders.base import Encoder
from indexer.encoders.encode_batch import Encoded, encode_each
from pb import encoder_pb2 as pb
from pb import encoder_pb2_grpc as pb_grpc
from recommender.errors import BadInput, SoundkinError
from recommender.types import Space, Waveform


def encode_files(pool: DecoderPool, encoder: Encoder, files: Sequence[bytes], within: Path) -> list[Encoded]:
    """``[layer, dim]`` of each audio file, or the reason why it has none, in order. A bad file affects no other.

    The excerpt of each file is the one that a scan takes (:func:`indexer.audio.decode.choose_excerpt`). While they are
    decoded the files are in a folder under ``within``, because the decoder processes read only files.

    Raises:
        DecoderStartFailed: a decoder process that died cannot be replaced.
        EncoderLost: no clip can be encoded any more.
    """
    with tempfile.TemporaryDirectory(dir=within) as folder:
        paths = [_write(Path(folder) / str(number), file) for number, file in enumerate(files)]
        decoded = list(_decode(pool, paths, encoder.space.sample_rate_hz))
    encoded = _encode(encoder, [waveform for waveform in decoded if not isinstance(waveform, BadInput)])
    return [result if isinstance(result, BadInput) else next(encoded) for result in decoded]


def _write(path: Path, file: bytes) -> Path:
    path.write_bytes(file)
    return path


def _decode(pool: DecoderPool, paths: Sequence[Path], sample_rate_hz: int) -> Iterator[Waveform | BadInput]:
    jobs = [_job(outcome, sample_rate_hz) for outcome in pool.run(InspectJob(path=path) for path in paths)]
    decoded = pool.run(job for job in jobs if isinstance(job, DecodeJob))
    for job in jobs:
        yield job if isinstance(job, BadInput) else _waveform(next(decoded))


def _job(inspected: Outcome[Inspection], sample_rate_hz: int) -> DecodeJob | BadInput:
    if inspected.value is None:
        return _reason(inspected)
    try:
        excerpt = choose_excerpt(inspected.value.info.duration_s)
    except BadInput as error:
        return error
    return DecodeJob(path=inspected.job.path, excerpt=excerpt, sample_rate_hz=sample_rate_hz)


def _waveform(decoded: Outcome[Waveform]) -> Waveform | BadInput:
    return _reason(decoded) if decoded.value is None else decoded.value


def _reason(outcome: Outcome[Inspection] | Outcome[Waveform]) -> BadInput:
    if outcome.error is None:
        raise TypeError("a job has neither a value nor an error")
    return outcome.error


def _encode(encoder: Encoder, clips: Sequence[Waveform]) -> Iterator[Encoded]:
    """Encode ``clips`` in batches of the size that embed uses. An error without a reason of its own is logged."""
    start = 0
    while start < len(clips):
        batch = full_batch(encoder, None)
        for result in encode_each(encoder, clips[start : start + batch]):
            if isinstance(result, BadInput) and result.__cause__ is not None:
                _log.error("no embedding of a clip: %s", result.reason, exc_info=result.__cause__)
            yield result
        start += batch


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
