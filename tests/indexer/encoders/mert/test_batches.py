"""Batches: every clip once, shapes that only a clip itself decides, and fewer at a time when memory ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.base import ENCODER_MEMORY, is_out_of_memory
from indexer.encoders.mert.batches import Batch, Batcher, Collect, in_fixed_shapes, one_by_one
from recommender.errors import BadInput
from recommender.types import ClipEmbeddings, Waveform

STEP = 10


class SmallDevice:
    """A device with room for ``room`` samples; its embedding of a clip is the clip's sum and length."""

    def __init__(self, room: int, error: Exception | None = None) -> None:
        self.room = room
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        self.shapes: list[tuple[int, ...]] = []
        self.refused: list[int] = []

    def __call__(self, given: Sequence[Waveform], batch: Batch) -> Collect:
        if batch.rows * batch.samples > self.room:
            self.refused.append(batch.rows)
            raise self.error
        self.shapes.append((batch.rows, batch.samples))
        assert len(given) == len(batch.clips) <= batch.rows
        return lambda: np.asarray([[[clip.sum(), len(clip)]] for clip in given], dtype=np.float32)


class Diary:
    """A device that writes down when a pass is started and when it is collected; ``full`` fails when collected."""

    def __init__(self, full: int | None = None) -> None:
        self.lines: list[str] = []
        self._full = full

    def __call__(self, given: Sequence[Waveform], batch: Batch) -> Collect:
        number = sum(line.startswith("start") for line in self.lines)
        self.lines.append(f"start {number}")

        def collect() -> ClipEmbeddings:
            self.lines.append(f"collect {number}")
            if number == self._full:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return np.asarray([[[clip.sum(), len(clip)]] for clip in given], dtype=np.float32)

        return collect


def clips(*lengths: int) -> list[npt.NDArray[np.float32]]:
    return [np.full(length, number + 1, dtype=np.float32) for number, length in enumerate(lengths)]


def check(embeddings: list[ClipEmbeddings], lengths: Sequence[int]) -> None:
    wanted = [[(number + 1) * length, length] for number, length in enumerate(lengths)]
    np.testing.assert_array_equal(np.asarray(embeddings)[:, 0], wanted)


@given(st.lists(st.integers(1, 95), max_size=30), st.integers(1, 6))
def test_every_clip_comes_back_once_in_order_at_its_own_length(lengths: list[int], rows: int) -> None:
    for plan in (one_by_one, partial(in_fixed_shapes, step=STEP)):
        embeddings = Batcher(SmallDevice(10**6), plan, rows=rows)(clips(*lengths))
        assert len(embeddings) == len(lengths)
        if lengths:
            check(embeddings, lengths)


@given(st.lists(st.integers(1, 95), min_size=1, max_size=30), st.integers(1, 6))
def test_the_shape_a_clip_meets_depends_on_that_clip_alone(lengths: list[int], rows: int) -> None:
    batches = in_fixed_shapes(lengths, rows, step=STEP)
    for batch in batches:
        assert batch.rows == rows
        for clip in batch.clips:
            assert batch.samples - STEP < lengths[clip] <= batch.samples
        assert len({lengths[clip] == batch.samples for clip in batch.clips}) == 1


def test_on_a_cpu_each_clip_goes_alone_and_unpadded() -> None:
    device = SmallDevice(10**6)
    Batcher(device, one_by_one, rows=1)(clips(7, 33, 7))
    assert device.shapes == [(1, 7), (1, 33), (1, 7)]


def test_batches_halve_until_they_fit_and_stay_halved() -> None:
    device = SmallDevice(room=40)
    batcher = Batcher(device, partial(in_fixed_shapes, step=STEP), rows=16)
    lengths = [20] * 5 + [13] * 3
    check(batcher(clips(*lengths)), lengths)
    assert batcher.rows == 2
    assert device.refused == [16, 8, 4]
    assert set(device.shapes) == {(2, 20)}
    check(batcher(clips(20)), [20])
    assert device.shapes[-1] == (2, 20)


def test_what_was_encoded_before_memory_ran_out_is_not_encoded_again() -> None:
    device = SmallDevice(room=40)
    lengths = [10, 10, 10, 20, 20, 20]
    check(Batcher(device, partial(in_fixed_shapes, step=STEP), rows=4)(clips(*lengths)), lengths)
    assert device.shapes == [(4, 10), (2, 20), (2, 20)]


def test_a_clip_that_does_not_fit_alone_is_an_error_of_that_clip() -> None:
    batcher = Batcher(SmallDevice(room=40), partial(in_fixed_shapes, step=STEP), rows=8)
    with pytest.raises(BadInput) as refused:
        batcher(clips(20, 50))
    assert refused.value.reason == ENCODER_MEMORY
    check(batcher(clips(20)), [20])


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_memory_that_ends_on_other_devices_is_recognised_too(error: Exception) -> None:
    assert is_out_of_memory(error)
    batcher = Batcher(SmallDevice(room=20, error=error), partial(in_fixed_shapes, step=STEP), rows=2)
    check(batcher(clips(20, 20)), [20, 20])


def test_a_pass_is_started_while_the_one_before_it_is_under_way() -> None:
    diary = Diary()
    check(Batcher(diary, one_by_one, rows=1)(clips(5, 6, 7)), [5, 6, 7])
    assert diary.lines == ["start 0", "start 1", "collect 0", "start 2", "collect 1", "collect 2"]


def test_memory_that_ends_under_way_costs_that_pass_alone() -> None:
    diary = Diary(full=1)
    batcher = Batcher(diary, partial(in_fixed_shapes, step=STEP), rows=2)
    check(batcher(clips(10, 10, 10, 10, 10)), [10] * 5)
    assert batcher.rows == 1
    assert diary.lines.count("start 3") == diary.lines.count("start 4") == 1
    assert "start 5" not in diary.lines


def test_any_other_error_of_the_device_is_passed_on() -> None:
    batcher = Batcher(SmallDevice(room=0, error=RuntimeError("device-side assert")), one_by_one, rows=1)
    with pytest.raises(RuntimeError, match="device-side assert"):
        batcher(clips(20))
