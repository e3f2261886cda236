"""What a clip costs: our MERT beside the plain transformers loop, in time, in memory, and against the arithmetic.

    python -m benchmarks.encode [--weights FOLDER] [--sizes 95m 330m] [--rounds 2] [--json OUT]

Every form runs in fresh processes, one after another, in turns, on one core. Random weights cost what real ones do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.specs import MERT_V1_95M, MERT_V1_330M

ROOT = Path(__file__).resolve().parents[1]
SIZES: Mapping[str, Geometry] = {"95m": MERT_V1_95M.geometry, "330m": MERT_V1_330M.geometry}
CLIP_SAMPLES = 720_000
PRODUCT_GFLOP = 20 * 2 * 2249 * 768 * 3072 / 1e9
"""Of one call of the form ``products``."""
H200_TFLOPS = 790.0
"""Dense half-precision matrix rate of an H200; the roof that GPU rates are shares of."""
CPU_FORMS = (("ours", 1), ("eager", 1), ("sdpa", 1), ("ours", 4), ("eager", 4), ("sdpa", 4))
GPU_FORMS = (("ours", 8), ("ours", 32), ("sdpa", 1), ("sdpa", 8), ("eager", 1))
WORDS = {"ours": "Soundkin", "eager": "transformers, eager", "sdpa": "transformers, SDPA"}

Found: TypeAlias = dict[str, float]
"""What ``benchmarks.encode_forms`` measured in one process, or the medians of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One form of one size at one batch size."""

    size: str
    form: str
    batch: int
    cpu_s: float
    """CPU seconds a clip."""
    wall_s: float
    peak_mib: float
    """Of the whole process, loading included."""
    floor_share: float
    """Seconds the arithmetic alone takes at the machine's best rate, over the seconds it took."""


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


def run_form(form: str, folder: Path, *, batch: int, device: str = "cpu") -> Found:
    """Measure one form in a fresh process. Raises CalledProcessError."""
    command = [sys.executable, "-m", "benchmarks.encode_forms", form, str(folder), "--batch", str(batch)]
    calls = "1" if device == "cpu" and batch > 1 else "2" if device == "cpu" else "10"
    one_core = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} if device == "cpu" else {}
    ran = subprocess.run(
        [*command, "--device", device, "--calls", calls],
        cwd=ROOT,
        env={**os.environ, **one_core, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Found = json.loads(ran.stdout)
    return found


def measure(size: str, folder: Path, *, rounds: int, device: str) -> list[Row]:
    """Every form of one size, in turns, ``rounds`` times; medians."""
    forms = CPU_FORMS if device == "cpu" else GPU_FORMS
    found: dict[tuple[str, int], list[Found]] = {form: [] for form in (("products", 1), *forms)}
    for _ in range(rounds):
        for form, batch in found:
            found[form, batch].append(run_form(form, folder, batch=batch, device=device))
            print(f"{size} {device} {form} batch {batch}: {found[form, batch][-1]}", flush=True)
    floor_s = _floor_s(size, found.pop(("products", 1)), device)
    return [_row(size, form, batch, some, floor_s) for (form, batch), some in found.items()]


def _floor_s(size: str, products: Sequence[Found], device: str) -> float:
    gflop = sum(operations(SIZES[size], CLIP_SAMPLES).values())
    if device == "cuda":
        return gflop / (H200_TFLOPS * 1000)
    return gflop * min(each["cpu_s"] for each in products) / PRODUCT_GFLOP


def _row(size: str, form: str, batch: int, found: Sequence[Found], floor_s: float) -> Row:
    median = {name: statistics.median(each[name] for each in found) for name in found[0]}
    took_s = median["wall_s"] if "gpu_peak_mib" in median else median["cpu_s"]
    return Row(
        size=size,
        form=form,
        batch=batch,
        cpu_s=median["cpu_s"],
        wall_s=median["wall_s"],
        peak_mib=median.get("gpu_peak_mib", median["peak_mib"]),
        floor_share=floor_s / took_s,
    )


def cpu_table(rows: Sequence[Row]) -> str:
    """The rows as markdown, each beside ours at the same size and batch."""
    best = {(row.size, row.batch): row for row in rows if row.form == "ours"}
    lines = [
        "| model | form | at once | CPU s a clip | ours is faster by | peak MiB | ours takes | share of floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        mine = best[row.size, row.batch]
        faster = f"{row.cpu_s / mine.cpu_s:.2f} x" if row is not mine else ""
        less = f"{mine.peak_mib / row.peak_mib:.2f} x" if row is not mine else ""
        cells = (row.size, WORDS[row.form], str(row.batch), f"{row.cpu_s:.2f}", faster, f"{row.peak_mib:,.0f}", less)
        lines.append(f"| {' | '.join(cells)} | {row.floor_share:.0%} |")
    return "\n".join(lines)


def gpu_table(rows: Sequence[Row]) -> str:
    """The rows as markdown: clips a second from tensors in main memory."""
    lines = [
        "| model | form | clips at once | clips/s | share of roof | GPU memory, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.size, WORDS[row.form], str(row.batch), f"{1 / row.wall_s:.1f}", f"{row.floor_share:.0%}")
        lines.append(f"| {' | '.join(cells)} | {row.peak_mib:,.0f} |")
    return "\n".join(lines)


def notes(rows: Sequence[Row], gpu: Sequence[Row]) -> list[str]:
    """What the tables do not say by themselves."""
    counted = {size: sum(operations(geometry, CLIP_SAMPLES).values()) for size, geometry in SIZES.items()}
    said = [
        f"A clip of 30 s is {counted['95m']:.0f} GFLOP in the 95M, {counted['330m']:.0f} in the 330M, as written down.",
        "The floor is that, at the rate of the network's largest product on this machine, by the faster library.",
        "transformers: all hidden states copied out, then averaged. Weights are random, made by "
        "`python -m indexer.encoders.mert.checkpoints`.",
        f"Medians over fresh processes; one core; torch and transformers as pinned; {len(rows)} forms in turns.",
    ]
    if not gpu:
        said.append(
            "GPU: unmeasured, this machine has none. The same command fills a second table where CUDA is there."
        )
    return said


def _machine() -> str:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _checkpoint(weights: Path, size: str) -> Path:
    """The folder of a random checkpoint, written if it is not there."""
    folder = weights / size
    if not (folder / "model.safetensors").exists():
        make = [sys.executable, "-m", "indexer.encoders.mert.checkpoints", str(folder), "--size", size]
        subprocess.run(make, cwd=ROOT, check=True)
    return folder


def _has_cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and write them where ``--json`` says."""
    parser = argparse.ArgumentParser(description="Measure what a clip costs in MERT.")
    parser.add_argument("--weights", type=Path, help="keep the random checkpoints here; default: a temporary folder")
    parser.add_argument("--sizes", nargs="+", choices=sorted(SIZES), default=["95m", "330m"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="OUT")
    asked = parser.parse_args(arguments)
    if not all(find_spec(name) for name in ("torch", "transformers")):
        print("torch or transformers is not installed: pip install -c constraints.txt -e '.[mert]'")
        return 0
    with tempfile.TemporaryDirectory() as aside:
        folders = {size: _checkpoint(asked.weights or Path(aside), size) for size in asked.sizes}
        rows = [row for size in asked.sizes for row in measure(size, folders[size], rounds=asked.rounds, device="cpu")]
        gpu = [
            row for size in asked.sizes * _has_cuda() for row in measure(size, folders[size], rounds=1, device="cuda")
        ]
    table = "\n\n".join([cpu_table(rows), *([gpu_table(gpu)] if gpu else [])])
    found = {
        "title": "What a clip costs in MERT",
        "command": "python -m benchmarks.encode",
        "machine": _machine(),
        "table_markdown": table,
        "notes": notes(rows, gpu),
    }
    print(table)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
