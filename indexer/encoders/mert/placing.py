"""Where a network lives and in which precision it multiplies."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import torch
from torch import Tensor

from recommender.errors import InvalidArgument


class Precision(enum.StrEnum):
    """What matrix products are computed in. Norms, sums over layers and means are float32 in both."""

    FP32 = "fp32"
    FP16 = "fp16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """A device and a precision."""

    device: torch.device
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """Of the factors of matrix products."""
        return torch.float16 if self.precision is Precision.FP16 else torch.float32

    @property
    def statistics(self) -> torch.device:
        """Where float64 is computed: on the device, unless it has none (Apple's)."""
        return torch.device("cpu") if self.device.type == "mps" else self.device

    def matrix(self, tensor: Tensor) -> Tensor:
        """A factor of a matrix product."""
        return tensor.to(self.device, self.dtype)

    def exact(self, tensor: Tensor) -> Tensor:
        """A number that is never rounded to half precision."""
        return tensor.to(self.device, torch.float32)

    def statistic(self, tensor: Tensor) -> Tensor:
        """A number that takes part in float64."""
        return tensor.to(self.statistics, torch.float64)


def choose_device(name: str) -> torch.device:
    """The device called ``name``: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, or ``auto``, the fastest that is there.

    Raises:
        InvalidArgument: this torch has no such device.
    """
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if _is_there(kind)))
    if not _is_there(name):
        raise InvalidArgument("device", f"{name!r} is not there; this torch has {', '.join(_devices())}, or say auto")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision called ``name``; ``auto`` is fp16 on CUDA and fp32 elsewhere. Raises InvalidArgument."""
    if name == "auto":
        return Precision.FP16 if device.type == "cuda" else Precision.FP32
    if name not in tuple(Precision):
        raise InvalidArgument("precision", f"{name!r} is not one of auto, {', '.join(Precision)}")
    return Precision(name)


def _is_there(name: str) -> bool:
    return name in _devices() or (name == "cuda" and torch.cuda.is_available())


def _devices() -> tuple[str, ...]:
    cuda = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    return ("cpu", *(("mps",) if torch.backends.mps.is_available() else ()), *cuda)
