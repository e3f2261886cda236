"""Our forward pass against the published architecture: every hidden state, both places of the norms."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.kernels import Kernels, OneDnn, Portable
from indexer.encoders.mert.models import SPECS, WEIGHTS_FILE
from tests.indexer.encoders.mert import tiny
from tests.indexer.encoders.mert.make_golden import FRAMES, GOLDEN, golden_clip

KERNELS = [
    Portable(),
    pytest.param(OneDnn(), marks=pytest.mark.skipif(not OneDnn.is_available(), reason="this torch has no oneDNN")),
]
GEOMETRIES = [pytest.param(tiny.POST_NORM, id="post-norm"), pytest.param(tiny.PRE_NORM, id="pre-norm")]
CLOSE = 1e-5
FULL_SIZE = "SOUNDKIN_TEST_FULL_SIZE"
LARGE = pytest.mark.skipif(not os.environ.get(FULL_SIZE), reason=f"writes 1.3 GB: {FULL_SIZE}=1 runs it")


@pytest.mark.parametrize("kernels", KERNELS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("samples", [400, 719, 9_999, 60_000])
def test_every_hidden_state_is_the_one_transformers_computes(
    tmp_path: Path, geometry: Geometry, kernels: Kernels, samples: int
) -> None:
    pytest.importorskip("transformers", reason="the mert extra is not installed")
    clip = tiny.sound(samples)
    wanted = tiny.reference_states(tiny.reference_model(geometry), clip)
    result = tiny.network(tiny.checkpoint(tmp_path, geometry), geometry, kernels=kernels).states(*tiny.batch([clip]))
    assert len(result) == len(wanted) == geometry.states
    assert [state.shape for state in result] == [state.shape for state in wanted]
    assert max(map(tiny.difference, result, wanted)) < CLOSE


@pytest.mark.parametrize("model", ["mert-v1-95m", pytest.param("mert-v1-330m", marks=LARGE)])
def test_a_model_of_full_size_has_the_states_transformers_computes(tmp_path: Path, model: str) -> None:
    pytest.importorskip("transformers", reason="the mert extra is not installed")
    geometry, clip = SPECS[model].geometry, tiny.sound(12_000)
    wanted = tiny.reference_states(tiny.reference_model(geometry), clip)
    result = tiny.network(tiny.checkpoint(tmp_path, geometry), geometry).states(*tiny.batch([clip]))
    (tmp_path / WEIGHTS_FILE).unlink()  # pytest keeps the folders of three runs
    assert [state.shape for state in result] == [(1, 37, geometry.hidden)] * geometry.states
    assert max(map(tiny.difference, result, wanted)) < CLOSE


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_hidden_state_is_the_one_on_record_from_the_published_code(tmp_path: Path, geometry: Geometry) -> None:
    record = json.loads(GOLDEN.read_text(encoding="utf-8"))
    wanted = record["pre_norm" if geometry.pre_norm else "post_norm"]
    net = tiny.network(tiny.checkpoint(tmp_path, geometry), geometry)
    clips, lengths = tiny.batch([golden_clip()])
    frames = torch.cat(net.states(clips, lengths))[:, FRAMES]
    assert max(map(tiny.difference, frames, torch.tensor(wanted["frames"]))) < CLOSE
    assert max(map(tiny.difference, net.means(clips, lengths)[0], torch.tensor(wanted["means"]))) < CLOSE


def test_the_last_state_of_a_network_that_normalises_first_is_normalised(tmp_path: Path) -> None:
    plain = {"encoder__layer_norm__weight": torch.ones(48), "encoder__layer_norm__bias": torch.zeros(48)}
    net = tiny.network(tiny.checkpoint(tmp_path, tiny.PRE_NORM, **plain), tiny.PRE_NORM)
    *earlier, last = net.states(*tiny.batch([tiny.sound(9_999)]))
    np.testing.assert_allclose(last.std(-1, correction=0), 1.0, atol=1e-3)
    assert float((earlier[-1].std(-1, correction=0) - 1).abs().max()) > 0.05


def test_the_mean_of_a_state_is_over_all_of_its_frames(tmp_path: Path) -> None:
    net = tiny.network(tiny.checkpoint(tmp_path, tiny.POST_NORM), tiny.POST_NORM)
    clips, lengths = tiny.batch([tiny.sound(24_000)])
    by_hand = torch.stack([state.double().mean(1) for state in net.states(clips, lengths)], dim=1)
    assert by_hand.shape == (1, 4, 48)
    assert tiny.difference(net.means(clips, lengths), by_hand) < 1e-6
