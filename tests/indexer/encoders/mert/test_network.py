"""What must change nothing: neighbours in the batch, the size of a tile, the level; and what half precision costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.device import DevicePlacement, Precision
from indexer.encoders.mert.kernels import Kernels, OneDnn, Portable
from indexer.encoders.mert.network import Network
from indexer.encoders.mert.weights import open_weights
from tests.indexer.encoders.mert import tiny

KERNELS = [
    Portable(),
    pytest.param(OneDnn(), marks=pytest.mark.skipif(not OneDnn.is_available(), reason="this torch has no oneDNN")),
]
GEOMETRIES = [pytest.param(tiny.POST_NORM, id="post-norm"), pytest.param(tiny.PRE_NORM, id="pre-norm")]


@pytest.mark.parametrize("kernels", KERNELS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_clips_of_any_length_get_together_what_they_get_alone(
    tmp_path: Path, geometry: Geometry, kernels: Kernels
) -> None:
    net = tiny.network(tiny.checkpoint(tmp_path, geometry), geometry, kernels=kernels, tile_frames=40)
    sounds = [tiny.sound(samples, seed=samples) for samples in (47_000, 400, 24_000, 11_111, 47_000)]
    together = net.means(*tiny.batch(sounds))
    for row, each in enumerate(sounds):
        alone = net.means(*tiny.batch([each]))[0]
        assert max(map(tiny.difference, together[row], alone)) < 1e-5


def test_zero_padding_without_lengths_would_be_noticed(tmp_path: Path) -> None:
    net = tiny.network(tiny.checkpoint(tmp_path, tiny.POST_NORM), tiny.POST_NORM)
    clips, lengths = tiny.batch([tiny.sound(24_000), tiny.sound(48_000)])
    right, wrong = net.means(clips, lengths)[0], net.means(clips, [48_000, 48_000])[0]
    assert tiny.difference(wrong, right) > 0.1


@pytest.mark.parametrize("tile_frames", [1, 7, 64, 1000])
def test_the_size_of_a_tile_changes_nothing(tmp_path: Path, tile_frames: int) -> None:
    folder = tiny.checkpoint(tmp_path, tiny.POST_NORM)
    clips, lengths = tiny.batch([tiny.sound(50_000), tiny.sound(31_000, seed=1)])
    wanted = tiny.network(folder, tiny.POST_NORM, tile_frames=155).means(clips, lengths)
    result = tiny.network(folder, tiny.POST_NORM, tile_frames=tile_frames).means(clips, lengths)
    assert tiny.difference(result, wanted) < 1e-6


@pytest.mark.parametrize("gain_db", [-40, -20, 30])
def test_level_and_offset_of_a_clip_change_nothing(tmp_path: Path, gain_db: int) -> None:
    net = tiny.network(tiny.checkpoint(tmp_path, tiny.POST_NORM), tiny.POST_NORM)
    clip = tiny.sound(36_000)
    other = np.asarray(clip.astype(np.float64) * 10 ** (gain_db / 20) + 1e-3, dtype=np.float32)
    assert tiny.difference(net.means(*tiny.batch([other])), net.means(*tiny.batch([clip]))) < 1e-5


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_half_precision_stays_within_a_thousandth_in_every_layer(tmp_path: Path, geometry: Geometry) -> None:
    folder = tiny.checkpoint(tmp_path, geometry)
    clips, lengths = tiny.batch([tiny.sound(48_000), tiny.sound(30_000, seed=1)])
    exact = tiny.network(folder, geometry).means(clips, lengths)
    half = tiny.network(folder, geometry, precision=Precision.FP16).means(clips, lengths)
    errors = [tiny.difference(half[row, layer], exact[row, layer]) for row in range(2) for layer in range(4)]
    assert max(errors) < 1e-3
    assert max(errors) > 1e-6, "half precision was not used"


@pytest.mark.parametrize("precision", Precision)
def test_everything_a_pass_touches_is_on_the_networks_device(tmp_path: Path, precision: Precision) -> None:
    weights = open_weights(tiny.checkpoint(tmp_path, tiny.PRE_NORM) / "model.safetensors", tiny.PRE_NORM)
    elsewhere = DevicePlacement(
        device=torch.device("meta"), precision=precision
    )  # torch refuses to mix it with the CPU
    net = Network(weights, tiny.PRE_NORM, placing=elsewhere)
    for lengths in ([24_000, 24_000], [24_000, 9_000]):
        means = net.means(torch.zeros(2, 24_000), lengths)
        assert (means.device.type, means.shape, means.dtype) == ("meta", (2, 4, 48), torch.float32)
