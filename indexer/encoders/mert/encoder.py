"""MERT as an encoder: the mean over time of every hidden state of a clip.

The model: Li and others, "MERT: Acoustic music understanding model with large-scale self-supervised training", 2023.
What is computed, and how it was checked against the published code: docs/methods.md, "MERT".
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from indexer.audio.decode import PREPROCESSING
from indexer.audio.rejection_reasons import Reason
from indexer.encoders.mert import known_answers
from indexer.encoders.mert.batches import (
    FULL,
    STEP_S,
    Batcher,
    Context,
    Plan,
    average_pieces,
    in_fixed_shapes,
    one_by_one,
    rows_that_fit,
)
from indexer.encoders.mert.config import Geometry, differences, read_geometry
from indexer.encoders.mert.device import DevicePlacement, Precision, choose_precision, select_device
from indexer.encoders.mert.device_pass import Passes
from indexer.encoders.mert.models import SAMPLE_RATE_HZ, MertSpec
from indexer.encoders.mert.network import Network
from indexer.encoders.mert.weights import WEIGHTS_FILE, Weights, open_weights
from recommender.errors import BadInput, WeightsRefused
from recommender.licences import find_licence
from recommender.types import ClipEmbeddings, Layer, Licence, Space, Waveform

_log = logging.getLogger(__name__)

FORWARD = "1"
"""Version of the forward pass. Part of the space: change it when a vector changes by more than rounding."""

NORMALISATION = "zero-mean-unit-variance"
"""Normalisation of each clip; a downloaded preprocessor_config.json is not read."""

CPU_BATCH = 8
"""Clips to be given at once, where a pass has one clip or a few."""
PASSES_A_BATCH = 4
"""Passes to be given at once on CUDA: the input of three in four is copied while the device computes."""
_ROWS_ELSEWHERE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MertOptions:
    """Options of a MERT encoder. Context and precision are part of its space; the device is not."""

    device: str = "auto"
    """One device: ``cpu``, ``cuda:1``, ``mps``; the first, where ``cuda`` or ``auto`` mean several."""
    precision: str = "auto"
    """``fp32``, ``fp16``, or ``auto``: fp16 on CUDA, fp32 elsewhere."""
    context: Context = FULL
    sha256: str | None = None
    """Refuse a weights file that does not have this digest."""


def space_of(spec: MertSpec, weights_sha256: str, *, precision: Precision, context: Context = FULL) -> Space:
    """The space of ``spec`` with these weights. Another file, precision or context is another space."""
    layers = tuple(Layer(name=name, description=_layer_description(name)) for name in spec.layer_names)
    return Space(
        name=spec.id if context == FULL else f"{spec.id}-{context.name.replace(':', '-')}",
        revision=f"forward-{FORWARD}+weights-{weights_sha256}+{context.name}+{precision}",
        licence=spec.licence,
        layers=layers,
        dim=spec.geometry.hidden,
        sample_rate_hz=SAMPLE_RATE_HZ,
        preprocessing=f"{PREPROCESSING}:{NORMALISATION}",
        default_mix={spec.default_layer: 1.0},
    )


class MertEncoder:
    """A MERT model as an :class:`~indexer.encoders.base.Encoder`.

    Reads a folder with ``config.json`` and ``model.safetensors``. A clip is embedded whole, at zero mean and
    unit variance; the result is the mean over time of each hidden state, computed on the device.
    """

    def __init__(self, spec: MertSpec, folder: Path, options: MertOptions | None = None) -> None:
        """Load and check the model.

        Raises:
            WeightsRefused: the config or the weights are not the model's; see :func:`open_weights`.
            KnownAnswerWrong: the test signal no longer has the vector that was recorded for these weights.
            InvalidArgument: no such device or precision.
        """
        options = options or MertOptions()
        device = select_device(options.device)
        self._placing = DevicePlacement(device=device, precision=choose_precision(options.precision, device))
        self._spec, self._context = spec, options.context
        self._weights = load_model(spec, folder, sha256=options.sha256)
        self._passes = Passes(self._network(self._placing.precision), device, exact=self._exact_network)
        self._batcher = Batcher(self._passes, _plan(device), rows=_rows(self._placing, spec.geometry))
        self._space = space_of(spec, self._weights.sha256, precision=self._placing.precision, context=options.context)
        self._check_known_answer(folder / known_answers.ANSWERS_FILE)

    @property
    def space(self) -> Space:
        """13 layers of 768 (95M) or 25 of 1024 (330M), at 24,000 Hz."""
        return self._space

    @property
    def licence(self) -> Licence:
        """Licence of the weights: CC-BY-NC-4.0 for MERT-v1."""
        return find_licence(self._spec.licence)

    @property
    def rows(self) -> int:
        """Clips in a forward pass; give a multiple of it to waste nothing. 1 on a CPU."""
        return self._batcher.rows

    @property
    def batch(self) -> int:
        """Clips to give at once: four passes on CUDA, so that the device does not wait for the next one."""
        return self.rows * PASSES_A_BATCH if self._placing.device.type == "cuda" else CPU_BATCH

    @property
    def busy_s(self) -> float:
        """Seconds that the device has spent on passes so far; it was idle for the rest."""
        return self._passes.busy_s

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips`` at 24,000 Hz -> ``[clip, layer, dim]`` float32, means over time, not unit length.

        On a CPU each clip is a pass of its own. On a GPU every pass has one of a few fixed shapes, padded if necessary.
        In both cases the vector of a clip does not depend on the other clips.

        Raises:
            BadInput: a clip is too short for one frame, not finite, constant, or does not fit the device alone.
        """
        for clip in clips:
            _require_usable(clip, self._spec.geometry)
        pieces = [self._context.pieces(clip, SAMPLE_RATE_HZ) for clip in clips]
        embedded = self._batcher([piece for of_clip in pieces for piece in of_clip])
        if not embedded:
            return np.zeros((0, self._spec.geometry.states, self._spec.geometry.hidden), dtype=np.float32)
        return average_pieces(np.stack(embedded), [len(of_clip) for of_clip in pieces])

    def _network(self, precision: Precision) -> Network:
        placing = DevicePlacement(device=self._placing.device, precision=precision)
        return Network(self._weights, self._spec.geometry, placing=placing)

    def _exact_network(self) -> Network:
        return self._network(Precision.FP32)

    def _check_known_answer(self, file: Path) -> None:
        compared = known_answers.check(
            self._space.name, self._weights.sha256, self._answer, file=file, rate_hz=SAMPLE_RATE_HZ
        )
        _log.info("%s: known answer %s", self._space.name, "confirmed" if compared else "recorded for the first time")

    def _answer(self, signal: Waveform) -> ClipEmbeddings:
        answer: ClipEmbeddings = self._batcher([signal])[0]
        return answer


def load_model(spec: MertSpec, folder: Path, *, sha256: str | None = None) -> Weights:
    """Check config and weights of a folder against ``spec``; none is kept in memory. Raises WeightsRefused."""
    config = folder / "config.json"
    wrong = differences(read_geometry(config), spec.geometry)
    if wrong:
        raise WeightsRefused(str(config), f"is not of {spec.id}: {'; '.join(wrong)}")
    return open_weights(folder / WEIGHTS_FILE, spec.geometry, sha256=sha256)


def _plan(device: torch.device) -> Plan:
    return one_by_one if device.type == "cpu" else partial(in_fixed_shapes, step=STEP_S * SAMPLE_RATE_HZ)


def _rows(placing: DevicePlacement, geometry: Geometry) -> int:
    """Clips in a pass: 1 on a CPU, as many as fit the free memory on CUDA, 4 elsewhere."""
    if placing.device.type != "cuda":
        return 1 if placing.device.type == "cpu" else _ROWS_ELSEWHERE
    free, _ = torch.cuda.mem_get_info(placing.device)
    return rows_that_fit(free, geometry, placing.precision)


def _require_usable(clip: Waveform, geometry: Geometry) -> None:
    if geometry.frames(len(clip)) < 1:
        raise BadInput(Reason.TOO_SHORT, f"{len(clip)} samples; a frame needs {geometry.field}")
    if not np.isfinite(clip).all():
        raise BadInput(Reason.NON_FINITE, "the clip has NaN or infinite samples; decode it again")
    if float(clip.min()) == float(clip.max()):
        raise BadInput(Reason.SILENT, "every sample of the clip is the same; it has no sound")


def _layer_description(name: str) -> str:
    return "frames before the first transformer layer" if name == "0" else f"frames after transformer layer {name}"
