"""What a rate in clips a second is worth: against the arithmetic, against the device's time, against the decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from indexer.encoders.mert.config import Geometry

H200_TFLOPS = 790.0
"""Dense half-precision matrix rate that reference/mert.md reckons an H200 with. Published, not measured here."""
WANTED_PER_S = 350.0
"""Clips a second from tensors that are asked of an H200, 95M."""
WANTED_FROM_FILES = 0.9
"""Share of the rate from tensors that is asked for from files, where the decoders keep up."""

Found: TypeAlias = Mapping[str, float | str | None]
"""What ``benchmarks.encode_whole`` writes."""

UNMEASURED: Mapping[str, str] = {
    "gpu_clips_per_second": "clips per second on a GPU, from tensors and from files (350 from tensors are asked for)",
    "gpu_model_flop_utilisation": "model FLOP utilisation: the share of the roof, 972 clips per second (95M, H200)",
    "gpu_idle": "how much of the time a GPU waits for audio",
    "gpu_memory": "the memory that a pass takes on a GPU, by which batches are sized; it was counted on a CPU",
    "gpu_precision": "half precision on a GPU against float32; it was emulated on a CPU",
    "several_gpus": "what several GPUs give together; two processes on a CPU give the same bits",
}
"""What a machine without CUDA cannot say; ``several_gpus`` needs more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A run from one end to the other, and what it is worth."""

    size: str
    source: str
    device: str
    clips: int
    clips_per_s: float
    tflops: float
    """Of arithmetic as the network is written down, a second."""
    utilisation: float | None
    """Share of :data:`H200_TFLOPS`; None on a CPU, for it is no H200."""
    floor_share: float
    """Share of the rate that the network's largest product alone had on the device, measured in the same run. By wall
    time on a GPU, which is ours alone; by CPU time on a CPU, which others use too."""
    idle: float
    """Share of the time in which the device had no pass to work on."""
    decoded_per_s: float | None
    decoders: int


def operations(geometry: Geometry, samples: int) -> dict[str, float]:
    """Multiplications and additions of one clip in units of 1e9, by stage, as the network is written down.

    A product ``[m, k] x [k, n]`` counts ``2 m k n``; norms, GELU and softmax count nothing.
    """
    convolutions, length, channels = 0.0, samples, 1
    for width, kernel, stride in zip(geometry.conv_dim, geometry.conv_kernel, geometry.conv_stride, strict=True):
        length = (length - kernel) // stride + 1
        convolutions += 2 * length * channels * kernel * width
        channels = width
    hidden, layers = geometry.hidden, geometry.layers
    counts = {
        "convolutions": convolutions,
        "projection": 2 * length * channels * hidden,
        "positions": 2 * length * hidden * (hidden // geometry.pos_groups) * geometry.pos_kernel,
        "attention products": layers * 4 * 2 * length * hidden**2,
        "attention": layers * 4 * length**2 * hidden,
        "perceptron": layers * 4 * length * hidden * geometry.feed_forward,
    }
    return {stage: count / 1e9 for stage, count in counts.items()}


def rate_of(size: str, found: Found, *, gflop: float, floor_s: float) -> Rate:
    """``found``, for a clip of ``gflop`` that takes at least ``floor_s`` on the device."""
    clips, seconds, device = int(str(found["clips"])), float(str(found["seconds"])), str(found["device"])
    per_s = clips / seconds
    tflops, on_gpu = per_s * gflop / 1000, device.startswith("cuda")
    decoded = found["decoded_per_s"]
    return Rate(
        size=size,
        source=str(found["source"]),
        device=device,
        clips=clips,
        clips_per_s=per_s,
        tflops=tflops,
        utilisation=tflops / H200_TFLOPS if on_gpu else None,
        floor_share=clips * floor_s / (seconds if on_gpu else float(str(found["cpu_s"]))),
        idle=max(0.0, 1 - float(str(found["busy_s"])) / seconds),
        decoded_per_s=None if decoded is None else float(str(decoded)),
        decoders=int(str(found["decoders"])),
    )


def rates_table(rates: Sequence[Rate]) -> str:
    """The rates as markdown."""
    lines = [
        "| model | device | from | clips | clips/s | TFLOP/s | of 790 | share of floor | idle | decoders alone |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rate in rates:
        decoders = "" if rate.decoded_per_s is None else f"{rate.decoded_per_s:.1f} clips/s by {rate.decoders}"
        used = "unmeasured" if rate.utilisation is None else f"{rate.utilisation:.0%}"
        cells = (
            rate.size,
            rate.device,
            rate.source,
            f"{rate.clips:,}",
            f"{rate.clips_per_s:.3g}",
            f"{rate.tflops:.3g}",
        )
        lines.append(f"| {' | '.join(cells)} | {used} | {rate.floor_share:.0%} | {rate.idle:.0%} | {decoders} |")
    return "\n".join(lines)


def verdicts(rates: Sequence[Rate]) -> list[str]:
    """Whether the rates on a GPU are those that are asked for, and what the limit is where they are not."""
    said = []
    by_source = {(rate.size, rate.source): rate for rate in rates if rate.utilisation is not None}
    for (size, source), rate in by_source.items():
        tensors = by_source.get((size, "tensors"))
        if source == "tensors" and size == "95m":
            met = "met" if rate.clips_per_s >= WANTED_PER_S else "MISSED"
            said.append(f"95M from tensors: {rate.clips_per_s:.0f} clips/s; {WANTED_PER_S:.0f} are asked for: {met}.")
        if source == "files" and tensors is not None:
            said.append(_from_files(rate, tensors))
    return said


def _from_files(files: Rate, tensors: Rate) -> str:
    share = files.clips_per_s / tensors.clips_per_s
    words = f"{files.size} from files: {share:.0%} of the rate from tensors"
    if share >= WANTED_FROM_FILES:
        return f"{words}; {WANTED_FROM_FILES:.0%} are asked for: met."
    decoded = files.decoded_per_s or 0.0
    if decoded < WANTED_FROM_FILES * tensors.clips_per_s:
        return f"{words}; the limit is {files.decoders} decoders, which alone give {decoded:.0f} clips/s."
    return f"{words}; {WANTED_FROM_FILES:.0%} are asked for: MISSED, and the decoders alone give {decoded:.0f} clips/s."
