"""Writes random checkpoints in the layout of the published ones (``soundkin encoder make-random``); for tests."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from indexer.encoders.mert.config import POS_GAIN, Geometry, expected_shapes, write_config
from indexer.encoders.mert.models import SAMPLE_RATE_HZ
from indexer.encoders.mert.weights import PUBLISHED_FILE, WEIGHTS_FILE

Tensors = Mapping[str, torch.Tensor]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_BLOCK = 1 << 20


def tiny_geometry(*, pre_norm: bool) -> Geometry:
    """MERT-v1 but for width and depth: 3 layers of 48 dimensions, for tests that take milliseconds."""
    return Geometry(
        hidden=48,
        layers=3,
        heads=4,
        feed_forward=96,
        pre_norm=pre_norm,
        conv_dim=(32,) * 7,
        conv_kernel=(10, 3, 3, 3, 3, 2, 2),
        conv_stride=(5, 2, 2, 2, 2, 2, 2),
        pos_kernel=128,
        pos_groups=16,
        norm_eps=1e-5,
    )


def random_tensors(geometry: Geometry, seed: int = 0) -> Tensors:
    """Every tensor of a checkpoint, float32. The same for the same seed, on any machine and with any library version.

    Scaled so that signals keep their size from layer to layer. The lengths of the taps of the positional kernel are
    drawn independently of their directions, so that a loader that ignores one of the two gives other vectors.
    """
    return {name: _tensor(name, shape, seed) for name, shape in expected_shapes(geometry).items()}


def write_checkpoint(folder: Path, geometry: Geometry, *, seed: int = 0, published_form: bool = False) -> Path:
    """Write ``config.json``, ``preprocessor_config.json`` and the weights to ``folder``; the path of the weights.

    ``published_form`` writes ``pytorch_model.bin``, as on the hub; else ``model.safetensors``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "config.json", {**_UNUSED, **write_config(geometry)})
    _write_json(folder / "preprocessor_config.json", _PREPROCESSOR)
    tensors = dict(random_tensors(geometry, seed))
    if published_form:
        torch.save(tensors, folder / PUBLISHED_FILE)
        return folder / PUBLISHED_FILE
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    return folder / WEIGHTS_FILE


def uniform(name: str, count: int, seed: int) -> npt.NDArray[np.float32]:
    """``count`` numbers in [-1, 1), float32, drawn for ``name``: always the same for a name and a seed."""
    return splitmix(np.frombuffer(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], dtype="<u8")[0], count)


def splitmix(start: np.uint64, count: int) -> npt.NDArray[np.float32]:
    """The first ``count`` numbers of splitmix64 (Steele, Lea, Flood 2014) from ``start``, as float32 in [-1, 1)."""
    drawn = np.empty(count, dtype=np.float32)
    for begin in range(0, count, _BLOCK):
        z = start + np.arange(begin + 1, min(begin + _BLOCK, count) + 1, dtype=np.uint64) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX[0]
        z = (z ^ (z >> np.uint64(27))) * _MIX[1]
        z ^= z >> np.uint64(31)
        drawn[begin : begin + len(z)] = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - 1
    return drawn


def _tensor(name: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    drawn = uniform(name, math.prod(shape), seed).reshape(shape)
    return torch.from_numpy(drawn * np.float32(_spread(name, shape)) + np.float32(_centre(name)))


def _spread(name: str, shape: tuple[int, ...]) -> float:
    if "norm" in name or name.endswith("bias") or name == POS_GAIN:
        return 0.2
    gain = 1.0 if "conv" in name else 0.5
    return gain * math.sqrt(6 / max(1, math.prod(shape[1:])))


def _centre(name: str) -> float:
    return 1.0 if name == POS_GAIN or ("norm" in name and name.endswith("weight")) else 0.0


def _write_json(path: Path, data: Mapping[str, object]) -> None:
    path.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")


_UNUSED: Mapping[str, object] = {
    "activation_dropout": 0.1,
    "apply_spec_augment": True,
    "architectures": ["MERTModel"],
    "attention_dropout": 0.1,
    "attention_relax": -1.0,
    "feature_extractor_cqt_bins": 336,
    "hidden_dropout": 0.1,
    "layerdrop": 0.05,
    "mask_time_prob": 0.05,
    "model_type": "mert_model",
    "sample_rate": SAMPLE_RATE_HZ,
    "vocab_size": 32,
}
"""Fields of the published config that change nothing in a forward pass."""

_PREPROCESSOR: Mapping[str, object] = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0,
    "return_attention_mask": True,
    "sampling_rate": SAMPLE_RATE_HZ,
}
"""As published. Soundkin never reads it: the copies in circulation contradict each other."""
