"""Which tensors a MERT checkpoint holds, by name and shape, and the two ways in which two of them are spelt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from indexer.encoders.mert.config import Geometry

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Tensor name -> shape."""

POS_BIAS = "encoder.pos_conv_embed.conv.bias"
POS_GAIN = "encoder.pos_conv_embed.conv.weight_g"
"""Length of each of the kernel's taps over all channels, ``[1, 1, tap]``: weight normalisation over axis 2."""
POS_DIRECTION = "encoder.pos_conv_embed.conv.weight_v"

OTHER_SPELLINGS: Mapping[str, str] = {
    "encoder.pos_conv_embed.conv.parametrizations.weight.original0": POS_GAIN,
    "encoder.pos_conv_embed.conv.parametrizations.weight.original1": POS_DIRECTION,
}
"""How torch's newer weight normalisation spells two names -> how the published files spell them, as we do."""


def canonical(name: str) -> str:
    """Our name of the tensor that a file calls ``name``.

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
    hidden, heard = geometry.hidden, geometry.conv_dim[-1]
    return {
        "masked_spec_embed": (hidden,),
        **_pair("feature_projection.layer_norm", (heard,)),
        **_pair("feature_projection.projection", (hidden, heard)),
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
