"""The forward pass of MERT: samples to the mean over time of every hidden state.

Means are taken while a hidden state is in memory, so that 13 or 25 of them are never kept at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.device import DevicePlacement
from indexer.encoders.mert.feature_extractor import Extractor
from indexer.encoders.mert.kernels import Kernels, choose_kernels
from indexer.encoders.mert.transformer import Norm, Positions, TransformerLayer
from indexer.encoders.mert.weights import Weights

CPU_TILE_FRAMES = 128
"""Frames that the convolutions compute at once on a CPU: the largest activation, 64 rows of 512 per frame, is 17 MB."""
GPU_TILE_FRAMES = 768
"""The same on a GPU; it sets the memory that a pass takes (:func:`~indexer.encoders.mert.batches.bytes_a_clip`)."""


class Network:
    """A MERT network on one device. It has no state but its weights and no training mode."""

    def __init__(
        self,
        weights: Weights,
        geometry: Geometry,
        *,
        placing: DevicePlacement,
        kernels: Kernels | None = None,
        tile_frames: int | None = None,
    ) -> None:
        kernels = kernels or choose_kernels(placing.device, placing.dtype)
        self._geometry = geometry
        self._tile_frames = tile_frames or (CPU_TILE_FRAMES if placing.device.type == "cpu" else GPU_TILE_FRAMES)
        self._extract = Extractor(weights, geometry, placing, kernels)
        self._positions = Positions(weights, geometry, placing)
        self._norm = Norm(weights, "encoder.layer_norm", placing, geometry.norm_eps)
        self._layers = [TransformerLayer(n, weights, geometry, placing, kernels) for n in range(geometry.layers)]

    def means(self, clips: Tensor, lengths: Sequence[int]) -> Tensor:
        """Mean over time of each hidden state, ``[clip, layer, dim]`` float32, on the network's device.

        ``clips`` ``[clip, sample]`` float32 at 24 kHz, at any level; the first ``lengths[i]`` samples are clip ``i``.
        Each clip must have at least one frame and must not be constant.
        """
        counts = self.frame_counts(lengths)
        return torch.stack(self._pass(clips, lengths, lambda state: _mean(state, counts)), dim=1)

    def states(self, clips: Tensor, lengths: Sequence[int]) -> list[Tensor]:
        """Every hidden state whole, ``[clip, frame, dim]`` float32; frames after the end of a clip have no meaning.

        As in the published code, the last state of a network that normalises first has passed the final norm.
        """
        return self._pass(clips, lengths, lambda state: state)

    def _pass(self, clips: Tensor, lengths: Sequence[int], take: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """``take`` of each hidden state, called while the state is in memory."""
        counts = self.frame_counts(lengths)
        with torch.inference_mode():
            frames = self._extract(clips, lengths, tile_frames=self._tile_frames)
            _zero_padding(frames, counts)
            x = frames + self._positions(frames)
            # A post-norm network normalises before its layers, a pre-norm network after them.
            x = x if self._geometry.pre_norm else self._norm(x)
            results = []
            for layer in self._layers:
                results.append(take(x))
                x = layer(x, counts)
            return [*results, take(self._norm(x) if self._geometry.pre_norm else x)]

    def frame_counts(self, lengths: Sequence[int]) -> list[int]:
        """Frames of clips of ``lengths`` samples."""
        return [self._geometry.frames(length) for length in lengths]


def _zero_padding(frames: Tensor, counts: Sequence[int]) -> None:
    """Zero the frames after the end of each clip, in place: the positional convolution pads a clip alone with zeros."""
    for row, count in enumerate(counts):
        frames[row, count:] = 0


def _mean(state: Tensor, counts: Sequence[int]) -> Tensor:
    return torch.stack([clip[:count].mean(0) for clip, count in zip(state, counts, strict=True)])
