"""Compares a rate in clips per second with the arithmetic, with the device's busy time and with the decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from indexer.encoders.mert.config import Geometry

H200_TFLOPS = 790.0
"""Dense half-precision matrix rate of an H200: published, not measured here (docs/methods.md, "MERT")."""
WANTED_PER_S = 350.0
"""Bar: clips per second from tensors on an H200, 95M."""
WANTED_FROM_FILES = 0.9
"""Bar: rate from files as a share of that from tensors, where the decoders are fast enough."""

Found: TypeAlias = Mapping[str, float | str | None]
"""The JSON that ``benchmarks.encode_whole`` writes."""

UNMEASURED: Mapping[str, str] = {
    "gpu_clips_per_second": "clips per second on a GPU, from tensors and from files (the bar is 350 from tensors)",
    "gpu_model_flop_utilisation": "model FLOP utilisation: the share of the roof, 972 clips per second (95M, H200)",
    "gpu_idle": "how much of the time a GPU waits for audio",
    "gpu_memory": "the memory that a pass takes on a GPU, by which batches are sized; it was counted on a CPU",
    "gpu_precision": "half precision on a GPU against float32; it was emulated on a CPU",
    "several_gpus": "what several GPUs give together; two processes on a CPU give the same bits",
}
"""Figures that cannot be measured without CUDA; ``several_gpus`` needs more than one GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One end-to-end run, with its rate compared with the arithmetic and the decoders."""

    size: str
    source: str
    device: str
    clips: int
    clips_per_s: float
    tflops: float
    """Arithmetic of the network per second, as :func:`operations` counts it."""
    utilisation: float | None
    """Share of :data:`H200_TFLOPS`; None on a CPU."""
    floor_share: float
    """Share of the rate of the network's largest product alone on the device, measured in the same run. By wall time on
    a GPU, which is not shared; by CPU time on a CPU, which is."""
    idle: float
    """Share of the time in which the device had no pass to work on."""
    decoded_per_s: float | None
    decoders: int


def operations(geometry: Geometry, samples: int) -> dict[str, float]:
    """Multiplications and additions of one clip in units of 1e9, by stage, as the network is defined.

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
    """Whether the rates on a GPU reach their bars, and what the limit is where they do not."""
    sentences = []
    by_source = {(rate.size, rate.source): rate for rate in rates if rate.utilisation is not None}
    for (size, source), rate in by_source.items():
        tensors = by_source.get((size, "tensors"))
        if source == "tensors" and size == "95m":
            met = "met" if rate.clips_per_s >= WANTED_PER_S else "MISSED"
            sentences.append(f"95M from tensors: {rate.clips_per_s:.0f} clips/s; the bar is {WANTED_PER_S:.0f}: {met}.")
        if source == "files" and tensors is not None:
            sentences.append(_from_files(rate, tensors))
    return sentences


def _from_files(files: Rate, tensors: Rate) -> str:
    share = files.clips_per_s / tensors.clips_per_s
    words = f"{files.size} from files: {share:.0%} of the rate from tensors"
    if share >= WANTED_FROM_FILES:
        return f"{words}; the bar is {WANTED_FROM_FILES:.0%}: met."
    decoded = files.decoded_per_s or 0.0
    if decoded < WANTED_FROM_FILES * tensors.clips_per_s:
        return f"{words}; the limit is {files.decoders} decoders, which alone give {decoded:.0f} clips/s."
    return f"{words}; the bar is {WANTED_FROM_FILES:.0%}: MISSED, and the decoders alone give {decoded:.0f} clips/s."
