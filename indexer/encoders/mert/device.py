"""The device of a network and the precision of its matrix products; choosing both by name."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import torch
from torch import Tensor

from recommender.errors import InvalidArgument


class Precision(enum.StrEnum):
    """The precision of matrix products. Norms, residual sums and means over time are float32 in both."""

    FP32 = "fp32"
    FP16 = "fp16"


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlacement:
    """A device and a precision, and tensors converted for them."""

    device: torch.device
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """Type of the factors of matrix products."""
        return torch.float16 if self.precision is Precision.FP16 else torch.float32

    @property
    def statistics(self) -> torch.device:
        """The device for float64: this one, or the CPU where it has no float64 (Apple's)."""
        return torch.device("cpu") if self.device.type == "mps" else self.device

    def matrix(self, tensor: Tensor) -> Tensor:
        """``tensor`` as a factor of a matrix product."""
        return tensor.to(self.device, self.dtype)

    def exact(self, tensor: Tensor) -> Tensor:
        """``tensor`` in float32, never rounded to half precision."""
        return tensor.to(self.device, torch.float32)

    def statistic(self, tensor: Tensor) -> Tensor:
        """``tensor`` in float64, for statistics."""
        return tensor.to(self.statistics, torch.float64)


def choose_devices(names: str) -> tuple[torch.device, ...]:
    """The devices that ``names`` lists, in its order, at least one.

    ``auto`` is every CUDA device, else Apple's, else the CPU; ``cuda`` every CUDA device; else one device, or several
    with commas between: ``cuda:1``, ``cuda:0,cuda:2``, ``mps``, ``cpu``. Only the CPU can be named twice (``cpu,cpu``).

    Raises:
        InvalidArgument: this torch has no such device, or a GPU is named twice.
    """
    available = _devices()
    if names == "auto":
        names = next(kind for kind in ("cuda", "mps", "cpu") if any(name.startswith(kind) for name in available))
    listed = [name for name in available if name.startswith("cuda:")] if names == "cuda" else names.split(",")
    chosen = [name.strip() for name in listed] or [names]
    for name in chosen:
        if name not in available:
            raise InvalidArgument(
                "device", f"{name!r} is not there; this torch has {', '.join(available)}, or say auto"
            )
        if name != "cpu" and chosen.count(name) > 1:
            raise InvalidArgument("device", f"{name} is named twice; one process fills it, name each once")
    return tuple(torch.device(name) for name in chosen)


def select_device(names: str) -> torch.device:
    """The first of :func:`choose_devices`, made the current device, so that nothing is allocated on another GPU."""
    device = choose_devices(names)[0]
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision called ``name``; ``auto`` is fp16 on CUDA and fp32 elsewhere. Raises InvalidArgument."""
    if name == "auto":
        return Precision.FP16 if device.type == "cuda" else Precision.FP32
    if name not in tuple(Precision):
        raise InvalidArgument("precision", f"{name!r} is not one of auto, {', '.join(Precision)}")
    return Precision(name)


def _devices() -> tuple[str, ...]:
    cuda = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    return ("cpu", *(("mps",) if torch.backends.mps.is_available() else ()), *cuda)
