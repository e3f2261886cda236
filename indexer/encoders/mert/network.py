"""The forward pass: samples in, every hidden state's mean over time out."""

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
"""Frames of the convolutions at once: the widest activation, 64 rows of 512 a frame, is 17 MB."""
GPU_TILE_FRAMES = 768


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
        Each clip must hold at least one frame and must not be constant.
        """
        counts = self.frame_counts(lengths)
        return torch.stack(self._pass(clips, lengths, lambda state: _mean(state, counts)), dim=1)

    def states(self, clips: Tensor, lengths: Sequence[int]) -> list[Tensor]:
        """Every hidden state whole, ``[clip, frame, dim]`` float32; frames behind a clip's end have no meaning.

        As the published code gives them: the last of a network that normalises first has passed its final norm.
        """
        return self._pass(clips, lengths, lambda state: state)

    def _pass(self, clips: Tensor, lengths: Sequence[int], take: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """``take`` of each hidden state, taken while the state is at hand."""
        counts = self.frame_counts(lengths)
        with torch.inference_mode():
            frames = self._extract(clips, lengths, tile_frames=self._tile_frames)
            _silence(frames, counts)
            x = frames + self._positions(frames)
            x = x if self._geometry.pre_norm else self._norm(x)
            taken = []
            for layer in self._layers:
                taken.append(take(x))
                x = layer(x, counts)
            return [*taken, take(self._norm(x) if self._geometry.pre_norm else x)]

    def frame_counts(self, lengths: Sequence[int]) -> list[int]:
        """Frames of clips of so many samples."""
        return [self._geometry.frames(length) for length in lengths]


def _silence(frames: Tensor, counts: Sequence[int]) -> None:
    """Zero what lies behind each clip's end, in place, for there the positional convolution finds zeros when alone."""
    for row, count in enumerate(counts):
        frames[row, count:] = 0


def _mean(state: Tensor, counts: Sequence[int]) -> Tensor:
    return torch.stack([clip[:count].mean(0) for clip, count in zip(state, counts, strict=True)])
