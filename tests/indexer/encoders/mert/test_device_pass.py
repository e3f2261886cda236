"""Buffers that are used again carry nothing from one batch into another."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

from indexer.encoders.mert.device_pass import Staging


def ramp(count: int, start: float) -> np.ndarray:
    return np.arange(count, dtype=np.float32) + np.float32(start)


def test_a_short_clip_behind_a_long_one_finds_zeros_after_it() -> None:
    staging = Staging(pinned=False)
    for _ in range(2):
        staging.fill([ramp(6, 10)], rows=1, samples=6)
    waves, lengths = staging.fill([ramp(2, 1)], rows=1, samples=6)
    assert waves.tolist() == [[1, 2, 0, 0, 0, 0]]
    assert lengths == [2]


def test_rows_that_no_clip_fills_repeat_the_first() -> None:
    waves, lengths = Staging(pinned=False).fill([ramp(3, 1), ramp(2, 7)], rows=4, samples=3)
    assert waves.tolist() == [[1, 2, 3], [7, 8, 0], [1, 2, 3], [1, 2, 3]]
    assert lengths == [3, 2, 3, 3]


def test_a_batch_holds_while_the_next_is_laid_out_and_its_memory_is_used_again_after_that() -> None:
    staging = Staging(pinned=False)
    first, _ = staging.fill([ramp(4, 1)], rows=1, samples=4)
    staging.fill([ramp(4, 50)], rows=1, samples=4)
    assert first.tolist() == [[1, 2, 3, 4]]
    third, _ = staging.fill([ramp(4, 90)], rows=1, samples=4)
    assert third.data_ptr() == first.data_ptr()
