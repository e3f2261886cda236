"""Fits the constants with which the encoder ``descriptors`` standardises its features, from generated audio only.

    python -m benchmarks.fit_descriptors              show how the committed constants fit freshly made audio
    python -m benchmarks.fit_descriptors --write      make them anew; **every index must then be rebuilt**
    python -m benchmarks.fit_descriptors --look FOLDER   also say how often real music lies beyond 4 std; fits nothing

No recording is used, so no licence of a recording applies to the constants, and no test set leaks into them.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.fit_material import example_clip, generated_clip
from indexer.audio.decode import choose_excerpt, decode, probe
from indexer.demo.synth import STYLES, render
from indexer.encoders.descriptors.clip_analysis import SAMPLE_RATE_HZ, Descriptors
from indexer.encoders.descriptors.encoder import CONSTANTS_PATH, FAMILIES, Constants, descriptor_values, load_constants
from recommender.types import Waveform

FIRST_SEED = 1000
"""Lower seeds are used by the demo and by tests."""
CLIPS_PER_STYLE = 24
GENERATED_CLIPS = 384
SECONDS = 30.0
WINSOR_PERCENT = 5.0
"""Values beyond the 5th and 95th percentile are set to them before mean and std are computed."""
NORMAL_SHRINKAGE = 0.9117
"""Std of a unit normal distribution after this; the std is divided by it (checked in the tests)."""
OUTLIER_STD = 4.0

Described = dict[str, list[Descriptors]]
"""Layer -> one dict of descriptors per clip."""


def material() -> Iterator[Waveform]:
    """Every clip that the constants are fitted on."""
    for style in STYLES:
        for seed in range(FIRST_SEED, FIRST_SEED + CLIPS_PER_STYLE):
            yield render(style, seed=seed, seconds=SECONDS, sample_rate_hz=SAMPLE_RATE_HZ)
    for seed in range(FIRST_SEED, FIRST_SEED + GENERATED_CLIPS):
        yield generated_clip(seed, seconds=SECONDS, sample_rate_hz=SAMPLE_RATE_HZ)


def describe(clips: Iterable[Waveform]) -> Described:
    """All descriptors of all clips."""
    described: Described = {layer: [] for layer in FAMILIES}
    for clip in clips:
        for layer, values in descriptor_values(clip).items():
            described[layer].append(values)
    return described


def fit(described: Described) -> dict[str, dict[str, list[float]]]:
    """Robust (mean, std) of each descriptor, by layer."""
    return {
        layer: {name: list(robust(np.array([clip[name] for clip in clips]))) for name in clips[0]}
        for layer, clips in described.items()
    }


def robust(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Winsorised mean and std; the std is corrected for a normal distribution. Five digits."""
    low, high = np.percentile(values, (WINSOR_PERCENT, 100 - WINSOR_PERCENT))
    clipped = np.clip(values, low, high)
    return float(f"{clipped.mean():.5g}"), float(f"{max(clipped.std() / NORMAL_SHRINKAGE, 1e-4):.5g}")


def outliers(described: Described, constants: Constants) -> list[tuple[str, float, float, float, list[str]]]:
    """For each layer: share of values beyond OUTLIER_STD, median and largest mean offset in std, worst descriptors."""
    rows = []
    for layer, clips in described.items():
        scores = {
            name: (np.array([clip[name] for clip in clips]) - mean) / std
            for name, (mean, std) in constants[layer].items()
        }
        offsets = {name: abs(float(score.mean())) for name, score in scores.items()}
        beyond = float(np.mean([np.abs(score) > OUTLIER_STD for score in scores.values()]))
        worst = sorted(offsets, key=offsets.__getitem__, reverse=True)[:3]
        rows.append((layer, beyond, float(np.median(list(offsets.values()))), offsets[worst[0]], worst))
    return rows


def show(title: str, described: Described, constants: Constants) -> None:
    """Print the table of :func:`outliers`."""
    print(f"\n{title}: {len(next(iter(described.values())))} clips\n")
    print(
        f"| layer | beyond {OUTLIER_STD:g} std | median offset of means, std | largest | where |\n|---|---|---|---|---|"
    )
    for layer, beyond, typical, largest, worst in outliers(described, constants):
        print(f"| {layer} | {beyond:.2%} | {typical:.2f} | {largest:.2f} | {', '.join(worst)} |")


def write(constants: dict[str, dict[str, list[float]]]) -> None:
    """Replace the committed constants, with a record of how they were made."""
    made_by = {
        "program": "benchmarks/fit_descriptors.py",
        "material": f"indexer.demo.synth.render: {len(STYLES)} styles x {CLIPS_PER_STYLE} seeds; "
        f"benchmarks.fit_material.generated_clip: {GENERATED_CLIPS} seeds; all from {FIRST_SEED} on, {SECONDS:g} s",
        "estimator": f"mean and std winsorised at {WINSOR_PERCENT:g} %, std divided by {NORMAL_SHRINKAGE}",
        "licence": "own: no recording was used",
    }
    example = {layer: _rounded(values) for layer, values in descriptor_values(example_clip(SAMPLE_RATE_HZ)).items()}
    text = json.dumps({"made_by": made_by, "layers": constants, "example": example}, indent=1)
    CONSTANTS_PATH.write_text(_pairs_on_one_line(text) + "\n", encoding="utf-8")
    print(f"wrote {CONSTANTS_PATH}: a new revision, so every index of this encoder must be rebuilt")


def _pairs_on_one_line(text: str) -> str:
    return re.sub(r"\[\s+([^\[\]\s]+),\s+([^\[\]\s]+)\s+\]", r"[\1, \2]", text)


def _rounded(values: Descriptors) -> Descriptors:
    return {name: float(f"{value:.6g}") for name, value in values.items()}


def recordings(folder: Path) -> Iterator[Waveform]:
    """Every Ogg Vorbis, FLAC, WAV or MP3 file of ``folder``, decoded as by the indexer."""
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".ogg", ".flac", ".wav", ".mp3")):
        yield decode(path, excerpt=choose_excerpt(probe(path).duration_s), sample_rate_hz=SAMPLE_RATE_HZ)


def main() -> None:
    """The command line; the module docstring describes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="replace the committed constants")
    parser.add_argument(
        "--look", type=Path, metavar="FOLDER", help="show how the constants fit this music; fits nothing"
    )
    arguments = parser.parse_args()
    described = describe(material())
    if arguments.write:
        write(fit(described))
    show("generated material", described, load_constants())
    if arguments.look:
        show(str(arguments.look), describe(recordings(arguments.look)), load_constants())


if __name__ == "__main__":
    main()
