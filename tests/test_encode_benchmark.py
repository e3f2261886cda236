"""The arithmetic that the encoding benchmark measures against, counted a second way."""

from __future__ import annotations

import pytest

from benchmarks.encode import CLIP_SAMPLES, SIZES, operations


@pytest.mark.parametrize(("size", "gflop"), [("95m", 812), ("330m", 2117)])
def test_a_clip_costs_what_is_on_record(size: str, gflop: int) -> None:
    assert round(sum(operations(SIZES[size], CLIP_SAMPLES).values())) == gflop


def test_the_second_convolution_alone_is_half_of_all_seven() -> None:
    rows = [143_999, 71_999, 35_999, 17_999, 8_999, 4_499, 2_249]
    taps = [10, 3 * 512, 3 * 512, 3 * 512, 3 * 512, 2 * 512, 2 * 512]
    by_hand = [2 * count * width * 512 / 1e9 for count, width in zip(rows, taps, strict=True)]
    assert round(by_hand[1]) == 113
    assert operations(SIZES["95m"], CLIP_SAMPLES)["convolutions"] == pytest.approx(sum(by_hand))
