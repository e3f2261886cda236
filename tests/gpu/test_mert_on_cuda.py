"""MERT on a CUDA device against MERT on the CPU. Where there is none nothing here runs, and nothing is claimed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert.batches import bytes_a_clip
from indexer.encoders.mert.device import Precision
from indexer.encoders.mert.encoder import MertEncoder, MertOptions
from tests.indexer.encoders.mert import tiny

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")

SPEC = tiny.spec_of(tiny.POST_NORM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("mert"), tiny.POST_NORM)


def errors(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Length of the difference relative to what is wanted, ``[clip, layer, dim] -> [clip, layer]``."""
    return np.asarray(np.linalg.norm(found - wanted, axis=2) / np.linalg.norm(wanted, axis=2))


@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-5), ("fp16", 1e-3)])
def test_every_layer_is_the_cpus(folder: Path, precision: str, most: float) -> None:
    clips = [tiny.sound(length, seed=seed) for seed, length in enumerate((720_000, 130_000, 720_000, 9_000))]
    wanted = MertEncoder(SPEC, folder, MertOptions(device="cpu")).encode(clips)
    found = MertEncoder(SPEC, folder, MertOptions(device="cuda:0", precision=precision)).encode(clips)
    assert errors(found, wanted).max() < most


def test_passes_that_overlap_give_the_bits_of_passes_that_do_not(folder: Path) -> None:
    encoder = MertEncoder(SPEC, folder, MertOptions(device="cuda:0"))
    clips = [tiny.sound(720_000, seed=seed) for seed in range(encoder.rows * 3 + 1)]
    together = encoder.encode(clips)
    alone = [encoder.encode(clips[first : first + encoder.rows]) for first in range(0, len(clips), encoder.rows)]
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_a_pass_takes_no_more_memory_than_was_reckoned(folder: Path) -> None:
    encoder = MertEncoder(SPEC, folder, MertOptions(device="cuda:0"))
    clips = [tiny.sound(720_000, seed=seed) for seed in range(encoder.rows)]
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    encoder.encode(clips)
    taken = torch.cuda.max_memory_allocated() - before
    assert taken < 1.25 * len(clips) * bytes_a_clip(tiny.POST_NORM, Precision.FP16)
