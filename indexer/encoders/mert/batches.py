"""Which clips go through the network together, and what happens when they do not fit."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from indexer.encoders.device_errors import ENCODER_MEMORY, is_out_of_memory
from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.device import Precision
from indexer.encoders.mert.feature_extractor import extra_frames
from indexer.encoders.mert.network import GPU_TILE_FRAMES
from indexer.encoders.mert.transformer import transform_bytes
from recommender.errors import BadInput, InvalidArgument
from recommender.types import ClipEmbeddings, Waveform

SHARE = 0.8
"""Of the memory that is free; the rest is for what libraries take for themselves and for pieces that do not fit."""

MAX_ROWS = 32
"""Clips in a pass at most: with so many, every product of a layer has 70,000 rows."""

USUAL_SAMPLES = 720_000
"""Of nearly all clips: 30 s at 24,000 Hz."""

_SINGLE = 4
_HALF = 2


def rows_that_fit(
    free_bytes: int, geometry: Geometry, precision: Precision, *, samples: int = USUAL_SAMPLES, most: int = MAX_ROWS
) -> int:
    """Clips of ``samples`` that a GPU with ``free_bytes`` takes in one pass beside the weights: 1 to ``most``.

    A pass that still does not fit is halved (:mod:`indexer.encoders.mert.batches`), so this decides speed only.

    >>> from indexer.encoders.mert.models import MERT_V1_95M
    >>> rows_that_fit(4 << 30, MERT_V1_95M.geometry, Precision.FP16)
    16
    """
    return max(1, min(most, int(free_bytes * SHARE) // bytes_a_clip(geometry, precision, samples=samples)))


def bytes_a_clip(geometry: Geometry, precision: Precision, *, samples: int = USUAL_SAMPLES) -> int:
    """The most bytes that a clip of ``samples`` takes at any moment of a pass on a GPU, beside the weights.

    The widest moment of MERT-v1 is the first convolution of a tile, with its GELU: 214 MB of a 30 s clip, either size,
    either precision. What is alive at once in a real pass was counted on a CPU with torch's profiler: 211 MB, and the
    2.9 MB of the clip itself. No GPU has been measured.
    """
    frames = geometry.frames(samples)
    state = frames * geometry.hidden * _SINGLE
    moments = (_tile(geometry, frames), state + transform_bytes(geometry, frames), _layer(geometry, frames, precision))
    return 2 * samples * _SINGLE + state + max(moments)


def _tile(geometry: Geometry, frames: int) -> int:
    """The first convolution of a tile and its GELU, both float32 in either precision."""
    rows = (min(frames, GPU_TILE_FRAMES) + extra_frames(geometry)) * geometry.hop // geometry.conv_stride[0]
    return 2 * rows * geometry.conv_dim[0] * _SINGLE


def _layer(geometry: Geometry, frames: int, precision: Precision) -> int:
    """The wide half of a transformer layer: what it reads, before and after its GELU."""
    each = _HALF if precision is Precision.FP16 else _SINGLE
    return frames * (geometry.hidden * _SINGLE + (geometry.hidden + 2 * geometry.feed_forward) * each)


_CHUNKED = re.compile(r"chunked:(\d{1,3}(?:\.\d)?)")
_MIN_S = 1.0
"""A last chunk shorter than this is left out: too short to say anything, and it would count as much as the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The whole clip, or chunks of ``chunk_s`` seconds whose embeddings are averaged."""

    chunk_s: float | None = None

    @property
    def name(self) -> str:
        """As :func:`read_context` reads it."""
        return "full" if self.chunk_s is None else f"chunked:{self.chunk_s:g}"

    def pieces(self, clip: Waveform, sample_rate_hz: int) -> list[Waveform]:
        """What the network is given of ``clip``, in order; together all of it but for a last second at most."""
        if self.chunk_s is None:
            return [clip]
        size = round(self.chunk_s * sample_rate_hz)
        cut = [clip[start : start + size] for start in range(0, len(clip), size)]
        return [piece for piece in cut if len(piece) >= _MIN_S * sample_rate_hz] or [clip]


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
    if match is None or not float(match[1]) >= _MIN_S:
        raise InvalidArgument("context", f"{text!r} is neither full nor chunked:SECONDS of {_MIN_S:g} s or more")
    return Context(chunk_s=float(match[1]))


def average_pieces(embedded: ClipEmbeddings, counts: Sequence[int]) -> ClipEmbeddings:
    """``[piece, layer, dim]`` -> ``[clip, layer, dim]``: the plain mean of each clip's ``counts[i]`` pieces."""
    ends = np.cumsum(counts)
    bounds = zip(ends - np.asarray(counts), ends, strict=True)
    means = [embedded[start:end].mean(axis=0, dtype=np.float64) for start, end in bounds]
    return np.asarray(means, dtype=np.float32)


logger = logging.getLogger(__name__)

STEP_S = 5
"""Where batches are padded, clips are padded to a multiple of this."""

AHEAD = 2
"""Passes that are under way at most: while a GPU computes one, the next is laid out for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Clips that share a forward pass, by their numbers, and the shape of that pass."""

    clips: tuple[int, ...]
    rows: int
    """At least as many as clips; the rest repeats the first."""
    samples: int


Collect: TypeAlias = Callable[[], ClipEmbeddings]
"""Waits for a pass: ``[row, layer, dim]``."""

Start: TypeAlias = Callable[[Sequence[Waveform], Batch], Collect]
"""Starts a pass over the clips of a batch."""

Plan: TypeAlias = Callable[[Sequence[int], int], list[Batch]]
"""(samples of each clip, rows) -> batches that hold each clip once."""


def one_by_one(lengths: Sequence[int], rows: int) -> list[Batch]:
    """Each clip alone and as long as it is: on a CPU nothing is faster, and nothing takes less memory."""
    return [Batch(clips=(clip,), rows=1, samples=length) for clip, length in enumerate(lengths)]


def in_fixed_shapes(lengths: Sequence[int], rows: int, *, step: int) -> list[Batch]:
    """Always ``rows`` rows, and a length that only the clip itself decides: rounded up to a multiple of ``step``.

    Clips that fill their length exactly, as nearly all do, go with their like, for they need no mask. So the shape and
    the kernels that a clip meets never depend on the other clips of the run.
    """
    kinds = [(-(-length // step) * step, length % step == 0) for length in lengths]
    batches = []
    for kind in dict.fromkeys(kinds):
        of_kind = [clip for clip, own in enumerate(kinds) if own == kind]
        for first in range(0, len(of_kind), rows):
            batches.append(Batch(clips=tuple(of_kind[first : first + rows]), rows=rows, samples=kind[0]))
    return batches


class Batcher:
    """Encodes any number of clips by passes of a few, each started while the one before it is under way.

    When the device runs out of memory it goes on with half the rows, and stays there.
    """

    def __init__(self, start: Start, plan: Plan, *, rows: int) -> None:
        self._start = start
        self._plan = plan
        self.rows = rows

    def __call__(self, clips: Sequence[Waveform]) -> list[ClipEmbeddings]:
        """``[layer, dim]`` of each clip, in order. Raises BadInput ``encoder_memory`` when one alone does not fit."""
        found: dict[int, ClipEmbeddings] = {}
        while len(found) < len(clips):
            left = [clip for clip in range(len(clips)) if clip not in found]
            for clip, embedding in self._until_full([clips[clip] for clip in left]):
                found[left[clip]] = embedding
        return [found[clip] for clip in range(len(clips))]

    def _until_full(self, clips: Sequence[Waveform]) -> Iterator[tuple[int, ClipEmbeddings]]:
        """(number, embedding) of the clips that were encoded before memory ran out, all of them if it did not."""
        under_way: deque[tuple[Batch, Collect]] = deque()
        for batch in self._plan([len(clip) for clip in clips], self.rows):
            try:
                under_way.append((batch, self._start([clips[clip] for clip in batch.clips], batch)))
            except (RuntimeError, MemoryError) as error:
                self._halve(error, len(clips[batch.clips[0]]))
                break
            if len(under_way) == AHEAD:
                yield from self._collect(*under_way.popleft(), clips)
        for batch, collect in under_way:
            yield from self._collect(batch, collect, clips)

    def _collect(
        self, batch: Batch, collect: Collect, clips: Sequence[Waveform]
    ) -> Iterator[tuple[int, ClipEmbeddings]]:
        """(number, embedding) of a pass; nothing when memory runs out while it is collected."""
        try:
            embedded = collect()
        except (RuntimeError, MemoryError) as error:
            self._halve(error, len(clips[batch.clips[0]]))
            return
        yield from zip(batch.clips, embedded, strict=False)

    def _halve(self, error: Exception, samples: int) -> None:
        if not is_out_of_memory(error):
            raise error
        if self.rows == 1:
            detail = f"a clip of {samples} samples does not fit the device's memory; free some, or use another device"
            raise BadInput(ENCODER_MEMORY, detail) from error
        self.rows //= 2
        logger.warning("out of memory: going on with %d clips at a time", self.rows)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
