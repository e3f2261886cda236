"""One transformer layer: attention and a two-layer perceptron, each added to what it read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from indexer.encoders.mert.config import POS_BIAS, POS_DIRECTION, POS_GAIN, Geometry
from indexer.encoders.mert.device import DevicePlacement
from indexer.encoders.mert.kernels import Affine, Kernels
from indexer.encoders.mert.weights import Weights


class Norm:
    """Layer normalisation over the last axis, in float32."""

    def __init__(self, weights: Weights, name: str, placing: DevicePlacement, eps: float) -> None:
        self._weight, self._bias = (placing.exact(weights[f"{name}.{which}"]) for which in ("weight", "bias"))
        self._eps = eps

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., dim]`` -> the same."""
        return functional.layer_norm(x, self._weight.shape, self._weight, self._bias, self._eps)


_BLOCK = 512
"""Frames a transform; of 512, 385 come out right. About 30 times fewer operations than the convolution as written."""
_SINGLE = 4
"""Bytes of a float32; a complex number is two."""


class Positions:
    """``gelu(convolution(x) + bias)``: what is added to the frames before the first layer. Always in float32."""

    def __init__(self, weights: Weights, geometry: Geometry, placing: DevicePlacement) -> None:
        self._kernel, self._groups = geometry.pos_kernel, geometry.pos_groups
        self._block = _block(geometry)
        self._spectra = _spectra(_kernel_of(weights), self._groups, self._block).to(placing.device)
        self._bias = placing.exact(weights[POS_BIAS])

    def __call__(self, x: Tensor) -> Tensor:
        """``[clip, frame, hidden]`` -> the same. Frames before the first and after the last count as zero."""
        clips, frames, _ = x.shape
        blocks = self._blocks(x)
        heard = torch.fft.rfft(blocks).unflatten(1, (self._groups, -1))
        by_bin = heard.permute(1, 4, 0, 3, 2).flatten(2, 3)
        spoken = (by_bin @ self._spectra).unflatten(2, (clips, -1)).permute(2, 0, 4, 3, 1).flatten(1, 2)
        y = torch.fft.irfft(spoken, n=self._block)[..., : self._step].flatten(2)[..., :frames]
        return functional.gelu(y.transpose(1, 2) + self._bias)

    @property
    def _step(self) -> int:
        return self._block - self._kernel + 1

    def _blocks(self, x: Tensor) -> Tensor:
        """``[clip, hidden, block, frame of block]``: overlapping, the last filled up with zeros."""
        frames = x.shape[1]
        count = -(-frames // self._step)
        before = self._kernel // 2
        after = (count - 1) * self._step + self._block - before - frames
        return functional.pad(x.transpose(1, 2), (before, after)).unfold(2, self._block, self._step)


def transform_bytes(geometry: Geometry, frames: int) -> int:
    """The most that the transforms of one clip of ``frames`` take at once: spectra before and after the product, and
    each laid out anew."""
    block = _block(geometry)
    blocks = -(-frames // (block - geometry.pos_kernel + 1))
    return 4 * geometry.hidden * blocks * (block // 2 + 1) * 2 * _SINGLE


def _block(geometry: Geometry) -> int:
    return max(_BLOCK, 4 * geometry.pos_kernel)


def _kernel_of(weights: Weights) -> Tensor:
    """Weight normalisation undone: each tap's direction (over all channels) at its length, ``[out, in, tap]``."""
    direction = weights[POS_DIRECTION]
    lengths: Tensor = torch.linalg.vector_norm(direction, dim=(0, 1), keepdim=True)
    return direction * (weights[POS_GAIN] / lengths)


def _spectra(kernel: Tensor, groups: int, block: int) -> Tensor:
    """``[group, bin, in, out]``, conjugated: the network correlates, it does not convolve."""
    by_group: Tensor = torch.fft.rfft(kernel, n=block).conj().unflatten(0, (groups, -1))
    return by_group.permute(0, 3, 2, 1).contiguous()


class TransformerLayer:
    """A layer of number ``index``; it normalises before (330M) or after (95M) each of its two halves."""

    def __init__(
        self, index: int, weights: Weights, geometry: Geometry, placing: DevicePlacement, kernels: Kernels
    ) -> None:
        name = f"encoder.layers.{index}"
        self._pre_norm, self._heads = geometry.pre_norm, geometry.heads
        self._dtype = placing.dtype
        self._attend = kernels.attend
        self._norms = [
            Norm(weights, f"{name}.{n}", placing, geometry.norm_eps) for n in ("layer_norm", "final_layer_norm")
        ]
        self._qkv = _affine(kernels, placing, _fused_qkv(weights, f"{name}.attention", geometry))
        self._out = _affine(kernels, placing, _pair(weights, f"{name}.attention.out_proj"))
        wide, narrow = (f"{name}.feed_forward.{which}_dense" for which in ("intermediate", "output"))
        self._widen = _affine(kernels, placing, _pair(weights, wide), gelu=True)
        self._narrow = _affine(kernels, placing, _pair(weights, narrow))

    def __call__(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        """``[clip, frame, hidden]`` float32 -> the same; frames behind a clip's length influence none before it."""
        first, second = self._norms
        if self._pre_norm:
            x = x + self._attention(first(x), lengths)
            return x + self._perceptron(second(x))
        x = first(x + self._attention(x, lengths))
        return second(x + self._perceptron(x))

    def _attention(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        qkv = self._qkv(x.to(self._dtype))
        qkv = qkv.view(*x.shape[:2], 3, self._heads, -1)
        return self._out(self._attend(qkv, lengths))

    def _perceptron(self, x: Tensor) -> Tensor:
        return self._narrow(self._widen(x.to(self._dtype)))


def _affine(kernels: Kernels, placing: DevicePlacement, pair: tuple[Tensor, Tensor], *, gelu: bool = False) -> Affine:
    weight, bias = pair
    return kernels.affine(placing.matrix(weight), placing.matrix(bias), gelu=gelu)


def _pair(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _fused_qkv(weights: Weights, name: str, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Queries, keys and values in one product; the scale of the scores, ``1 / sqrt(width)``, is in the queries."""
    scale = (geometry.hidden // geometry.heads) ** -0.5
    pairs = {which: _pair(weights, f"{name}.{which}_proj") for which in ("q", "k", "v")}
    pairs["q"] = (pairs["q"][0] * scale, pairs["q"][1] * scale)
    parts = zip(*pairs.values(), strict=True)
    weight, bias = (torch.cat(part) for part in parts)
    return weight, bias
