"""MERT on several devices, one process each: the vectors of one process, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.base import EncoderSettings, in_use
from indexer.encoders.mert.encoder import MertEncoder, MertOptions
from indexer.encoders.processes.multi_device import MultiDeviceEncoder
from indexer.encoders.registry import load_encoder
from recommender.errors import BadInput, InvalidArgument, WeightsRefused
from tests.contracts.encoder import EncoderContract
from tests.indexer.encoders.mert import tiny
from tests.indexer.encoders.processes.recipes import recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("mert"), tiny.POST_NORM)


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Iterator[MultiDeviceEncoder]:
    """A tiny MERT as ``--device cpu,cpu`` has it."""
    with in_use(MultiDeviceEncoder([recipe("tiny_mert", weights=str(folder))] * 2)) as spread:
        yield spread


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many threads here as in the processes: sums in another order round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class TestMertInTwoProcessesKeepsTheContract(EncoderContract):
    pass


@pytest.mark.usefixtures("one_thread")
def test_two_processes_give_what_one_gives_to_the_bit(folder: Path, encoder: MultiDeviceEncoder) -> None:
    alone = MertEncoder(tiny.spec_of(tiny.POST_NORM), folder, MertOptions(device="cpu"))
    clips = [tiny.sound(9_000 + 7_001 * seed, seed=seed) for seed in range(7)]
    np.testing.assert_array_equal(encoder.encode(clips), alone.encode(clips))
    assert encoder.space.key == alone.space.key
    assert encoder.licence == alone.licence
    assert (encoder.rows, encoder.batch) == (2 * alone.rows, 2 * alone.batch)


def test_a_clip_that_cannot_be_heard_is_refused_with_its_reason(encoder: MultiDeviceEncoder) -> None:
    with pytest.raises(BadInput) as refused:
        encoder.encode([tiny.sound(9_000), tiny.sound(9_000), np.zeros(9_000, dtype=np.float32)])
    assert refused.value.reason == "silent"


def test_devices_whose_vectors_would_be_of_two_spaces_are_refused(folder: Path) -> None:
    single = recipe("tiny_mert", weights=str(folder), precision="fp32")
    half = recipe("tiny_mert", weights=str(folder), precision="fp16", device="cuda:0")
    with pytest.raises(InvalidArgument, match="cpu and cuda:0 make vectors of two spaces"):
        MultiDeviceEncoder([single, half])


def test_several_devices_are_asked_for_by_name_and_what_they_refuse_is_said_here(folder: Path) -> None:
    with pytest.raises(WeightsRefused, match="is not of mert-v1-95m: hidden_size is 48, not 768"):
        load_encoder("mert-v1-95m", EncoderSettings(weights=folder, device="cpu,cpu"))
