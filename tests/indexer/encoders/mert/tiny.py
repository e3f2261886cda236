"""Tiny MERT checkpoints and sounds for them, and the published architecture as transformers has it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from indexer.encoders.mert.config import Geometry, write_config
from indexer.encoders.mert.device import DevicePlacement, Precision
from indexer.encoders.mert.kernels import Kernels
from indexer.encoders.mert.models import MertSpec
from indexer.encoders.mert.network import Network
from indexer.encoders.mert.random_checkpoint import random_tensors, tiny_geometry, write_checkpoint
from indexer.encoders.mert.weights import open_weights
from recommender.types import Waveform

if TYPE_CHECKING:
    from transformers import HubertModel

POST_NORM = tiny_geometry(pre_norm=False)
PRE_NORM = tiny_geometry(pre_norm=True)


def spec_of(geometry: Geometry) -> MertSpec:
    """A model of our own for tests: the tiny geometry under a name no real model has."""
    return MertSpec(
        id="mert-tiny", repo="none", revision="none", licence="CC-BY-NC-4.0", geometry=geometry, default_layer="2"
    )


def checkpoint(folder: Path, geometry: Geometry, **changed: torch.Tensor) -> Path:
    """A folder with a random checkpoint in which the tensors ``changed`` (dots written as ``__``) are others."""
    path = write_checkpoint(folder, geometry, seed=1)
    if changed:
        replaced = {name.replace("__", "."): tensor for name, tensor in changed.items()}
        save_file({**random_tensors(geometry, seed=1), **replaced}, path, metadata={"format": "pt"})
    return folder


def network(
    folder: Path,
    geometry: Geometry,
    *,
    precision: Precision = Precision.FP32,
    kernels: Kernels | None = None,
    tile_frames: int | None = None,
) -> Network:
    """The network of a checkpoint, on the CPU."""
    placing = DevicePlacement(device=torch.device("cpu"), precision=precision)
    weights = open_weights(folder / "model.safetensors", geometry)
    return Network(weights, geometry, placing=placing, kernels=kernels, tile_frames=tile_frames)


def sound(samples: int, *, seed: int = 0) -> Waveform:
    """Noise that swells, over a slow tone: no two stretches of it are alike."""
    random = np.random.default_rng(seed)
    time_s = np.arange(samples) / 24_000
    noise = random.standard_normal(samples) * (0.02 + 0.05 * np.sin(2 * time_s + seed) ** 2)
    return np.asarray(0.1 * np.sin(2 * np.pi * 180 * time_s) + noise, dtype=np.float32)


def batch(sounds: Sequence[Waveform]) -> tuple[torch.Tensor, list[int]]:
    """Sounds under one another, zeros behind each, and their lengths."""
    waves = np.zeros((len(sounds), max(len(clip) for clip in sounds)), dtype=np.float32)
    for row, clip in zip(waves, sounds, strict=True):
        row[: len(clip)] = clip
    return torch.from_numpy(waves), [len(clip) for clip in sounds]


def difference(result: torch.Tensor, reference: torch.Tensor) -> float:
    """Length of the difference, relative to what is wanted."""
    return float((result.double() - reference.double()).norm() / reference.double().norm())


def reference_states(model: HubertModel, clip: Waveform) -> list[torch.Tensor]:
    """Every hidden state of a clip by transformers: standardised, one clip, the last one as it leaves the network.

    ``hidden_states[-1]`` of a network that normalises first is not yet normalised in newer versions of
    transformers; ``last_hidden_state`` is right in all.
    """
    level = clip.astype(np.float64)
    level = (level - level.mean()) / level.std()
    with torch.no_grad():
        out = model(torch.from_numpy(level.astype(np.float32))[None], output_hidden_states=True)
    return [*out.hidden_states[:-1], out.last_hidden_state]


def reference_model(geometry: Geometry, *, seed: int = 1) -> HubertModel:
    """transformers' HubertModel with the weights of our random checkpoint, every key accounted for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import HubertConfig, HubertModel

        # Any: the types of a config are as many as its fields.
        sizes: dict[str, Any] = {name: value for name, value in write_config(geometry).items() if name in _SIZES}
        model: HubertModel = HubertModel(HubertConfig(**sizes))
    model.load_state_dict(dict(random_tensors(geometry, seed)), strict=True)
    model.train(False)
    return model


_SIZES = frozenset(
    {
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "do_stable_layer_norm",
        "conv_dim",
        "conv_kernel",
        "conv_stride",
        "num_conv_pos_embeddings",
        "num_conv_pos_embedding_groups",
        "layer_norm_eps",
    }
)
