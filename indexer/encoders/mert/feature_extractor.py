"""The feature extractor of MERT: samples to frames by seven convolutions, computed tile by tile as matrix products.

The first convolution is followed by a group norm with one group per channel, whose statistics are over the whole clip.
They are computed from the covariance of the input windows, without running the convolution, and folded into its
weights; so a clip can be computed tile by tile, in little memory. Derivation: docs/methods.md, "MERT".
"""

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
"""Epsilon of torch's GroupNorm: the published network keeps its default."""

_CONV = "feature_extractor.conv_layers"
_PROJECT = "feature_projection"


class Extractor:
    """The convolutions and the projection after them: ``[clip, sample]`` -> ``[clip, frame, hidden]``.

    The rows of all clips of a tile are one matrix, one clip after another, so that each stage is one product over
    windows of that matrix. The few windows that reach from one clip into the next belong to extra frames that every
    clip of a tile has (one in MERT-v1), and that are dropped at the end.
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

        ``[clip, frame, hidden]`` float32. Frames that depend on samples after the end of a clip have no meaning.
        """
        level = standardise(clips.to(self._placing.statistics), lengths)
        weight, bias = (part.to(self._placing.device) for part in fold(self._first, level, lengths))
        frames = self._geometry.frames(clips.shape[1])
        level = functional.pad(level.to(self._placing.device), (0, (self._extra + 1) * self._geometry.hop))
        features = level.new_empty(len(level), frames, self._geometry.hidden)
        for start in range(0, frames, tile_frames):
            count = min(tile_frames, frames - start)
            features[:, start : start + count] = self._tile(self._windows(level, start, count), weight, bias)
        return features

    def _windows(self, level: Tensor, start: int, count: int) -> Tensor:
        """The windows of the first convolution for ``count`` frames from ``start`` and the extra frames."""
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
        # The rows of each clip without its extra frames, as a view.
        width = rows.shape[1]
        whole = rows.as_strided((clips, frames - self._extra, width), (frames * width, width, 1))
        return self._project(self._norm(whole.float()).to(self._placing.dtype)).float()


def extra_frames(geometry: Geometry) -> int:
    """Frames that a tile needs beyond the requested ones, so that each of those has all its rows: 1 in MERT-v1."""
    after_first = geometry.hop // geometry.conv_stride[0]
    rows_of_a_frame = (geometry.field - geometry.conv_kernel[0]) // geometry.conv_stride[0] + 1
    return math.ceil(rows_of_a_frame / after_first) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStage:
    """The weights of the first convolution and of its norm."""

    weight: Tensor
    """``[channel, tap]``, float64."""
    gain: Tensor
    """``[channel]``, float64."""
    shift: Tensor
    """``[channel]``, float64."""
    stride: int


def _first_stage(weights: Weights, geometry: Geometry, placing: DevicePlacement) -> FirstStage:
    return FirstStage(
        weight=placing.statistic(weights[f"{_CONV}.0.conv.weight"].squeeze(1)),
        gain=placing.statistic(weights[f"{_CONV}.0.layer_norm.weight"]),
        shift=placing.statistic(weights[f"{_CONV}.0.layer_norm.bias"]),
        stride=geometry.conv_stride[0],
    )


def standardise(clips: Tensor, lengths: Sequence[int]) -> Tensor:
    """Bring each clip to zero mean and unit variance over its own length; zeros after it.

    ``[clip, sample]`` -> the same, float32; computed in float64 without an epsilon, so that the level of a clip changes
    nothing.
    """
    level = torch.zeros_like(clips, dtype=torch.float32)
    for row, length in enumerate(lengths):
        clip = clips[row, :length].double()
        clip -= clip.mean()
        level[row, :length] = clip / clip.square().mean().sqrt()
    return level


def fold(stage: FirstStage, clips: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Weights ``[clip, tap, channel]`` and bias ``[clip, 1, channel]``, float32, of convolution and norm together.

    ``clips`` are standardised; the statistics are over all windows within the length of a clip.
    """
    folded = [_fold_one(stage, clip[:length]) for clip, length in zip(clips, lengths, strict=True)]
    weights, biases = zip(*folded, strict=True)
    return torch.stack(weights).float(), torch.stack(biases).float()


def _fold_one(stage: FirstStage, clip: Tensor) -> tuple[Tensor, Tensor]:
    windows = clip.double().unfold(0, stage.weight.shape[1], stage.stride)
    mean = windows.mean(0)
    covariance = windows.T @ windows / len(windows) - torch.outer(mean, mean)
    # The output of a channel is w . x, so its variance over the clip is w C w^T, with C the covariance of the windows.
    variance = ((stage.weight @ covariance) * stage.weight).sum(1).clamp_min(0)
    scale = stage.gain / (variance + GROUP_NORM_EPS).sqrt()
    # gain (w . x - w . mean) / sd + shift = weight . x + (shift - weight . mean)
    weight = stage.weight * scale[:, None]
    return weight.T, (stage.shift - weight @ mean)[None]
