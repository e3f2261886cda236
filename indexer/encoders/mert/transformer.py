"""The transformer of MERT: the positional convolution before it, and its layers of attention and feed-forward."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from indexer.encoders.mert.config import POS_BIAS, POS_DIRECTION, POS_GAIN, Geometry
from indexer.encoders.mert.device import DevicePlacement
from indexer.encoders.mert.kernels import Affine, Kernels
from indexer.encoders.mert.weights import Weights

_BLOCK = 512
"""Frames in one Fourier transform; 385 of 512 results are valid. About 30 times fewer operations than the plain
convolution with its 128 taps."""
_FLOAT32_BYTES = 4


class Norm:
    """Layer normalisation over the last axis, in float32."""

    def __init__(self, weights: Weights, name: str, placing: DevicePlacement, eps: float) -> None:
        self._weight, self._bias = (placing.exact(weights[f"{name}.{which}"]) for which in ("weight", "bias"))
        self._eps = eps

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., dim]`` -> the same."""
        return functional.layer_norm(x, self._weight.shape, self._weight, self._bias, self._eps)


class Positions:
    """The positional embedding ``gelu(convolution(x) + bias)``, added to the frames before the first layer; float32.

    The convolution is computed by Fourier transforms of overlapping blocks (overlap-save: Oppenheim and Schafer,
    "Discrete-time signal processing", 1989): the first ``block - kernel + 1`` results of each block are valid.
    """

    def __init__(self, weights: Weights, geometry: Geometry, placing: DevicePlacement) -> None:
        self._kernel, self._groups = geometry.pos_kernel, geometry.pos_groups
        self._block = _block(geometry)
        self._spectra = _spectra(_kernel_of(weights), self._groups, self._block).to(placing.device)
        self._bias = placing.exact(weights[POS_BIAS])

    def __call__(self, x: Tensor) -> Tensor:
        """``[clip, frame, hidden]`` -> the same. Frames before the first and after the last are zero."""
        clips, frames, _ = x.shape
        blocks = self._blocks(x)
        spectra = torch.fft.rfft(blocks).unflatten(1, (self._groups, -1))
        # At each frequency a convolution of many channels is one small matrix product: [group, bin, clip * block, in].
        by_bin = spectra.permute(1, 4, 0, 3, 2).flatten(2, 3)
        products = (by_bin @ self._spectra).unflatten(2, (clips, -1)).permute(2, 0, 4, 3, 1).flatten(1, 2)
        y = torch.fft.irfft(products, n=self._block)[..., : self._step].flatten(2)[..., :frames]
        return functional.gelu(y.transpose(1, 2) + self._bias)

    @property
    def _step(self) -> int:
        return self._block - self._kernel + 1

    def _blocks(self, x: Tensor) -> Tensor:
        """``[clip, hidden, block, frame of block]``: overlapping, zeros after the end."""
        frames = x.shape[1]
        count = -(-frames // self._step)
        before = self._kernel // 2
        after = (count - 1) * self._step + self._block - before - frames
        return functional.pad(x.transpose(1, 2), (before, after)).unfold(2, self._block, self._step)


def transform_bytes(geometry: Geometry, frames: int) -> int:
    """Most bytes that the transforms of a clip of ``frames`` take: spectra before and after the product, each twice.

    Twice, because each is also stored in the order that the product needs.
    """
    block = _block(geometry)
    blocks = -(-frames // (block - geometry.pos_kernel + 1))
    return 4 * geometry.hidden * blocks * (block // 2 + 1) * 2 * _FLOAT32_BYTES


def _block(geometry: Geometry) -> int:
    return max(_BLOCK, 4 * geometry.pos_kernel)


def _kernel_of(weights: Weights) -> Tensor:
    """The kernel ``[out, in, tap]``: the direction of each tap, scaled to its length.

    Salimans and Kingma, "Weight normalization", 2016.
    """
    direction = weights[POS_DIRECTION]
    lengths: Tensor = torch.linalg.vector_norm(direction, dim=(0, 1), keepdim=True)
    return direction * (weights[POS_GAIN] / lengths)


def _spectra(kernel: Tensor, groups: int, block: int) -> Tensor:
    """Spectra of the kernel ``[group, bin, in, out]``, conjugated: torch's convolution is a correlation."""
    by_group: Tensor = torch.fft.rfft(kernel, n=block).conj().unflatten(0, (groups, -1))
    return by_group.permute(0, 3, 2, 1).contiguous()


class TransformerLayer:
    """Layer ``index``: attention and feed-forward, with the norm before (330M) or after (95M) each of the two.

    Vaswani and others, "Attention is all you need", 2017; the norm before: Xiong and others, "On layer normalization in
    the transformer architecture", 2020.
    """

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
        """``[clip, frame, hidden]`` float32 -> the same; frames after a clip's length influence none before it."""
        first, second = self._norms
        if self._pre_norm:
            x = x + self._attention(first(x), lengths)
            return x + self._feed_forward(second(x))
        x = first(x + self._attention(x, lengths))
        return second(x + self._feed_forward(x))

    def _attention(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        qkv = self._qkv(x.to(self._dtype))
        qkv = qkv.view(*x.shape[:2], 3, self._heads, -1)
        return self._out(self._attend(qkv, lengths))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self._narrow(self._widen(x.to(self._dtype)))


def _affine(kernels: Kernels, placing: DevicePlacement, pair: tuple[Tensor, Tensor], *, gelu: bool = False) -> Affine:
    weight, bias = pair
    return kernels.affine(placing.matrix(weight), placing.matrix(bias), gelu=gelu)


def _pair(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _fused_qkv(weights: Weights, name: str, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Queries, keys and values as one product; the scale of the scores, ``1 / sqrt(width)``, is in the queries."""
    scale = (geometry.hidden // geometry.heads) ** -0.5
    pairs = {which: _pair(weights, f"{name}.{which}_proj") for which in ("q", "k", "v")}
    pairs["q"] = (pairs["q"][0] * scale, pairs["q"][1] * scale)
    parts = zip(*pairs.values(), strict=True)
    weight, bias = (torch.cat(part) for part in parts)
    return weight, bias
