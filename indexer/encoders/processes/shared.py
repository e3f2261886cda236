"""Memory that an encoder process and its parent both see: samples cross it without a copy on the way."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from recommender.types import Waveform

_BYTES = 4


class SharedSamples:
    """Float32 samples in memory without a name: it is gone with the last process that has it open."""

    def __init__(self, descriptor: int) -> None:
        """Use the memory that ``descriptor`` is open on, and close it at the end."""
        self.descriptor = descriptor
        self._mapped: mmap.mmap | None = None

    @classmethod
    def make(cls) -> SharedSamples:
        """New memory, empty: a memfd on Linux, elsewhere a file that has lost its name."""
        if hasattr(os, "memfd_create"):
            return cls(os.memfd_create("soundkin-encoder"))
        with tempfile.TemporaryFile() as file:
            return cls(os.dup(file.fileno()))

    @property
    def size(self) -> int:
        """Bytes that are mapped."""
        return len(self._mapped) if self._mapped is not None else 0

    def reserve(self, samples: int) -> None:
        """Make room for ``samples`` samples in all. What a view of before shows is still there."""
        if samples * _BYTES > self.size:
            os.ftruncate(self.descriptor, samples * _BYTES)
            self.map(samples * _BYTES)

    def map(self, size: int) -> None:
        """See ``size`` bytes of it, as the other side has made it."""
        if size != self.size:
            self._mapped = mmap.mmap(self.descriptor, size)  # the last one goes when the last view of it does

    def put(self, clips: Sequence[Waveform], *, offset: int) -> None:
        """Copy ``clips`` one behind another, the first to sample ``offset``."""
        for target, clip in zip(self.views([len(clip) for clip in clips], offset=offset), clips, strict=True):
            target[:] = clip

    def views(self, lengths: Sequence[int], *, offset: int) -> list[npt.NDArray[np.float32]]:
        """Clips of so many samples, one behind another from sample ``offset``, in place."""
        if self._mapped is None:
            raise BufferError("no memory is mapped")
        samples = np.frombuffer(self._mapped, dtype=np.float32)
        return [samples[start:end] for start, end in pairwise(accumulate(lengths, initial=offset))]

    def close(self) -> None:
        """Let go of it. For once."""
        os.close(self.descriptor)
        self.descriptor, self._mapped = -1, None
