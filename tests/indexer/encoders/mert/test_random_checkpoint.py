"""Random checkpoints: laid out as published, the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert.config import read_geometry
from indexer.encoders.mert.random_checkpoint import random_tensors, splitmix, tiny_geometry, uniform, write_checkpoint
from indexer.encoders.mert.weights import open_weights


def test_the_numbers_are_splitmix64_of_a_counter() -> None:
    start = 0x0123456789ABCDEF
    wanted = []
    for step in range(1, 4):
        z = (start + step * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        wanted.append(((z ^ (z >> 31)) >> 40) * 2.0**-23 - 1)
    np.testing.assert_array_equal(splitmix(np.uint64(start), 3), np.asarray(wanted, dtype=np.float32))


def test_names_and_seeds_draw_apart_and_evenly() -> None:
    drawn = uniform("a", 200_000, 0)
    assert not np.array_equal(drawn[:9], uniform("b", 9, 0))
    assert not np.array_equal(drawn[:9], uniform("a", 9, 1))
    np.testing.assert_array_equal(drawn[:9], uniform("a", 9, 0))
    assert abs(float(drawn.mean())) < 0.005
    assert abs(float(drawn.std()) - 3**-0.5) < 0.005


@pytest.mark.parametrize("pre_norm", [False, True])
def test_a_written_checkpoint_opens_and_says_its_geometry(tmp_path: Path, pre_norm: bool) -> None:
    geometry = tiny_geometry(pre_norm=pre_norm)
    path = write_checkpoint(tmp_path, geometry, seed=3)
    assert read_geometry(tmp_path / "config.json") == geometry
    weights = open_weights(path, geometry)
    assert all(torch.equal(weights[name], tensor) for name, tensor in random_tensors(geometry, 3).items())
    assert json.loads((tmp_path / "preprocessor_config.json").read_text(encoding="utf-8"))["sampling_rate"] == 24_000


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    geometry = tiny_geometry(pre_norm=True)
    paths = [write_checkpoint(tmp_path / name, geometry, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    digests = [open_weights(path, geometry).sha256 for path in paths]
    assert digests[0] == digests[1] != digests[2]


def test_either_form_can_be_written(tmp_path: Path) -> None:
    for published_form in (False, True):
        write_checkpoint(tmp_path, tiny_geometry(pre_norm=True), published_form=published_form)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "pytorch_model.bin",
    ]
