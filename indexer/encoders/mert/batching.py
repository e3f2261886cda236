"""Which clips go through the network together, and what happens when they do not fit."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from indexer.encoders.device_errors import ENCODER_MEMORY, is_out_of_memory
from recommender.errors import BadInput
from recommender.types import ClipEmbeddings, Waveform

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
