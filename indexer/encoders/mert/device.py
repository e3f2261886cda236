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
class DevicePlacement:
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


def choose_devices(names: str) -> tuple[torch.device, ...]:
    """The devices that ``names`` asks for, in its order, at least one.

    ``auto`` is every CUDA device, else Apple's, else the CPU; ``cuda`` every CUDA device; else one device or several
    with commas between: ``cuda:1``, ``cuda:0,cuda:2``, ``mps``, ``cpu``. Only the CPU can be there twice (``cpu,cpu``).

    Raises:
        InvalidArgument: this torch has no such device, or a GPU is named twice.
    """
    there = _devices()
    if names == "auto":
        names = next(kind for kind in ("cuda", "mps", "cpu") if any(name.startswith(kind) for name in there))
    listed = [name for name in there if name.startswith("cuda:")] if names == "cuda" else names.split(",")
    wanted = [name.strip() for name in listed] or [names]
    for name in wanted:
        if name not in there:
            raise InvalidArgument("device", f"{name!r} is not there; this torch has {', '.join(there)}, or say auto")
        if name != "cpu" and wanted.count(name) > 1:
            raise InvalidArgument("device", f"{name} is named twice; one process fills it, name each once")
    return tuple(torch.device(name) for name in wanted)


def choose_device(names: str) -> torch.device:
    """The first of :func:`choose_devices`, for what computes on one."""
    return choose_devices(names)[0]


def settle(names: str) -> torch.device:
    """:func:`choose_device`, made the one that this process uses, so that nothing of it lands on another GPU."""
    device = choose_device(names)
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
