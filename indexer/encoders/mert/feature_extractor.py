"""From samples to frames: seven convolutions, computed tile by tile as plain matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.device import DevicePlacement
from indexer.encoders.mert.kernels import Kernels
from indexer.encoders.mert.transformer import Norm
from indexer.encoders.mert.weights import Weights

GROUP_NORM_EPS = 1e-5
"""Of torch's GroupNorm, which the published network uses as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStage:
    """The first convolution and its norm."""

    weight: Tensor
    """``[channel, tap]``, float64."""
    gain: Tensor
    """``[channel]``, float64."""
    shift: Tensor
    """``[channel]``, float64."""
    stride: int


def standardise(clips: Tensor, lengths: Sequence[int]) -> Tensor:
    """Bring each clip to zero mean and unit variance over its own length; zeros after it.

    ``[clip, sample]`` -> the same, float32; computed in float64 with no epsilon, so that level changes nothing.
    """
    level = torch.zeros_like(clips, dtype=torch.float32)
    for row, length in enumerate(lengths):
        clip = clips[row, :length].double()
        clip -= clip.mean()
        level[row, :length] = clip / clip.square().mean().sqrt()
    return level


def fold(stage: FirstStage, clips: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Weights ``[clip, tap, channel]`` and bias ``[clip, 1, channel]``, float32: convolution and norm in one.

    ``clips`` are standardised; the statistics are over every window within a clip's length.
    """
    folded = [_fold_one(stage, clip[:length]) for clip, length in zip(clips, lengths, strict=True)]
    weights, biases = zip(*folded, strict=True)
    return torch.stack(weights).float(), torch.stack(biases).float()


def _fold_one(stage: FirstStage, clip: Tensor) -> tuple[Tensor, Tensor]:
    windows = clip.double().unfold(0, stage.weight.shape[1], stage.stride)
    centre = windows.mean(0)
    spread = windows.T @ windows / len(windows) - torch.outer(centre, centre)
    variance = ((stage.weight @ spread) * stage.weight).sum(1).clamp_min(0)
    scale = stage.gain / (variance + GROUP_NORM_EPS).sqrt()
    weight = stage.weight * scale[:, None]
    return weight.T, (stage.shift - weight @ centre)[None]


_CONV = "feature_extractor.conv_layers"
_PROJECT = "feature_projection"


class Extractor:
    """The convolutions and the projection behind them: ``[clip, sample]`` -> ``[clip, frame, hidden]``.

    Rows of all clips of a tile lie one after another in one matrix. Each stage then is one product over windows of that
    matrix; the few windows that reach from one clip into the next belong to the extra frames that every clip of a tile
    is given (one in MERT-v1), and that are dropped at the end.
    """

    def __init__(self, weights: Weights, geometry: Geometry, placing: DevicePlacement, kernels: Kernels) -> None:
        self._geometry = geometry
        self._placing = placing
        self._extra = extra_frames(geometry)
        self._first = _first_stage(weights, geometry, placing)
        self._convolutions = [
            kernels.strided(placing.matrix(weights[f"{_CONV}.{stage}.conv.weight"]), stride)
            for stage, stride in enumerate(geometry.conv_stride)
            if stage
        ]
        self._norm = Norm(weights, f"{_PROJECT}.layer_norm", placing, geometry.norm_eps)
        self._project = kernels.affine(
            placing.matrix(weights[f"{_PROJECT}.projection.weight"]),
            placing.matrix(weights[f"{_PROJECT}.projection.bias"]),
        )

    def __call__(self, clips: Tensor, lengths: Sequence[int], *, tile_frames: int) -> Tensor:
        """Frames of ``clips`` ``[clip, sample]``, of which the first ``lengths[i]`` samples are clip ``i``.

        ``[clip, frame, hidden]`` float32. Frames that hear anything behind a clip's end have no meaning.
        """
        level = standardise(clips.to(self._placing.statistics), lengths)
        weight, bias = (part.to(self._placing.device) for part in fold(self._first, level, lengths))
        frames = self._geometry.frames(clips.shape[1])
        level = functional.pad(level.to(self._placing.device), (0, (self._extra + 1) * self._geometry.hop))
        made = level.new_empty(len(level), frames, self._geometry.hidden)
        for start in range(0, frames, tile_frames):
            count = min(tile_frames, frames - start)
            made[:, start : start + count] = self._tile(self._windows(level, start, count), weight, bias)
        return made

    def _windows(self, level: Tensor, start: int, count: int) -> Tensor:
        """The windows of the first convolution under ``count`` frames from ``start`` and the extra ones."""
        kernel, stride = self._geometry.conv_kernel[0], self._geometry.conv_stride[0]
        rows = (count + self._extra) * self._geometry.hop // stride
        first = start * self._geometry.hop
        return level[:, first : first + (rows - 1) * stride + kernel].unfold(1, kernel, stride)

    def _tile(self, windows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        clips = len(windows)
        rows = functional.gelu(torch.baddbmm(bias, windows, weight)).flatten(0, 1).to(self._placing.dtype)
        frames = len(rows) * self._geometry.conv_stride[0] // self._geometry.hop // clips
        for convolve in self._convolutions:
            rows = convolve(rows)
        width = rows.shape[1]
        whole = rows.as_strided((clips, frames - self._extra, width), (frames * width, width, 1))
        return self._project(self._norm(whole.float()).to(self._placing.dtype)).float()


def extra_frames(geometry: Geometry) -> int:
    """Frames more than asked for that a tile must be given, so that no wanted frame misses a row: 1 in MERT-v1."""
    after_first = geometry.hop // geometry.conv_stride[0]
    rows_heard = (geometry.field - geometry.conv_kernel[0]) // geometry.conv_stride[0] + 1
    return math.ceil(rows_heard / after_first) - 1


def _first_stage(weights: Weights, geometry: Geometry, placing: DevicePlacement) -> FirstStage:
    return FirstStage(
        weight=placing.statistic(weights[f"{_CONV}.0.conv.weight"].squeeze(1)),
        gain=placing.statistic(weights[f"{_CONV}.0.layer_norm.weight"]),
        shift=placing.statistic(weights[f"{_CONV}.0.layer_norm.bias"]),
        stride=geometry.conv_stride[0],
    )
