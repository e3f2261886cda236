"""The arithmetic that the encoding benchmark measures against, counted a second way, and what it says of a rate."""

from __future__ import annotations

import pytest

from benchmarks.encode import CLIP_SAMPLES, SIZES, unmeasured
from benchmarks.encode_rates import UNMEASURED, Found, Rate, operations, rate_of, rates_table, verdicts


def whole(
    *, source: str = "tensors", device: str = "cuda:0", seconds: float, decoded_per_s: float | None = None
) -> Rate:
    """1,000 clips of 812 GFLOP in so many seconds, two of them without work; a clip takes 2 ms at least."""
    found: Found = {
        "source": source,
        "device": device,
        "clips": 1000,
        "seconds": seconds,
        "busy_s": seconds - 2,
        "cpu_s": 4.0,
    }
    return rate_of("95m", {**found, "decoded_per_s": decoded_per_s, "decoders": 16}, gflop=812.0, floor_s=0.002)


@pytest.mark.parametrize(("size", "gflop"), [("95m", 812), ("330m", 2117)])
def test_a_clip_costs_what_is_on_record(size: str, gflop: int) -> None:
    assert round(sum(operations(SIZES[size], CLIP_SAMPLES).values())) == gflop


def test_the_second_convolution_alone_is_half_of_all_seven() -> None:
    rows = [143_999, 71_999, 35_999, 17_999, 8_999, 4_499, 2_249]
    taps = [10, 3 * 512, 3 * 512, 3 * 512, 3 * 512, 2 * 512, 2 * 512]
    by_hand = [2 * count * width * 512 / 1e9 for count, width in zip(rows, taps, strict=True)]
    assert round(by_hand[1]) == 113
    assert operations(SIZES["95m"], CLIP_SAMPLES)["convolutions"] == pytest.approx(sum(by_hand))


def test_a_rate_is_held_against_the_arithmetic_and_the_devices_time() -> None:
    # 1,000 clips in 2.5 s: 400 a second, 324.8 TFLOP/s, 41.1 % of 790; 0.8 of one every 2 ms; idle 2 of 2.5 s
    rate = whole(seconds=2.5)
    assert rate.clips_per_s == pytest.approx(400)
    assert rate.tflops == pytest.approx(324.8)
    assert rate.utilisation == pytest.approx(0.4111, abs=1e-4)
    assert rate.floor_share == pytest.approx(0.8)
    assert rate.idle == pytest.approx(0.8)


def test_the_roof_of_an_h200_is_972_clips_a_second() -> None:
    gflop = sum(operations(SIZES["95m"], CLIP_SAMPLES).values())
    found: Found = {"source": "tensors", "device": "cuda:0", "clips": 972, "seconds": 1.0, "busy_s": 1.0, "cpu_s": 1.0}
    rate = rate_of("95m", {**found, "decoded_per_s": None, "decoders": 0}, gflop=gflop, floor_s=1e-3)
    assert rate.utilisation == pytest.approx(1.0, abs=2e-3)


def test_a_cpu_is_held_against_no_h200_and_says_what_is_unmeasured() -> None:
    rate = whole(device="cpu", seconds=2000.0)
    assert rate.utilisation is None
    assert rate.floor_share == pytest.approx(0.5), "2 of the 4 s of CPU time, however long others made it take"
    assert "| unmeasured |" in rates_table([rate])
    assert verdicts([rate]) == []
    assert unmeasured([rate]) == UNMEASURED
    assert list(unmeasured([rate, whole(seconds=2.5)])) == ["several_gpus"]


@pytest.mark.parametrize(
    ("seconds", "word"), [(2.5, "400 clips/s; the bar is 350: met"), (4.0, "250 clips/s; the bar is 350")]
)
def test_the_rate_that_is_asked_for_is_met_or_missed(seconds: float, word: str) -> None:
    (sentence,) = verdicts([whole(seconds=seconds)])
    assert word in sentence
    assert ("MISSED" in sentence) == (seconds == 4.0)


@pytest.mark.parametrize(
    ("seconds", "decoded_per_s", "word"),
    [
        (2.7, 380.0, "93% of the rate from tensors; the bar is 90%: met"),
        (5.0, 210.0, "50% of the rate from tensors; the limit is 16 decoders, which alone give 210 clips/s"),
        (
            5.0,
            390.0,
            "50% of the rate from tensors; the bar is 90%: MISSED, and the decoders alone give 390 clips/s",
        ),
    ],
)
def test_from_files_the_decoders_are_named_where_they_are_the_limit(
    seconds: float, decoded_per_s: float, word: str
) -> None:
    files = whole(source="files", seconds=seconds, decoded_per_s=decoded_per_s)
    assert word in verdicts([whole(seconds=2.5), files])[1]
