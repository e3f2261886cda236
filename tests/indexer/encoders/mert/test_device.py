"""Which devices and which precision are meant."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert import device
from indexer.encoders.mert.device import Precision, choose_devices, choose_precision
from recommender.errors import InvalidArgument


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """This test has a machine with three CUDA devices, as far as their names go."""
    monkeypatch.setattr(device, "_devices", lambda: ("cpu", "cuda:0", "cuda:1", "cuda:2"))


def names(asked: str) -> list[str]:
    return [str(device) for device in choose_devices(asked)]


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("auto", ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda", ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda:1", ["cuda:1"]),
        ("cuda:2, cuda:0", ["cuda:2", "cuda:0"]),
        ("cpu", ["cpu"]),
        ("cpu,cpu", ["cpu", "cpu"]),
    ],
)
def test_devices_are_all_that_there_are_or_those_that_are_named(asked: str, found: list[str]) -> None:
    assert names(asked) == found


def test_apples_device_comes_before_the_cpu_and_the_cpu_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_devices", lambda: ("cpu", "mps"))
    assert names("auto") == ["mps"]
    monkeypatch.setattr(device, "_devices", lambda: ("cpu",))
    assert names("auto") == ["cpu"]


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize("asked", ["tpu", "cuda:99", "", ",", "cpu,", "cuda,cpu", "cuda:0,cuda:0"])
def test_a_device_that_is_not_there_or_is_there_once_only_is_refused(asked: str) -> None:
    with pytest.raises(InvalidArgument, match="device"):
        choose_devices(asked)


def test_without_a_gpu_to_say_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_devices", lambda: ("cpu",))
    with pytest.raises(InvalidArgument, match="this torch has cpu"):
        choose_devices("cuda")


def test_half_precision_is_the_default_on_cuda_only() -> None:
    assert choose_precision("auto", torch.device("cuda")) is Precision.FP16
    assert choose_precision("auto", torch.device("mps")) is Precision.FP32
    assert choose_precision("auto", torch.device("cpu")) is Precision.FP32
    assert choose_precision("fp16", torch.device("cpu")) is Precision.FP16


def test_a_precision_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="bf16"):
        choose_precision("bf16", torch.device("cpu"))
