"""Clips and an encoder that cost next to nothing, so that what is left of embedding them is the pipeline itself.

Each clip is a window of one buffer of noise, 30 s at 24 kHz, made in the decoder process; its embedding is a few of its
own samples, so that a mistaken clip shows. The shapes are those of MERT-v1-95M: 2.88 MB a clip in, 39,936 bytes out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexer.audio.workers.jobs import DecodeJob
from indexer.audio.workers.wire import job_from_bytes, waveform_to_parts
from indexer.processes.message_frames import Message
from recommender.licences import LICENCES
from recommender.types import ClipEmbeddings, Layer, Licence, Space, Waveform

HANDLER = "benchmarks.pipeline_stub:answer"
RATE_HZ, SECONDS, LAYERS, DIM = 24_000, 30, 13, 768
SAMPLES = RATE_HZ * SECONDS
MAX_CLIPS = 100_000
NAME_BYTES = 8

_NOISE = np.random.default_rng(0).standard_normal(SAMPLES + MAX_CLIPS, dtype=np.float32)
_PICKED = np.arange(LAYERS)[:, None] * 50_000 + np.arange(DIM)
"""Which samples of a clip are its embedding, ``[layer, dim]``."""


def path_of(number: int) -> str:
    """Where clip ``number`` says it lies. There is no file."""
    return f"/made/{number}.wav"


def content_of(number: int) -> str:
    """The sha256 that clip ``number`` claims."""
    return hashlib.sha256(path_of(number).encode()).hexdigest()


def made_clip(path: str) -> Waveform:
    """The clip at ``path``, ``[sample]``: another window of the noise for another number."""
    start = int(Path(path).stem)
    return _NOISE[start : start + SAMPLES]


def name_of(clip: Waveform) -> bytes:
    """What tells a clip from all others: its first two samples, :data:`NAME_BYTES` bytes."""
    return clip[:2].tobytes()


def answer(request: bytes) -> Message:
    """What a decoder process does here: make the clip instead of reading it."""
    job = job_from_bytes(request)
    if not isinstance(job, DecodeJob):
        raise TypeError("only decoding is asked for here")
    return waveform_to_parts(made_clip(str(job.path)))


class StubEncoder:
    """Picks samples. Writes the name of every clip to ``log``, if there is one: what was encoded outlives a kill."""

    licence: Licence = LICENCES["ISC"]
    space = Space(
        name="stub",
        revision="1",
        licence="ISC",
        layers=tuple(Layer(name=str(number)) for number in range(LAYERS)),
        dim=DIM,
        sample_rate_hz=RATE_HZ,
        preprocessing="made",
        default_mix={"11": 1.0},
    )

    def __init__(self, log: int | None = None) -> None:
        self._log = log

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips`` -> ``[clip, 13, 768]``."""
        embeddings = np.stack([clip[_PICKED] for clip in clips])
        if self._log is not None:
            os.write(self._log, b"".join(map(name_of, clips)))
        return embeddings
