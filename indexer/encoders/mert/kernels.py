"""Matrix products and attention, which take nearly all the time, in two ways: torch's own and oneDNN's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

_NO_ACTIVATION: tuple[str, list[float], str] = ("none", [], "")
_GELU: tuple[str, list[float], str] = ("gelu", [], "none")
"""What oneDNN applies after a product: name, numbers and variant ("none" is the exact GELU, by erf)."""

_ROWS = 256
"""Queries in a block: their scores with 2249 keys are 2.3 MB and stay in the cache."""


Affine: TypeAlias = Callable[[Tensor], Tensor]
"""``x @ weight.T + bias``, followed by GELU (exact, by erf) where requested; ``[..., in]`` -> ``[..., out]``."""


class Kernels(Protocol):
    """One way to compute; all ways give the same numbers up to rounding."""

    def affine(self, weight: Tensor, bias: Tensor | None, *, gelu: bool = False) -> Affine:
        """A product with ``weight`` ``[out, in]``, which may be stored in a faster layout."""

    def strided(self, weight: Tensor, stride: int) -> Affine:
        """A convolution over rows, followed by GELU: ``weight`` ``[out, in, tap]``, over windows of :func:`taps`."""

    def attend(self, qkv: Tensor, lengths: Sequence[int]) -> Tensor:
        """Attention of ``qkv`` ``[clip, frame, 3, head, width]``, queries are scaled already -> ``[clip, frame, dim]``.

        Only the first ``lengths[i]`` frames of clip ``i`` are keys. The result of the frames after them has no meaning.
        """


def choose_kernels(device: torch.device, dtype: torch.dtype) -> Kernels:
    """oneDNN for float32 on a CPU, where this torch has it; else torch's own.

    On a CPU with AVX-512 that is not Intel's, oneDNN multiplied matrices 2.2 times as fast as the library that
    ``torch.nn.functional.linear`` uses (230 against 102 GFLOP/s on one core of an EPYC), in the same precision.
    """
    on_cpu = device.type == "cpu" and dtype is torch.float32
    return OneDnn() if on_cpu and OneDnn.is_available() else Portable()


def taps(rows: Tensor, kernel: int, stride: int) -> Tensor:
    """Windows over ``rows`` ``[row, channel]`` without a copy -> ``[window, kernel * channel]``, ``stride`` apart."""
    channels = rows.shape[1]
    windows = (rows.shape[0] - kernel) // stride + 1
    return rows.as_strided((windows, kernel * channels), (stride * channels, 1))


def flat_taps(weight: Tensor) -> Tensor:
    """``[out, in, tap]`` -> ``[out, tap * in]``: the order of the numbers in a window of :func:`taps`."""
    return weight.permute(0, 2, 1).flatten(1).contiguous()


@dataclass(frozen=True, slots=True)
class Portable:
    """torch's own, on any device and in any precision."""

    def affine(self, weight: Tensor, bias: Tensor | None, *, gelu: bool = False) -> Affine:
        """See :class:`Kernels`."""

        def apply(x: Tensor) -> Tensor:
            y = functional.linear(x, weight, bias)
            return functional.gelu(y) if gelu else y

        return apply

    def strided(self, weight: Tensor, stride: int) -> Affine:
        """A sum of plain products: torch's product takes no overlapping windows, so each one takes ``stride`` taps."""
        kernel = weight.shape[2]
        parts = [weight[:, :, first : first + stride] for first in range(0, kernel, stride)]
        factors = [(part.shape[2], flat_taps(part).T) for part in parts]

        def apply(rows: Tensor) -> Tensor:
            y = rows.new_zeros((rows.shape[0] - kernel) // stride + 1, weight.shape[0])
            for number, (width, factor) in enumerate(factors):
                y = torch.addmm(y, taps(rows[number * stride :], width, stride)[: len(y)], factor)
            return functional.gelu(y)

        return apply

    def attend(self, qkv: Tensor, lengths: Sequence[int]) -> Tensor:
        """torch's fused attention (flash, where the device has it)."""
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=_keys(qkv, lengths), scale=1.0)
        return mixed.transpose(1, 2).flatten(2)


def _keys(qkv: Tensor, lengths: Sequence[int]) -> Tensor | None:
    """``[clip, 1, 1, frame]``, True where a frame is a key; None when all are."""
    frames = qkv.shape[1]
    if all(length == frames for length in lengths):
        return None
    counts = torch.tensor(lengths, device=qkv.device)
    return (torch.arange(frames, device=qkv.device) < counts[:, None])[:, None, None, :]


@dataclass(frozen=True, slots=True)
class OneDnn:
    """oneDNN's matrix product, whose weights are reordered once, for float32 on a CPU."""

    @staticmethod
    def is_available() -> bool:
        """Whether this torch has it. The operator is the one that torch's own compiler uses for a linear layer."""
        return torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")

    def affine(self, weight: Tensor, bias: Tensor | None, *, gelu: bool = False) -> Affine:
        """See :class:`Kernels`."""
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
        return lambda x: _product(x, packed, bias, gelu=gelu)

    def strided(self, weight: Tensor, stride: int) -> Affine:
        """One product over windows that overlap in memory, which oneDNN accepts."""
        product = self.affine(flat_taps(weight), None, gelu=True)
        kernel = weight.shape[2]
        return lambda rows: product(taps(rows, kernel, stride))

    def attend(self, qkv: Tensor, lengths: Sequence[int]) -> Tensor:
        """Clip by clip, head by head, a block of queries at a time: each uses exactly the frames of its clip."""
        clips, frames, _, heads, width = qkv.shape
        mixed = qkv.new_zeros(clips, frames, heads * width)
        for clip, length in enumerate(lengths):
            for head in range(heads):
                q, k, v = qkv[clip, :length, :, head].unbind(1)
                _attend_head(q, k, v, out=mixed[clip, :length, head * width : (head + 1) * width])
        return mixed


def _attend_head(q: Tensor, k: Tensor, v: Tensor, *, out: Tensor) -> None:
    """``softmax(q k^T) v`` into ``out``; ``[frame, width]`` each."""
    keys, values = k.contiguous(), v.T.contiguous()
    for first in range(0, len(q), _ROWS):
        weights = torch.softmax(_product(q[first : first + _ROWS], keys), dim=-1)
        out[first : first + _ROWS] = _product(weights, values)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> Tensor:
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, *(_GELU if gelu else _NO_ACTIVATION))
    return y
