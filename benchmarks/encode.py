"""Time and memory of a clip in MERT: Soundkin's encoder compared with transformers and with the bare arithmetic.

    python -m benchmarks.encode [--weights FOLDER] [--sizes 95m 330m] [--rounds 2] [--json OUT]

Every form runs in fresh processes, in turns, on one core. Random weights cost the same as real ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from benchmarks.encode_rates import UNMEASURED, Rate, operations, rate_of, rates_table, verdicts
from benchmarks.measurement import ONE_THREAD, Bar, Measurement, add_json_option, machine, publish
from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.models import MERT_V1_95M, MERT_V1_330M

ROOT = Path(__file__).resolve().parents[1]
SIZES: Mapping[str, Geometry] = {"95m": MERT_V1_95M.geometry, "330m": MERT_V1_330M.geometry}
CLIP_SAMPLES = 720_000
PRODUCT_GFLOP = 20 * 2 * 2249 * 768 * 3072 / 1e9
"""Arithmetic of one call of the form ``products``."""
CPU_FORMS = (("ours", 1), ("eager", 1), ("sdpa", 1), ("ours", 4), ("eager", 4), ("sdpa", 4))
GPU_FORMS = (("ours", 8), ("ours", 32), ("sdpa", 1), ("sdpa", 8), ("eager", 1))
PRODUCTS = {"cpu": ("products", 1), "cuda": ("products", 32)}
"""Device -> form and batch that the floor is measured with."""
WHOLE_CLIPS: Mapping[str, Mapping[str, int]] = {
    "cpu": {"tensors": 4, "files": 4},
    "cuda": {"tensors": 2048, "files": 1024},
}
"""Clips of an end-to-end run, by device and source."""
WORDS = {"ours": "Soundkin", "eager": "transformers, eager", "sdpa": "transformers, SDPA"}

Found: TypeAlias = dict[str, float]
"""Figures of ``benchmarks.encode_forms`` from one process, or medians of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormResult:
    """One form of one size at one batch size."""

    size: str
    form: str
    batch: int
    cpu_s: float
    """CPU seconds per clip."""
    wall_s: float
    peak_mib: float
    """Peak memory of the whole process, loading included."""
    floor_share: float
    """Seconds of the arithmetic alone at the machine's best rate, divided by the seconds measured."""


def run_form(form: str, folder: Path, *, batch: int, device: str = "cpu") -> Found:
    """Measure one form in a fresh process. Raises CalledProcessError."""
    command = [sys.executable, "-m", "benchmarks.encode_forms", form, str(folder), "--batch", str(batch)]
    calls = "1" if device == "cpu" and batch > 1 else "2" if device == "cpu" else "10"
    one_core = ONE_THREAD if device == "cpu" else {}
    ran = subprocess.run(
        [*command, "--device", device, "--calls", calls],
        cwd=ROOT,
        env={**os.environ, **one_core, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Found = json.loads(ran.stdout)
    return found


def run_whole(source: str, folder: Path, *, device: str) -> dict[str, float | str | None]:
    """Measure one end-to-end run in a fresh process. Raises CalledProcessError."""
    clips = WHOLE_CLIPS[device][source]
    where = "cpu" if device == "cpu" else "cuda:0"
    command = [sys.executable, "-m", "benchmarks.encode_whole", source, str(folder), "--device", where]
    threads = ONE_THREAD if device == "cpu" else {}
    ran = subprocess.run(
        [*command, "--clips", str(clips)], cwd=ROOT, env={**os.environ, **threads}, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float | str | None] = json.loads(ran.stdout)
    print(f"{device} from {source}: {found}", flush=True)
    return found


def measure_whole(size: str, folder: Path, *, device: str) -> list[Rate]:
    """Measure end-to-end runs from tensors and from files, each once."""
    gflop = sum(operations(SIZES[size], CLIP_SAMPLES).values())
    form, batch = PRODUCTS[device]
    floor_s = _floor_s(size, [run_form(form, folder, batch=batch, device=device)], device)
    found = [run_whole(source, folder, device=device) for source in ("tensors", "files")]
    return [rate_of(size, each, gflop=gflop, floor_s=floor_s) for each in found]


def measure(size: str, folder: Path, *, rounds: int, device: str) -> list[FormResult]:
    """Every form of one size, in turns, ``rounds`` times; medians."""
    forms = CPU_FORMS if device == "cpu" else GPU_FORMS
    found: dict[tuple[str, int], list[Found]] = {form: [] for form in (PRODUCTS[device], *forms)}
    for _ in range(rounds):
        for form, batch in found:
            found[form, batch].append(run_form(form, folder, batch=batch, device=device))
            print(f"{size} {device} {form} batch {batch}: {found[form, batch][-1]}", flush=True)
    floor_s = _floor_s(size, found.pop(PRODUCTS[device]), device)
    return [_row(size, form, batch, some, floor_s) for (form, batch), some in found.items()]


def _floor_s(size: str, products: Sequence[Found], device: str) -> float:
    gflop = sum(operations(SIZES[size], CLIP_SAMPLES).values())
    clock = "wall_s" if device == "cuda" else "cpu_s"
    return gflop * min(each[clock] for each in products) / PRODUCT_GFLOP


def _row(size: str, form: str, batch: int, found: Sequence[Found], floor_s: float) -> FormResult:
    median = {name: statistics.median(each[name] for each in found) for name in found[0]}
    took_s = median["wall_s"] if "gpu_peak_mib" in median else median["cpu_s"]
    return FormResult(
        size=size,
        form=form,
        batch=batch,
        cpu_s=median["cpu_s"],
        wall_s=median["wall_s"],
        peak_mib=median.get("gpu_peak_mib", median["peak_mib"]),
        floor_share=floor_s / took_s,
    )


def cpu_table(rows: Sequence[FormResult]) -> str:
    """The rows as markdown, each compared with Soundkin at the same size and batch."""
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


def gpu_table(rows: Sequence[FormResult]) -> str:
    """The rows as markdown: clips per second from tensors in main memory."""
    lines = [
        "| model | form | clips at once | clips/s | share of floor | GPU memory, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.size, WORDS[row.form], str(row.batch), f"{1 / row.wall_s:.1f}", f"{row.floor_share:.0%}")
        lines.append(f"| {' | '.join(cells)} | {row.peak_mib:,.0f} |")
    return "\n".join(lines)


def notes(rows: Sequence[FormResult], rates: Sequence[Rate]) -> list[str]:
    """What a reader must know to judge the tables."""
    counted = {size: sum(operations(geometry, CLIP_SAMPLES).values()) for size, geometry in SIZES.items()}
    return [
        f"A clip of 30 s takes {counted['95m']:.0f} GFLOP in the 95M and {counted['330m']:.0f} in the 330M.",
        "The floor is this arithmetic at the rate of the network's largest product here, by the faster library.",
        "transformers: all hidden states copied out, then averaged. Weights are random, made by "
        "`soundkin encoder make-random`.",
        f"Medians over fresh processes; one core; torch and transformers as pinned; {len(rows)} forms in turns.",
        "From files: MP3s of 30 s, 44.1 kHz, stereo, through the pipeline of `soundkin embed` into a store; wall time, "
        f"once, load average {os.getloadavg()[0]:.1f} at the end.",
        "Idle: the time in which the encoder had no pass to work on.",
        "Clips per second are by wall time, which on a CPU is shared with other programs; there the floor is compared "
        "with CPU time.",
        *verdicts(rates),
        *(f"Unmeasured here: {what}." for what in unmeasured(rates).values()),
    ]


def bars_of(rows: Sequence[FormResult]) -> list[Bar]:
    """Soundkin takes no more CPU time a clip than transformers with the same batch."""
    ours = {(row.size, row.batch): row.cpu_s for row in rows if row.form == "ours"}
    return [
        Bar(
            name=f"{row.size}, {row.batch} at once: CPU of {WORDS[row.form]} over CPU of ours",
            value=row.cpu_s / ours[row.size, row.batch],
            threshold=1.0,
        )
        for row in rows
        if row.form != "ours" and (row.size, row.batch) in ours
    ]


def unmeasured(rates: Sequence[Rate]) -> dict[str, str]:
    """Name -> figure that ``rates`` do not contain. One GPU cannot measure several."""
    on_gpu = any(rate.device.startswith("cuda") for rate in rates)
    return {name: what for name, what in UNMEASURED.items() if not on_gpu or name == "several_gpus"}


def _checkpoint(weights: Path, size: str) -> Path:
    """Folder of a random checkpoint, which is written if it does not exist."""
    folder = weights / size
    if not (folder / "model.safetensors").exists():
        make = [sys.executable, "-m", "soundkin", "encoder", "make-random", f"mert-v1-{size}", str(folder)]
        subprocess.run(make, cwd=ROOT, check=True)
    return folder


def _has_cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and write them where ``--json`` is given."""
    parser = argparse.ArgumentParser(description="Measure time and memory of a clip in MERT.")
    parser.add_argument("--weights", type=Path, help="keep the random checkpoints here; default: a temporary folder")
    parser.add_argument("--sizes", nargs="+", choices=sorted(SIZES), default=["95m", "330m"])
    parser.add_argument("--rounds", type=int, default=2)
    add_json_option(parser)
    asked = parser.parse_args(arguments)
    if not all(find_spec(name) for name in ("torch", "transformers")):
        print("torch or transformers is not installed: pip install -c constraints.txt -e '.[mert]'")
        return 0
    with tempfile.TemporaryDirectory() as aside:
        folders = {size: _checkpoint(asked.weights or Path(aside), size) for size in asked.sizes}
        rows = [row for size in asked.sizes for row in measure(size, folders[size], rounds=asked.rounds, device="cpu")]
        devices = ["cpu", *["cuda"] * _has_cuda()]
        gpu = [
            row for size in asked.sizes * _has_cuda() for row in measure(size, folders[size], rounds=1, device="cuda")
        ]
        rates = [
            rate
            for device in devices
            for size in asked.sizes
            for rate in measure_whole(size, folders[size], device=device)
        ]
    explained = notes(rows, rates)
    table = "\n\n".join([cpu_table(rows), *([gpu_table(gpu)] if gpu else []), rates_table(rates)])
    result = Measurement(
        title="Cost of a clip in MERT",
        command="python -m benchmarks.encode",
        machine=machine("torch", "transformers"),
        table_markdown=table,
        notes=tuple(explained),
        bars=tuple(bars_of(rows)),
        figures={"rates": [asdict(rate) for rate in rates], "unmeasured": unmeasured(rates)},
    )
    publish(result, asked.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
