"""Means of unit vectors, against plain loops, and that a mean depends on its own members only."""

from __future__ import annotations

import ctypes
import gc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.build.calibration import averages
from indexer.build.calibration.averages import (
    average_by_row,
    average_in_place,
    release_memory,
    without_garbage_collection,
)
from recommender.errors import InvalidArgument


def plain_mean(members: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> list[float]:
    lengths = np.sqrt((members.astype(np.float64) ** 2).sum(axis=1))
    total = sum(row / length for row, length in zip(members.astype(np.float64), lengths, strict=True))
    return list(total / np.sqrt((total**2).sum()))


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=40),
    dim=st.sampled_from([1, 2, 5, 48]),
    block=st.integers(1, 9),
)
def test_groups_are_averaged_as_a_loop_would_whatever_the_blocks(sizes: list[int], dim: int, block: int) -> None:
    vectors = np.random.default_rng(sum(sizes)).uniform(0.1, 3, size=(sum(sizes), dim)).astype(np.float32)
    starts = np.cumsum([0, *sizes])
    expected = [plain_mean(vectors[a:b]) for a, b in pairwise(starts.tolist())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(averages, "BLOCK", block)
        found = average_in_place(vectors.copy(), np.array(sizes))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_group_gets_the_same_bits_alone_and_among_others(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=30))
    dim = data.draw(st.sampled_from([2, 3, 48, 768]))
    vectors = np.random.default_rng(7).normal(size=(sum(sizes), dim)).astype(np.float32)
    starts = np.cumsum([0, *sizes])
    chosen = sorted(data.draw(st.sets(st.integers(0, len(sizes) - 1), min_size=1)))
    alone = np.concatenate([vectors[starts[group] : starts[group + 1]] for group in chosen])
    among = average_in_place(vectors, np.array(sizes))
    np.testing.assert_array_equal(among[chosen], average_in_place(alone, np.array([sizes[group] for group in chosen])))


def test_rows_that_share_a_group_need_not_stand_together() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]], dtype=np.float32)
    found = average_by_row(vectors, np.array([2, 0, 1, 1, 2]), 3)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found, [[0, 1], [half, half], [1, 0]], atol=1e-7)


def test_the_memory_of_the_clips_is_used_for_the_tracks() -> None:
    clips = np.array([[3.0, 0], [0, 2], [0, 5]], dtype=np.float32)
    tracks = average_in_place(clips, np.array([1, 2]))
    assert np.shares_memory(tracks, clips)
    assert tracks.tolist() == [[1, 0], [0, 1]]


def test_clips_that_cancel_out_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="no direction"):
        average_in_place(np.array([[1.0, 0], [-2, 0]], dtype=np.float32), np.array([2]))


def test_nothing_has_no_means() -> None:
    assert average_in_place(np.empty((0, 4), dtype=np.float32), np.array([], dtype=np.int64)).shape == (0, 4)


def resident_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library has no malloc_trim")
def test_freed_memory_is_given_back() -> None:
    kept = [np.ones(1_000) for _ in range(20_000)]  # 160 MB in pieces that the C library keeps when they are freed
    kept = kept[-1:]  # and the last one keeps it from cutting off the end
    before = resident_mb()
    release_memory()
    assert len(kept) == 1
    assert resident_mb() < before - 50


def test_cycles_are_looked_for_again_afterwards_even_after_an_error() -> None:
    on_in_between = []

    def fail() -> None:
        with without_garbage_collection():
            on_in_between.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (on_in_between, gc.isenabled()) == ([False], True)


def test_where_they_were_not_looked_for_they_still_are_not() -> None:
    gc.disable()
    try:
        with without_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
