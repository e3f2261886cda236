"""Divides clips over forward passes of the network: pieces of clips, sizes of passes, and what to do without memory.

On a GPU nearly all clips are 30 s long, so passes have a few fixed shapes; on a CPU each clip is a pass of its own.
Memory of a pass: docs/methods.md, "MERT".
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from indexer.encoders.base import ENCODER_MEMORY, is_out_of_memory
from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.device import Precision
from indexer.encoders.mert.feature_extractor import extra_frames
from indexer.encoders.mert.network import GPU_TILE_FRAMES
from indexer.encoders.mert.transformer import transform_bytes
from recommender.errors import BadInput, InvalidArgument
from recommender.types import ClipEmbeddings, Waveform

_log = logging.getLogger(__name__)

MEMORY_SHARE = 0.8
"""Share of the free memory that a pass may take; the rest is for the libraries and for pieces that do not fit."""

MAX_ROWS = 32
"""Most clips in a pass: with so many, every product of a layer has 70,000 rows."""

USUAL_SAMPLES = 720_000
"""Samples of nearly all clips: 30 s at 24,000 Hz."""

STEP_S = 5
"""Clips are padded to a multiple of this, where a pass has a fixed shape."""

MAX_IN_FLIGHT = 2
"""Passes that are started and not collected: while a GPU computes one, the input of the next is copied to it."""

_FLOAT32_BYTES = 4
_FLOAT16_BYTES = 2
_CHUNKED = re.compile(r"chunked:(\d{1,3}(?:\.\d)?)")
_MIN_CHUNK_S = 1.0
"""A shorter last chunk is left out: it has little to embed, and would count as much as the others in the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The whole clip, or chunks of ``chunk_s`` seconds whose embeddings are averaged."""

    chunk_s: float | None = None

    @property
    def name(self) -> str:
        """The text that :func:`read_context` reads."""
        return "full" if self.chunk_s is None else f"chunked:{self.chunk_s:g}"

    def pieces(self, clip: Waveform, sample_rate_hz: int) -> list[Waveform]:
        """The parts of ``clip`` that the network is given, in order; without a last chunk that is too short."""
        if self.chunk_s is None:
            return [clip]
        size = round(self.chunk_s * sample_rate_hz)
        chunks = [clip[start : start + size] for start in range(0, len(clip), size)]
        return [piece for piece in chunks if len(piece) >= _MIN_CHUNK_S * sample_rate_hz] or [clip]


FULL = Context()


def read_context(text: str) -> Context:
    """The context that ``text`` names: ``full``, or ``chunked:10`` for chunks of ten seconds.

    Raises InvalidArgument.

    >>> read_context("chunked:10").chunk_s
    10.0
    """
    if text == "full":
        return FULL
    match = _CHUNKED.fullmatch(text)
    if match is None or not float(match[1]) >= _MIN_CHUNK_S:
        raise InvalidArgument("context", f"{text!r} is neither full nor chunked:SECONDS of {_MIN_CHUNK_S:g} s or more")
    return Context(chunk_s=float(match[1]))


def average_pieces(embedded: ClipEmbeddings, counts: Sequence[int]) -> ClipEmbeddings:
    """``[piece, layer, dim]`` -> ``[clip, layer, dim]``: the plain mean of each clip's ``counts[i]`` pieces."""
    ends = np.cumsum(counts)
    bounds = zip(ends - np.asarray(counts), ends, strict=True)
    means = [embedded[start:end].mean(axis=0, dtype=np.float64) for start, end in bounds]
    return np.asarray(means, dtype=np.float32)


def rows_that_fit(
    free_bytes: int, geometry: Geometry, precision: Precision, *, samples: int = USUAL_SAMPLES, max_rows: int = MAX_ROWS
) -> int:
    """Clips of ``samples`` that fit in one pass on a GPU with ``free_bytes`` beside the weights: 1 to ``max_rows``.

    A pass that still does not fit is halved (:class:`Batcher`), so this decides the speed and no result.

    >>> from indexer.encoders.mert.models import MERT_V1_95M
    >>> rows_that_fit(4 << 30, MERT_V1_95M.geometry, Precision.FP16)
    16
    """
    return max(1, min(max_rows, int(free_bytes * MEMORY_SHARE) // bytes_a_clip(geometry, precision, samples=samples)))


def bytes_a_clip(geometry: Geometry, precision: Precision, *, samples: int = USUAL_SAMPLES) -> int:
    """The most bytes that a clip of ``samples`` takes at any time in a pass on a GPU, beside the weights.

    MERT-v1 takes most in the first convolution of a tile and its GELU: 214 MB for a clip of 30 s, in both sizes and
    both precisions. Measured on a CPU with torch's profiler: 211 MB, and 2.9 MB for the clip. No GPU was measured.
    """
    frames = geometry.frames(samples)
    state = frames * geometry.hidden * _FLOAT32_BYTES
    steps = (_tile(geometry, frames), state + transform_bytes(geometry, frames), _layer(geometry, frames, precision))
    return 2 * samples * _FLOAT32_BYTES + state + max(steps)


def _tile(geometry: Geometry, frames: int) -> int:
    """The first convolution of a tile and its GELU, both float32 in either precision."""
    rows = (min(frames, GPU_TILE_FRAMES) + extra_frames(geometry)) * geometry.hop // geometry.conv_stride[0]
    return 2 * rows * geometry.conv_dim[0] * _FLOAT32_BYTES


def _layer(geometry: Geometry, frames: int, precision: Precision) -> int:
    """The feed-forward half of a transformer layer: its input, and its activations before and after the GELU."""
    item = _FLOAT16_BYTES if precision is Precision.FP16 else _FLOAT32_BYTES
    return frames * (geometry.hidden * _FLOAT32_BYTES + (geometry.hidden + 2 * geometry.feed_forward) * item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The clips of one forward pass, by their indices, and the shape of that pass."""

    clips: tuple[int, ...]
    rows: int
    """Rows of the pass, at least as many as clips; the other rows repeat the first clip."""
    samples: int
    """Samples of each row."""


Collect: TypeAlias = Callable[[], ClipEmbeddings]
"""Waits for a pass: ``[row, layer, dim]``."""

Start: TypeAlias = Callable[[Sequence[Waveform], Batch], Collect]
"""Starts a pass over the clips of a batch."""

Plan: TypeAlias = Callable[[Sequence[int], int], list[Batch]]
"""(samples of each clip, rows) -> batches that have each clip once."""


def one_by_one(lengths: Sequence[int], rows: int) -> list[Batch]:
    """Each clip alone, at its own length: the fastest way on a CPU, and the one that takes least memory."""
    return [Batch(clips=(clip,), rows=1, samples=length) for clip, length in enumerate(lengths)]


def in_fixed_shapes(lengths: Sequence[int], rows: int, *, step: int) -> list[Batch]:
    """Always ``rows`` rows, at the clip's own length rounded up to a multiple of ``step``.

    Clips whose length is a multiple of ``step``, as nearly all are, need no mask and are kept apart from the others. So
    the shape and the kernels of a clip's pass, and with them the last bits of its result, depend on no other clip.
    """
    kinds = [(-(-length // step) * step, length % step == 0) for length in lengths]
    batches = []
    for kind in dict.fromkeys(kinds):
        of_kind = [clip for clip, own in enumerate(kinds) if own == kind]
        for first in range(0, len(of_kind), rows):
            batches.append(Batch(clips=tuple(of_kind[first : first + rows]), rows=rows, samples=kind[0]))
    return batches


class Batcher:
    """Encodes any number of clips in passes; a pass is started while the one before it is computed.

    When the device runs out of memory the number of rows is halved, and stays so.
    """

    def __init__(self, start: Start, plan: Plan, *, rows: int) -> None:
        self._start = start
        self._plan = plan
        self.rows = rows

    def __call__(self, clips: Sequence[Waveform]) -> list[ClipEmbeddings]:
        """``[layer, dim]`` of each clip, in order. Raises BadInput ``encoder_memory`` when one alone does not fit."""
        embeddings: dict[int, ClipEmbeddings] = {}
        while len(embeddings) < len(clips):
            remaining = [index for index in range(len(clips)) if index not in embeddings]
            for index, embedding in self._until_out_of_memory([clips[index] for index in remaining]):
                embeddings[remaining[index]] = embedding
        return [embeddings[index] for index in range(len(clips))]

    def _until_out_of_memory(self, clips: Sequence[Waveform]) -> Iterator[tuple[int, ClipEmbeddings]]:
        """(index, embedding) of the clips that were encoded before memory ran out; of all clips if it did not."""
        in_flight: deque[tuple[Batch, Collect]] = deque()
        for batch in self._plan([len(clip) for clip in clips], self.rows):
            try:
                in_flight.append((batch, self._start([clips[clip] for clip in batch.clips], batch)))
            except (RuntimeError, MemoryError) as error:
                self._halve(error, len(clips[batch.clips[0]]))
                break
            if len(in_flight) == MAX_IN_FLIGHT:
                yield from self._collect(*in_flight.popleft(), clips)
        for batch, collect in in_flight:
            yield from self._collect(batch, collect, clips)

    def _collect(
        self, batch: Batch, collect: Collect, clips: Sequence[Waveform]
    ) -> Iterator[tuple[int, ClipEmbeddings]]:
        """(index, embedding) of the clips of a pass; of none when memory runs out while it is collected."""
        try:
            embedded = collect()
        except (RuntimeError, MemoryError) as error:
            self._halve(error, len(clips[batch.clips[0]]))
            return
        yield from zip(batch.clips, embedded, strict=False)  # rows after the clips repeat the first

    def _halve(self, error: Exception, samples: int) -> None:
        if not is_out_of_memory(error):
            raise error
        if self.rows == 1:
            detail = f"a clip of {samples} samples does not fit the device's memory; free some, or use another device"
            raise BadInput(ENCODER_MEMORY, detail) from error
        self.rows //= 2
        _log.warning("out of memory: going on with %d clips at a time", self.rows)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
