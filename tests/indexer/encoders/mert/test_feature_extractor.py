"""The first convolution and its norm in one, against the two of them as torch computes them."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert.feature_extractor import FirstStage, fold, standardise
from tests.indexer.encoders.mert import tiny


def first_stage() -> FirstStage:
    random = torch.Generator().manual_seed(0)
    weight, gain, shift = (torch.randn(size, generator=random, dtype=torch.float64) for size in ((6, 10), (6,), (6,)))
    return FirstStage(weight=weight, gain=gain, shift=shift, stride=5)


def test_folded_weights_do_what_convolution_and_group_norm_do() -> None:
    stage = first_stage()
    clips, lengths = tiny.batch([tiny.sound(2_003), tiny.sound(1_111, seed=1)])
    level = standardise(clips, lengths)
    weights, biases = fold(stage, level, lengths)
    norm = torch.nn.GroupNorm(6, 6, dtype=torch.float64)
    norm.load_state_dict({"weight": stage.gain, "bias": stage.shift})
    for row, length in enumerate(lengths):
        clip = level[row, :length]
        with torch.no_grad():
            wanted = norm(torch.nn.functional.conv1d(clip.double()[None, None], stage.weight[:, None], stride=5))[0].T
        result = clip.unfold(0, 10, 5) @ weights[row] + biases[row]
        assert tiny.difference(result, wanted) < 1e-6


def test_a_standardised_clip_has_mean_zero_variance_one_and_silence_behind_it() -> None:
    clips, lengths = tiny.batch([1e-4 * tiny.sound(5_000) + 0.5, tiny.sound(3_000)])
    level = standardise(clips, lengths).double()
    for row, length in enumerate(lengths):
        assert abs(float(level[row, :length].mean())) < 1e-6
        assert abs(float(level[row, :length].square().mean()) - 1) < 1e-6
        assert not level[row, length:].any()
