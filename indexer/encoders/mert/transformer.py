"""One transformer layer: attention and a two-layer perceptron, each added to what it read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.kernels import Affine, Kernels
from indexer.encoders.mert.norms import Norm
from indexer.encoders.mert.placing import Placing
from indexer.encoders.mert.weights import Weights


class TransformerLayer:
    """A layer of number ``index``; it normalises before (330M) or after (95M) each of its two halves."""

    def __init__(self, index: int, weights: Weights, geometry: Geometry, placing: Placing, kernels: Kernels) -> None:
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


def _affine(kernels: Kernels, placing: Placing, pair: tuple[Tensor, Tensor], *, gelu: bool = False) -> Affine:
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
