"""Passes of clips through a network, started now and collected later, so that a GPU never waits for its input."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch

from indexer.audio.rejection_reasons import Reason
from indexer.encoders.mert.batches import Batch, Collect
from indexer.encoders.mert.network import Network
from recommender.errors import BadInput
from recommender.types import ClipEmbeddings, Waveform

_log = logging.getLogger(__name__)

Finish: TypeAlias = Callable[[], tuple[ClipEmbeddings, float]]
"""Waits for a pass: its means ``[clip, layer, dim]``, and the seconds that the device was busy."""


class Passes:
    """Runs passes of ``network``; ``exact`` makes the same network in float32, for clips that overflow half precision.

    At most two may be started and not collected.
    """

    def __init__(self, network: Network, device: torch.device, *, exact: Callable[[], Network]) -> None:
        self._network = network
        self._make_exact = exact
        self._exact: Network | None = None
        self._staging = Staging(pinned=device.type == "cuda")
        self._launch = _launch_ahead if device.type == "cuda" else _launch_at_once
        self._device = device
        self.busy_s = 0.0
        """Seconds that the device spent on collected passes, from the first copy to the last."""

    def __call__(self, clips: Sequence[Waveform], batch: Batch) -> Collect:
        """Start a pass over ``clips``, those of ``batch``, in the shape of ``batch``."""
        waves, lengths = self._staging.fill(clips, rows=batch.rows, samples=batch.samples)
        finish = self._launch(self._network, waves, lengths, self._device)

        def collect() -> ClipEmbeddings:
            means, seconds = finish()
            self.busy_s += seconds
            for row in np.flatnonzero(~np.isfinite(means).all(axis=(1, 2))).tolist():
                means[row] = self._again_in_full_precision(waves[row : row + 1, : lengths[row]])
            return means

        return collect

    def _again_in_full_precision(self, wave: torch.Tensor) -> ClipEmbeddings:
        """Half precision ends at 65,504; a value that overflows there does not in float32."""
        if self._exact is None:
            _log.info("a clip overflowed half precision; such clips are computed again in float32")
            self._exact = self._make_exact()
        means, seconds = _launch_at_once(self._exact, wave, [wave.shape[1]], self._device)()
        self.busy_s += seconds
        if not np.isfinite(means).all():
            raise BadInput(Reason.NON_FINITE, "the network's answer is not finite even in float32; check the clip")
        exact: ClipEmbeddings = means[0]
        return exact


def _launch_at_once(network: Network, waves: torch.Tensor, lengths: Sequence[int], device: torch.device) -> Finish:
    started = time.perf_counter()
    means: ClipEmbeddings = network.means(waves.to(device), lengths).cpu().numpy()
    seconds = time.perf_counter() - started
    return lambda: (means, seconds)


def _launch_ahead(network: Network, waves: torch.Tensor, lengths: Sequence[int], device: torch.device) -> Finish:
    """Queue a pass on a CUDA device with its copies, and wait for nothing. Only the means are copied back."""
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
    began.record(torch.cuda.current_stream(device))
    on_device = network.means(waves.to(device, non_blocking=True), lengths)
    means = torch.empty(on_device.shape, dtype=on_device.dtype, pin_memory=True)
    means.copy_(on_device, non_blocking=True)
    ended.record(torch.cuda.current_stream(device))

    def finish() -> tuple[ClipEmbeddings, float]:
        ended.synchronize()
        return means.numpy().copy(), began.elapsed_time(ended) / 1000

    return finish


class Staging:
    """Two input buffers, used in turn, so that one is filled while the device still reads the other.

    On CUDA they are pinned: only then does the device copy from them while this process continues.
    """

    def __init__(self, *, pinned: bool) -> None:
        self._pinned = pinned
        self._buffers = [torch.empty(0), torch.empty(0)]

    def fill(self, clips: Sequence[Waveform], *, rows: int, samples: int) -> tuple[torch.Tensor, list[int]]:
        """``clips`` as rows, zeros after each, the first repeated to fill ``rows``; and the length of each row.

        ``[rows, samples]`` float32; valid until the call after the next.
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
