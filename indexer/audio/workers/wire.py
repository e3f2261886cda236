"""The messages to a decoder process and back: JSON and raw samples, never pickle.

A decoder that was taken over by a hostile file can write anything into its end of the pipe. So a reply is data only,
each part of it is checked against the job it answers, and what does not fit is a ValueError.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from indexer.audio.containers import Container
from indexer.audio.decoder_base import AudioInfo, Excerpt, samples_in
from indexer.audio.rejection_reasons import Reason
from indexer.audio.tags.tag_fields import checked
from indexer.audio.tags.tag_text import clean_text
from indexer.audio.workers.jobs import DecodeJob, Inspection, InspectJob, Job
from indexer.processes.message_frames import MessageBounds
from recommender.errors import BadInput
from recommender.types import Waveform

MAX_HEAD_BYTES = 512 << 10
"""The longest JSON part of a reply. All the tags that are kept fit: 82 texts of 300 characters of 12 bytes each."""

_SAMPLE = np.dtype("<f4")
_SHA256 = re.compile("[0-9a-f]{64}")
_AUDIO_ID = re.compile("[rpf]1:[0-9a-f]{64}")
_MAX_DETAIL = 500


def job_to_bytes(job: Job) -> bytes:
    """Write ``job`` as JSON. Paths that are not UTF-8 survive."""
    data: dict[str, object] = {"path": str(job.path)}
    if isinstance(job, DecodeJob):
        data["excerpt"] = {"start_ms": job.excerpt.start_ms, "length_ms": job.excerpt.length_ms}
        data |= {"sample_rate_hz": job.sample_rate_hz, "content_sha256": job.content_sha256, "audio_id": job.audio_id}
    return json.dumps(data).encode("ascii")


def job_from_bytes(request: bytes) -> Job:
    """Read what :func:`job_to_bytes` wrote."""
    data = json.loads(request)
    path = Path(data["path"])
    if "excerpt" not in data:
        return InspectJob(path=path)
    return DecodeJob(
        path=path,
        excerpt=Excerpt(**data["excerpt"]),
        sample_rate_hz=data["sample_rate_hz"],
        content_sha256=data["content_sha256"],
        audio_id=data["audio_id"],
    )


def value_to_bytes(value: Inspection) -> bytes:
    """Write the answer to an InspectJob: JSON."""
    return _head({"inspection": dataclasses.asdict(value)})


def waveform_to_parts(value: Waveform) -> tuple[bytes, memoryview]:
    """Write the answer to a DecodeJob: JSON, and the samples as little-endian float32, not copied."""
    return _head({"samples": len(value)}), np.ascontiguousarray(value, dtype=_SAMPLE).data.cast("B")


def error_to_bytes(error: BadInput) -> bytes:
    """Write why a job could not be done."""
    return _head({"reason": str(error.reason), "detail": error.detail[:_MAX_DETAIL]})


def reply_bounds(job: Job) -> MessageBounds:
    """The longest reply that ``job`` can have."""
    samples = _expected_samples(job) if isinstance(job, DecodeJob) else 0
    return MessageBounds(head_bytes=MAX_HEAD_BYTES, body_bytes=samples * _SAMPLE.itemsize)


def reply_from_bytes(
    job: Job, head: bytes | bytearray, body: bytes | npt.NDArray[np.uint8] = b""
) -> Inspection | Waveform:
    """Read the reply to ``job``. The samples of a waveform stay where they are in an array of bytes.

    Raises BadInput if that is what the reply says, and ValueError if it is not a reply to ``job``.
    """
    try:
        data = json.loads(head)
        if "reason" in data:
            raise BadInput(Reason(data["reason"]), clean_text(str(data["detail"])))
        if isinstance(job, DecodeJob):
            return _waveform(job, body)
        return _inspection(data["inspection"])
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as error:
        raise ValueError(f"not a reply to this job: {type(error).__name__} {error}") from error


def _head(data: dict[str, object]) -> bytes:
    return json.dumps(data, default=msgspec.to_builtins).encode("ascii")


def _expected_samples(job: DecodeJob) -> int:
    return samples_in(job.excerpt.length_ms, job.sample_rate_hz)


def _waveform(job: DecodeJob, body: bytes | npt.NDArray[np.uint8]) -> Waveform:
    samples = np.require(np.frombuffer(body, _SAMPLE), np.float32, ["ALIGNED", "WRITEABLE"])
    if len(samples) != _expected_samples(job) or not np.isfinite(samples).all():
        raise ValueError(f"{len(samples)} samples, or not finite; expected {_expected_samples(job)}")
    return samples


def _inspection(data: dict[str, Any]) -> Inspection:  # Any: JSON, each part checked below
    content_sha256, audio_id = str(data["content_sha256"]), str(data["audio_id"])
    if not _SHA256.fullmatch(content_sha256):
        raise ValueError("content_sha256 is not 64 hex digits")
    if not _AUDIO_ID.fullmatch(audio_id):
        raise ValueError("audio_id is not a method and 64 hex digits")
    return Inspection(
        size=_natural(data["size"]),
        mtime_ns=_int64(data["mtime_ns"]),
        ctime_ns=_int64(data["ctime_ns"]),
        content_sha256=content_sha256,
        audio_id=audio_id,
        info=_info(data["info"]),
        tags=checked(data["tags"]),
    )


def _info(data: dict[str, Any]) -> AudioInfo:  # Any: JSON, as above
    duration_s = float(data["duration_s"])
    if not math.isfinite(duration_s) or duration_s < 0:
        raise ValueError(f"a duration of {duration_s} s")
    return AudioInfo(
        duration_s=duration_s,
        sample_rate_hz=_natural(data["sample_rate_hz"]),
        channels=_natural(data["channels"]),
        container=Container(data["container"]).value,
    )


def _natural(value: object) -> int:
    return _int64(value, minimum=0)


def _int64(value: object, *, minimum: int = -(1 << 63)) -> int:
    """A whole number that a database can store."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value < 1 << 63:
        raise ValueError("a number is missing, not whole or out of range")
    return value
