"""The memory that clips wait in on their way to a device: laid under one another, in buffers that are used again."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from recommender.types import Waveform


class Staging:
    """Two buffers that take turns, so that one is filled while the device still reads the other.

    On CUDA they are pinned: the device copies from them by itself, while this process goes on.
    """

    def __init__(self, *, pinned: bool) -> None:
        self._pinned = pinned
        self._buffers = [torch.empty(0), torch.empty(0)]

    def fill(self, clips: Sequence[Waveform], *, rows: int, samples: int) -> tuple[torch.Tensor, list[int]]:
        """``clips`` under one another, zeros behind each, the first repeated up to ``rows``; and their lengths.

        ``[rows, samples]`` float32; it holds until the call after the next.
        """
        chosen = [*clips, *[clips[0]] * (rows - len(clips))]
        waves = self._next(rows * samples).view(rows, samples)
        target = waves.numpy()
        for row, clip in zip(target, chosen, strict=True):
            row[: len(clip)] = clip
            row[len(clip) :] = 0
        return waves, [len(clip) for clip in chosen]

    def _next(self, count: int) -> torch.Tensor:
        self._buffers.reverse()
        if self._buffers[0].numel() < count:
            self._buffers[0] = torch.empty(count, pin_memory=self._pinned)
        return self._buffers[0][:count]
