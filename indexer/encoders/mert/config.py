"""The geometry of a MERT network, read from a ``config.json``, and the tensors that a checkpoint of it must have.

A config that requests arithmetic that is not implemented here is refused: it would load and give wrong vectors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

from recommender.errors import WeightsRefused

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Tensor name -> shape."""

POS_BIAS = "encoder.pos_conv_embed.conv.bias"
POS_GAIN = "encoder.pos_conv_embed.conv.weight_g"
"""Length of each tap of the kernel over all channels, ``[1, 1, tap]``: weight normalisation over axis 2."""
POS_DIRECTION = "encoder.pos_conv_embed.conv.weight_v"

OTHER_SPELLINGS: Mapping[str, str] = {
    "encoder.pos_conv_embed.conv.parametrizations.weight.original0": POS_GAIN,
    "encoder.pos_conv_embed.conv.parametrizations.weight.original1": POS_DIRECTION,
}
"""Names of two tensors in torch's newer weight normalisation -> their names in the published files, and here."""

REQUIRED: Mapping[str, object] = {
    "feature_extractor_cqt": False,
    "feat_extract_norm": "group",
    "deepnorm": False,
    "hidden_act": "gelu",
    "feat_extract_activation": "gelu",
    "conv_bias": False,
    "feat_proj_layer_norm": True,
    "conv_pos_batch_norm": False,
}
"""Fields that switch on arithmetic that is not implemented, with the only value that is accepted. An absent field has
the value here, as in the code that was published with the weights. ``attention_relax`` is not among them: that code
reads it only when ``deepnorm`` is on, and its effect there cancels out in the softmax."""

_LARGEST = 1 << 16
_MAX_BYTES = 1 << 20

_FIELDS: Mapping[str, str] = {
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "feed_forward": "intermediate_size",
    "pre_norm": "do_stable_layer_norm",
    "conv_dim": "conv_dim",
    "conv_kernel": "conv_kernel",
    "conv_stride": "conv_stride",
    "pos_kernel": "num_conv_pos_embeddings",
    "pos_groups": "num_conv_pos_embedding_groups",
    "norm_eps": "layer_norm_eps",
}
"""Field of :class:`Geometry` -> field of ``config.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """All numbers that decide which tensors there are and how a forward pass is computed."""

    hidden: int
    layers: int
    """Transformer layers; there is one more hidden state."""
    heads: int
    feed_forward: int
    pre_norm: bool
    """True: each layer normalises its input (330M). False: each layer normalises its output (95M)."""
    conv_dim: tuple[int, ...]
    conv_kernel: tuple[int, ...]
    conv_stride: tuple[int, ...]
    pos_kernel: int
    pos_groups: int
    norm_eps: float

    @property
    def states(self) -> int:
        """Hidden states of a frame: one before the first transformer layer, one after each."""
        return self.layers + 1

    @property
    def hop(self) -> int:
        """Samples from one frame to the next: 320 in MERT-v1, 75 frames a second at 24 kHz."""
        product = 1
        for stride in self.conv_stride:
            product *= stride
        return product

    @property
    def field(self) -> int:
        """Samples that one frame depends on before the transformer (the receptive field): 400 in MERT-v1."""
        samples = 1
        for kernel, stride in zip(reversed(self.conv_kernel), reversed(self.conv_stride), strict=True):
            samples = (samples - 1) * stride + kernel
        return samples

    def frames(self, samples: int) -> int:
        """Frames made from ``samples`` samples: 2249 of 720,000 in MERT-v1; 0 when there are too few for one."""
        return max(0, (samples - self.field) // self.hop + 1)


def read_geometry(path: Path) -> Geometry:
    """Read and check a ``config.json``.

    Raises:
        WeightsRefused: not a JSON object, or a field that is missing, of another type, out of range, or that requests
            arithmetic that is not implemented; the message names the field.
    """
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsRefused(str(path), f"cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise WeightsRefused(str(path), "is not a JSON object")
    problem = _problem(data)
    if problem:
        raise WeightsRefused(str(path), problem)
    return _geometry(data)


def write_config(geometry: Geometry) -> dict[str, object]:
    """The fields of a ``config.json`` for ``geometry``; :func:`read_geometry` reads them back."""
    sizes = {field: getattr(geometry, name) for name, field in _FIELDS.items()}
    listed: dict[str, object] = {name: list(v) if isinstance(v, tuple) else v for name, v in sizes.items()}
    always = {name: value for name, value in REQUIRED.items() if name != "conv_pos_batch_norm"}
    return {**always, **listed, "num_feat_extract_layers": len(geometry.conv_dim)}


def differences(actual: Geometry, required: Geometry) -> list[str]:
    """The fields in which two geometries differ, by their names in ``config.json``."""
    pairs = ((f.name, getattr(actual, f.name), getattr(required, f.name)) for f in fields(Geometry))
    return [f"{_FIELDS[name]} is {value!r}, not {needed!r}" for name, value, needed in pairs if value != needed]


def _geometry(data: Mapping[str, object]) -> Geometry:
    values = {name: data[field] for name, field in _FIELDS.items()}
    frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Geometry(**frozen)  # type: ignore[arg-type]  # each was checked by _problem


def _problem(data: Mapping[str, object]) -> str:
    """The first problem of a config; empty when the network can be computed."""
    return _unsupported_field(data) or _wrong_value(data) or _contradiction(data)


def _unsupported_field(data: Mapping[str, object]) -> str:
    for name, required in REQUIRED.items():
        value = data.get(name, required)
        if value != required or type(value) is not type(required):  # 0 == False in Python
            return f"{name} is {value!r}; only {required!r} is supported"
    return ""


def _wrong_value(data: Mapping[str, object]) -> str:
    for field in _FIELDS.values():
        if field not in data:
            return f"{field} is missing"
        if not _CHECKS[field](data[field]):
            return f"{field} is {data[field]!r}, which is no {_CHECKS[field].__name__.strip('_').replace('_', ' ')}"
    return ""


def _contradiction(data: Mapping[str, object]) -> str:
    shape = _geometry(data)
    if not len(shape.conv_dim) == len(shape.conv_kernel) == len(shape.conv_stride):
        return "conv_dim, conv_kernel and conv_stride are of different length"
    if data.get("num_feat_extract_layers", len(shape.conv_dim)) != len(shape.conv_dim):
        return f"num_feat_extract_layers is not {len(shape.conv_dim)}, the length of conv_dim"
    if any(stride > kernel for stride, kernel in zip(shape.conv_stride, shape.conv_kernel, strict=True)):
        return "conv_stride steps over samples: a stride is larger than its kernel"
    if shape.hidden % shape.heads:
        return f"hidden_size {shape.hidden} is not a multiple of num_attention_heads {shape.heads}"
    if shape.hidden % shape.pos_groups:
        return f"hidden_size {shape.hidden} is not a multiple of num_conv_pos_embedding_groups {shape.pos_groups}"
    return ""


def _size(value: object) -> bool:
    return type(value) is int and 1 <= value <= _LARGEST


def _switch(value: object) -> bool:
    return type(value) is bool


def _list_of_sizes(value: object) -> bool:
    return isinstance(value, list) and 2 <= len(value) <= 32 and all(_size(item) for item in value)


def _small_number(value: object) -> bool:
    return type(value) is float and 0 < value < 0.1


_CHECKS = dict.fromkeys(_FIELDS.values(), _size) | {
    "do_stable_layer_norm": _switch,
    "conv_dim": _list_of_sizes,
    "conv_kernel": _list_of_sizes,
    "conv_stride": _list_of_sizes,
    "layer_norm_eps": _small_number,
}


def canonical(name: str) -> str:
    """The name used here of the tensor that a file calls ``name``.

    >>> canonical("encoder.pos_conv_embed.conv.parametrizations.weight.original0")
    'encoder.pos_conv_embed.conv.weight_g'
    """
    return OTHER_SPELLINGS.get(name, name)


def expected_shapes(geometry: Geometry) -> Shapes:
    """Every tensor of a checkpoint of this geometry: 211 in MERT-v1-95M, 403 in MERT-v1-330M."""
    shapes = {**_convolutions(geometry), **_entrance(geometry)}
    for layer in range(geometry.layers):
        prefix = f"encoder.layers.{layer}."
        shapes |= {prefix + name: shape for name, shape in _layer(geometry).items()}
    return shapes


def _convolutions(geometry: Geometry) -> dict[str, tuple[int, ...]]:
    inputs = (1, *geometry.conv_dim[:-1])
    sizes = zip(geometry.conv_dim, inputs, geometry.conv_kernel, strict=True)
    shapes: dict[str, tuple[int, ...]] = {
        f"feature_extractor.conv_layers.{stage}.conv.weight": size for stage, size in enumerate(sizes)
    }
    return shapes | _pair("feature_extractor.conv_layers.0.layer_norm", (geometry.conv_dim[0],))


def _entrance(geometry: Geometry) -> dict[str, tuple[int, ...]]:
    hidden, channels = geometry.hidden, geometry.conv_dim[-1]
    return {
        "masked_spec_embed": (hidden,),
        **_pair("feature_projection.layer_norm", (channels,)),
        **_pair("feature_projection.projection", (hidden, channels)),
        POS_BIAS: (hidden,),
        POS_GAIN: (1, 1, geometry.pos_kernel),
        POS_DIRECTION: (hidden, hidden // geometry.pos_groups, geometry.pos_kernel),
        **_pair("encoder.layer_norm", (hidden,)),
    }


def _layer(geometry: Geometry) -> dict[str, tuple[int, ...]]:
    hidden, wide = geometry.hidden, geometry.feed_forward
    projections = [_pair(f"attention.{which}_proj", (hidden, hidden)) for which in ("q", "k", "v", "out")]
    return {name: shape for pair in projections for name, shape in pair.items()} | {
        **_pair("layer_norm", (hidden,)),
        **_pair("feed_forward.intermediate_dense", (wide, hidden)),
        **_pair("feed_forward.output_dense", (hidden, wide)),
        **_pair("final_layer_norm", (hidden,)),
    }


def _pair(name: str, weight: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}
