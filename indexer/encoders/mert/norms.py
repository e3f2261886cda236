"""Layer normalisation with the weights of a checkpoint."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from indexer.encoders.mert.placing import Placing
from indexer.encoders.mert.weights import Weights


class Norm:
    """Layer normalisation over the last axis, in float32."""

    def __init__(self, weights: Weights, name: str, placing: Placing, eps: float) -> None:
        self._weight, self._bias = (placing.exact(weights[f"{name}.{which}"]) for which in ("weight", "bias"))
        self._eps = eps

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., dim]`` -> the same."""
        return functional.layer_norm(x, self._weight.shape, self._weight, self._bias, self._eps)
