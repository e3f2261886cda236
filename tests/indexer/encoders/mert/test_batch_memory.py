"""How many clips fit a GPU, against what is alive in memory during a real pass."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch
from torch.profiler import ProfilerActivity, profile

from indexer.encoders.mert.batches import MAX_ROWS, bytes_a_clip, rows_that_fit
from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.device import Precision
from indexer.encoders.mert.kernels import Portable
from indexer.encoders.mert.models import MERT_V1_95M, MERT_V1_330M
from indexer.encoders.mert.network import GPU_TILE_FRAMES
from tests.indexer.encoders.mert import tiny

ROWS, SAMPLES = 6, 480_000
GIB = 1 << 30


def most_alive(folder: Path, geometry: Geometry) -> int:
    """Bytes of all tensors that were alive at once in a pass over ``ROWS`` clips, the clips themselves included."""
    network = tiny.network(folder, geometry, kernels=Portable(), tile_frames=GPU_TILE_FRAMES)
    waves = torch.from_numpy(tiny.sound(ROWS * SAMPLES).reshape(ROWS, SAMPLES))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        network.means(waves, [SAMPLES] * ROWS)
    moments = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    alive = most = waves.nbytes
    for event in sorted(moments, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        most = max(most, alive)
    return int(most)


@pytest.mark.parametrize("geometry", [tiny.POST_NORM, tiny.PRE_NORM], ids=["post-norm", "pre-norm"])
def test_what_is_reckoned_is_what_a_pass_takes(tmp_path: Path, geometry: Geometry) -> None:
    reckoned = ROWS * bytes_a_clip(geometry, Precision.FP32, samples=SAMPLES)
    taken = most_alive(tiny.checkpoint(tmp_path, geometry), geometry)
    assert 0.95 * reckoned < taken <= 1.05 * reckoned


def test_a_clip_of_thirty_seconds_takes_214_megabytes() -> None:
    # by hand: 2 * 769 * 64 rows of 512 float32, 2 * 720,000 samples, 2,249 frames of 768
    by_hand = 2 * 769 * 64 * 512 * 4 + 2 * 720_000 * 4 + 2_249 * 768 * 4
    assert bytes_a_clip(MERT_V1_95M.geometry, Precision.FP16) == by_hand
    assert round(by_hand / 1e6) == 214
    assert bytes_a_clip(MERT_V1_330M.geometry, Precision.FP16) == by_hand + 2_249 * 256 * 4


@pytest.mark.parametrize(
    ("free", "rows"), [(0, 1), (GIB // 8, 1), (GIB, 4), (2 * GIB, 8), (5 * GIB, 20), (139 * GIB, 32)]
)
def test_four_fifths_of_what_is_free_are_filled_up_to_a_limit(free: int, rows: int) -> None:
    # 0.8 * 2 GiB = 1,717,986,918 bytes; a clip takes 214,262,784: 8 fit
    assert rows_that_fit(free, MERT_V1_95M.geometry, Precision.FP16) == rows
    assert rows <= MAX_ROWS


def test_short_clips_fit_in_greater_number_and_long_ones_in_smaller() -> None:
    fit = [rows_that_fit(GIB, MERT_V1_95M.geometry, Precision.FP32, samples=s * 24_000) for s in (5, 30, 300)]
    assert fit == sorted(fit, reverse=True)
    assert fit[0] > fit[1] > fit[2]


def test_of_a_long_clip_other_moments_are_the_widest() -> None:
    # 300 s: 22,499 frames of 768, in 59 blocks of 512; the clip twice, the frames, and then the widest moment
    samples, state = 7_200_000, 22_499 * 768 * 4
    transform = state + 4 * 768 * 59 * 257 * 8
    layer = state + 22_499 * (768 + 2 * 3_072) * 4
    sizes = [bytes_a_clip(MERT_V1_95M.geometry, which, samples=samples) for which in (Precision.FP16, Precision.FP32)]
    assert sizes == [2 * samples * 4 + state + transform, 2 * samples * 4 + state + layer]
    assert layer > transform
