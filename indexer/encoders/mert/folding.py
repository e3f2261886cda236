"""What makes MERT depend on a clip's level and length, taken out of the network and into numbers known beforehand.

The first convolution is followed by a group norm with one group a channel: each channel is brought to zero mean and
unit variance over the whole clip. Both statistics follow from the mean and the covariance of the ten samples a window
holds, ``mean = w . m`` and ``variance = w . C . w``, so the norm becomes a scale and a shift of the convolution's
weights, per clip. After that nothing in the convolutions looks beyond its window: a clip may be cut in tiles, and
clips of different length may share a batch, without changing a number beyond rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

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
