"""The two types a store keeps vectors in, and what each of them can hold."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recommender.errors import BadInput
from recommender.types import Vectors

LOST_IN_STORE = "lost_in_store"
"""Reason of a clip whose vectors the type they should be kept in cannot hold."""
MOST_LOST = 1e-3
"""Length of what rounding may take from a vector, as a share of the vector's length.

Rounding to fp16 takes at most 2**-11 of a value between 6.1e-5 and 65504; more is lost below, and everything above.
"""


class Stored(enum.Enum):
    """The type of vectors on disk. They are read as float32, whatever it is."""

    FP32 = "fp32"
    FP16 = "fp16"

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The type as numpy names it, little-endian."""
        return _DTYPES[self]


_DTYPES: dict[Stored, np.dtype[np.floating]] = {Stored.FP32: np.dtype("<f4"), Stored.FP16: np.dtype("<f2")}


def losses(vectors: npt.NDArray[np.float32], stored: Stored) -> npt.NDArray[np.float64]:
    """How far each of ``vectors`` ``[…, dim]`` comes back from ``stored``, as a share of its length, ``[…]``.

    NaN or infinite where the vector itself is not finite or all zero, and where a value does not fit.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        rounded = vectors.astype(stored.dtype, copy=False).astype(np.float32, copy=False)
        return np.sqrt(_squared(rounded - vectors) / _squared(vectors))


def _squared(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Squared length of each of ``vectors`` ``[…, dim]``, ``[…]``; no float32 is too long or too short for it."""
    squared: npt.NDArray[np.float64] = np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64)
    return squared


def objection(vectors: Vectors, layers: Sequence[str], stored: Stored) -> BadInput | None:
    """Why the vectors of one clip, ``[layer, dim]``, finite and none of them zero, cannot be kept as ``stored``."""
    if stored is Stored.FP32:
        return None
    lost = losses(vectors, stored)
    if (lost <= MOST_LOST).all():
        return None
    worst = layers[int(np.nan_to_num(lost, nan=np.inf).argmax())]
    detail = f"{stored.value} cannot hold layer {worst} of it; run soundkin embed --store fp32 --retry-failed"
    return BadInput(LOST_IN_STORE, detail)
