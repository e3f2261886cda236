"""One way of running MERT, measured in a process of its own: ``python -m benchmarks.encode_forms FORM FOLDER``.

Writes one JSON object to stdout. ``benchmarks.encode`` starts it: peak memory is that of a process.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from indexer.encoders.mert.config import read_geometry
from indexer.encoders.mert.encoder import MertEncoder, MertOptions
from indexer.encoders.mert.kernels import OneDnn, Portable
from indexer.encoders.mert.models import SAMPLE_RATE_HZ, SPECS
from recommender.types import ClipEmbeddings, Waveform

Encode: TypeAlias = Callable[[Sequence[Waveform]], ClipEmbeddings]


def ours(folder: Path, device: str) -> Encode:
    """Soundkin's encoder, as ``soundkin embed`` uses it."""
    geometry = read_geometry(folder / "config.json")
    spec = next(spec for spec in SPECS.values() if spec.geometry == geometry)
    return MertEncoder(spec, folder, MertOptions(device=device)).encode


def transformers_loop(folder: Path, device: str, *, attention: str) -> Encode:
    """The loop of the model's card: all hidden states of a batch, copied out, then their mean over time.

    On a GPU in half precision by autocast, as one would run it there.
    """
    warnings.simplefilter("ignore")
    from transformers import HubertModel

    model: Any = HubertModel.from_pretrained(folder, attn_implementation=attention)  # Any: its methods are untyped
    model.to(device).eval()

    def encode(clips: Sequence[Waveform]) -> ClipEmbeddings:
        level = np.stack([(clip - clip.mean()) / np.sqrt(clip.var() + 1e-7) for clip in clips])
        half = torch.autocast(device, torch.float16, enabled=device != "cpu")
        with torch.no_grad(), half:
            out = model(torch.from_numpy(level).to(device), output_hidden_states=True)
        states = torch.stack([*out.hidden_states[:-1], out.last_hidden_state], dim=1).float().cpu().numpy()
        return np.asarray(states.mean(axis=2))

    return encode


def product_rate(_folder: Path, device: str) -> Encode:
    """No model: the largest product of the network by the better of our kernels, for what the machine can do.

    With the rows of as many clips as it is given, for a GPU needs many to be busy.
    """
    dtype = torch.float32 if device == "cpu" else torch.float16
    kernels = OneDnn() if device == "cpu" and OneDnn.is_available() else Portable()
    product = kernels.affine(torch.randn(3072, 768, device=device).to(dtype), None)

    @cache
    def frames(clips: int) -> torch.Tensor:
        return torch.randn(clips * 2249, 768, device=device).to(dtype)

    def encode(clips: Sequence[Waveform]) -> ClipEmbeddings:
        for _ in range(PRODUCTS):
            product(frames(len(clips)))
        if device != "cpu":
            torch.cuda.synchronize()
        return np.zeros((1, 1, 1), dtype=np.float32)

    return encode


PRODUCTS = 20
"""Products that :func:`product_rate` calls one clip, of 2 * 2249 * 768 * 3072 operations each."""

FORMS: dict[str, Callable[[Path, str], Encode]] = {
    "ours": ours,
    "eager": lambda folder, device: transformers_loop(folder, device, attention="eager"),
    "sdpa": lambda folder, device: transformers_loop(folder, device, attention="sdpa"),
    "products": product_rate,
}


def sounds(count: int, seconds: float, *, seed: int = 0) -> list[Waveform]:
    """Noise that swells, different in each clip."""
    random = np.random.default_rng(seed)
    swell = 0.05 + 0.05 * np.sin(np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ)
    return [np.asarray(swell * random.standard_normal(swell.size), dtype=np.float32) for _ in range(count)]


def measure(form: str, folder: Path, *, device: str, batch: int, calls: int) -> dict[str, float]:
    """Load a form, warm it up, then time ``calls`` calls of ``batch`` clips of 30 s; the best of them counts."""
    encode = FORMS[form](folder, device)
    encode(sounds(1, 3.0) if device == "cpu" else sounds(batch, 30.0))
    clips = sounds(batch, 30.0)
    timings = [_timed(encode, clips) for _ in range(calls)]
    found = {
        "cpu_s": min(cpu for cpu, _ in timings) / batch,
        "wall_s": min(wall for _, wall in timings) / batch,
        "peak_mib": peak_memory_mib(),
    }
    if device == "cuda":
        found["gpu_peak_mib"] = torch.cuda.max_memory_allocated() / 2**20
    return found


def _timed(encode: Encode, clips: Sequence[Waveform]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    encode(clips)
    return time.process_time() - cpu, time.perf_counter() - wall


def peak_memory_mib() -> float:
    """The most memory this process ever held: of its own since it started, not of the process that started it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10
    except OSError:  # not Linux
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one form and print what was found."""
    parser = argparse.ArgumentParser(description="Measure one way of running MERT.")
    parser.add_argument("form", choices=sorted(FORMS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--calls", type=int, default=2)
    asked = parser.parse_args(arguments)
    if asked.device == "cpu":
        torch.set_num_threads(1)
    found = measure(asked.form, asked.folder, device=asked.device, batch=asked.batch, calls=asked.calls)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
