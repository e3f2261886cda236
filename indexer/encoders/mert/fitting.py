"""How many clips fit a GPU's memory at once: reckoned from the shape of the network, before any is tried."""

from __future__ import annotations

from indexer.encoders.mert.config import Geometry
from indexer.encoders.mert.extractor import extra_frames
from indexer.encoders.mert.network import GPU_TILE_FRAMES
from indexer.encoders.mert.placing import Precision
from indexer.encoders.mert.positions import transform_bytes

SHARE = 0.8
"""Of the memory that is free; the rest is for what libraries take for themselves and for pieces that do not fit."""

MOST_ROWS = 32
"""Clips in a pass at most: with so many, every product of a layer has 70,000 rows."""

USUAL_SAMPLES = 720_000
"""Of nearly all clips: 30 s at 24,000 Hz."""

_SINGLE = 4
_HALF = 2


def rows_that_fit(
    free_bytes: int, geometry: Geometry, precision: Precision, *, samples: int = USUAL_SAMPLES, most: int = MOST_ROWS
) -> int:
    """Clips of ``samples`` that a GPU with ``free_bytes`` takes in one pass beside the weights: 1 to ``most``.

    A pass that still does not fit is halved (:mod:`indexer.encoders.mert.batching`), so this decides speed only.

    >>> from indexer.encoders.mert.specs import MERT_V1_95M
    >>> rows_that_fit(4 << 30, MERT_V1_95M.geometry, Precision.FP16)
    16
    """
    return max(1, min(most, int(free_bytes * SHARE) // bytes_a_clip(geometry, precision, samples=samples)))


def bytes_a_clip(geometry: Geometry, precision: Precision, *, samples: int = USUAL_SAMPLES) -> int:
    """The most bytes that a clip of ``samples`` takes at any moment of a pass on a GPU, beside the weights.

    The widest moment of MERT-v1 is the first convolution of a tile, with its GELU: 214 MB of a 30 s clip, either size,
    either precision. What is alive at once in a real pass was counted on a CPU with torch's profiler: 211 MB, and the
    2.9 MB of the clip itself. No GPU has been measured.
    """
    frames = geometry.frames(samples)
    state = frames * geometry.hidden * _SINGLE
    moments = (_tile(geometry, frames), state + transform_bytes(geometry, frames), _layer(geometry, frames, precision))
    return 2 * samples * _SINGLE + state + max(moments)


def _tile(geometry: Geometry, frames: int) -> int:
    """The first convolution of a tile and its GELU, both float32 in either precision."""
    rows = (min(frames, GPU_TILE_FRAMES) + extra_frames(geometry)) * geometry.hop // geometry.conv_stride[0]
    return 2 * rows * geometry.conv_dim[0] * _SINGLE


def _layer(geometry: Geometry, frames: int, precision: Precision) -> int:
    """The wide half of a transformer layer: what it reads, before and after its GELU."""
    each = _HALF if precision is Precision.FP16 else _SINGLE
    return frames * (geometry.hidden * _SINGLE + (geometry.hidden + 2 * geometry.feed_forward) * each)
