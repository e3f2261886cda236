"""Each kernel against the textbook form of what it computes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

functional = torch.nn.functional

from indexer.encoders.mert.config import POS_BIAS, POS_DIRECTION, POS_GAIN, Geometry
from indexer.encoders.mert.device import DevicePlacement, Precision
from indexer.encoders.mert.feature_extractor import extra_frames
from indexer.encoders.mert.kernels import Kernels, OneDnn, Portable, choose_kernels
from indexer.encoders.mert.models import MERT_V1_95M
from indexer.encoders.mert.random_checkpoint import uniform
from indexer.encoders.mert.transformer import Positions
from indexer.encoders.mert.weights import open_weights
from tests.indexer.encoders.mert import tiny

CPU = torch.device("cpu")


@pytest.fixture(params=[Portable, OneDnn])
def kernels(request: pytest.FixtureRequest) -> Kernels:
    if request.param is OneDnn and not OneDnn.is_available():
        pytest.skip("this torch has no oneDNN")
    made: Kernels = request.param()
    return made


def drawn(*shape: int) -> torch.Tensor:
    return torch.from_numpy(uniform(str(shape), torch.Size(shape).numel(), 3).reshape(shape))


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2), (5, 2), (4, 3), (3, 1)])
def test_a_strided_product_is_a_convolution_with_gelu(kernels: Kernels, kernel: int, stride: int) -> None:
    rows, weight = drawn(50, 8), drawn(16, 8, kernel)
    wanted = functional.gelu(functional.conv1d(rows.T[None].double(), weight.double(), stride=stride))[0].T
    result = kernels.strided(weight, stride)(rows)
    assert result.shape == wanted.shape
    assert tiny.difference(result, wanted) < 1e-6


def test_an_affine_map_multiplies_adds_and_bends(kernels: Kernels) -> None:
    x, weight, bias = drawn(2, 7, 12), drawn(5, 12), drawn(5)
    straight = x.double() @ weight.double().T + bias.double()
    assert tiny.difference(kernels.affine(weight, bias)(x), straight) < 1e-6
    assert tiny.difference(kernels.affine(weight, bias, gelu=True)(x), functional.gelu(straight)) < 1e-6


def test_attention_weighs_values_by_the_softmax_of_the_scores_of_the_clips_own_frames(kernels: Kernels) -> None:
    qkv, lengths = drawn(2, 600, 3, 2, 8), [600, 310]
    result = kernels.attend(qkv, lengths).double()
    for clip, length in enumerate(lengths):
        for head in range(2):
            q, k, v = qkv[clip, :length, :, head].double().unbind(1)
            wanted = torch.softmax(q @ k.T, dim=-1) @ v
            assert tiny.difference(result[clip, :length, 8 * head : 8 * head + 8], wanted) < 1e-6


@pytest.mark.parametrize("frames", [1, 100, 385, 386, 900])
def test_positions_by_fourier_transform_are_the_convolution_written_out(tmp_path: Path, frames: int) -> None:
    geometry = tiny.POST_NORM
    weights = open_weights(tiny.checkpoint(tmp_path, geometry) / "model.safetensors", geometry)
    x = drawn(2, frames, 48)
    kernel = torch._weight_norm(weights[POS_DIRECTION], weights[POS_GAIN], 2)
    wide = functional.conv1d(x.transpose(1, 2), kernel, weights[POS_BIAS], padding=64, groups=16)
    wanted = functional.gelu(wide[..., :-1]).transpose(1, 2)
    result = Positions(weights, geometry, DevicePlacement(device=CPU, precision=Precision.FP32))(x)
    assert tiny.difference(result, wanted) < 1e-5


def test_one_extra_frame_covers_what_a_frame_hears_beyond_its_step() -> None:
    assert extra_frames(MERT_V1_95M.geometry) == 1


def test_half_precision_and_other_devices_get_the_portable_kernels() -> None:
    assert isinstance(choose_kernels(CPU, torch.float16), Portable)
    assert isinstance(choose_kernels(torch.device("meta"), torch.float32), Portable)


def test_a_geometry_of_25_frames_a_second_computes_too(tmp_path: Path) -> None:
    slow = Geometry(
        hidden=48,
        layers=2,
        heads=4,
        feed_forward=96,
        pre_norm=True,
        conv_dim=(32,) * 8,
        conv_kernel=(10, 3, 3, 3, 3, 2, 2, 5),
        conv_stride=(5, 2, 2, 2, 2, 2, 2, 3),
        pos_kernel=64,
        pos_groups=16,
        norm_eps=1e-5,
    )
    assert slow.hop == 960
    pytest.importorskip("transformers", reason="the mert extra is not installed")
    clip = tiny.sound(30_000)
    wanted = tiny.reference_states(tiny.reference_model(slow), clip)
    result = tiny.network(tiny.checkpoint(tmp_path, slow), slow, tile_frames=10).states(*tiny.batch([clip]))
    assert max(map(tiny.difference, result, wanted)) < 1e-5
