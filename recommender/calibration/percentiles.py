"""Percentiles of a signal's opinions among those of reference pairs: one scale for signals of different scales.

The log-odds profiles clip them when they score (``CLIP`` in recommender/fusion/profiles.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recommender.array_files import load_array
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.types import Similarities

DECIMALS = 9
"""Opinions are rounded to this many decimals: the same ratio computed from two sums is one opinion, not two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """The empirical distribution of one signal's opinions over reference pairs.

    Raises:
        InvalidArgument: the arrays do not fit one another, or are not as described below.
    """

    values: npt.NDArray[np.float64]
    """``[value]`` distinct opinions, rising, to nine decimals; empty when no reference pair had one."""
    below: npt.NDArray[np.float64]
    """``[value + 1]`` share of reference pairs with a smaller opinion, from 0 rising to 1; ``[0]`` when empty."""

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.below.shape != (len(self.values) + 1,):
            raise InvalidArgument("percentiles", f"have shapes {self.values.shape} and {self.below.shape}")
        if not (np.isfinite(self.values).all() and np.isfinite(self.below).all()):
            raise InvalidArgument("percentiles", "hold a number that is not finite")
        rising = (np.diff(self.values) > 0).all() and (np.diff(self.below) > 0).all()
        if not (rising and self.below[0] == 0 and self.below[-1] == min(len(self.values), 1)):
            raise InvalidArgument("percentiles", "must rise, their shares from 0 to 1")


def percentiles_of(opinions: Similarities) -> Percentiles:
    """The distribution of ``opinions`` on reference pairs, in any shape; NaN is left out.

    >>> percentiles_of(np.array([0.0, 0.5, 0.0, np.nan, 1.0])).below.tolist()
    [0.0, 0.5, 0.75, 1.0]
    """
    given = np.round(opinions[~np.isnan(opinions)], DECIMALS)
    values, counts = np.unique(given, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)]) / max(given.size, 1)
    return Percentiles(values=values.astype(np.float64), below=below)


def percentile(reference: Percentiles, opinions: Similarities) -> Similarities:
    """F, the mid-rank empirical distribution: share of reference pairs below, and half of those alike.

    Args:
        opinions: ``[artist]`` raw measures or values of the signal that ``reference`` was made of.

    Returns:
        ``[artist]`` in [0, 1], never falling when the opinion rises. NaN stays NaN; all is NaN when ``reference`` is
        empty, as there is nothing to compare with.

    >>> percentile(percentiles_of(np.array([0.0, 0.0, 0.5, 1.0])), np.array([0.0, 0.3, 0.5, 2.0, np.nan])).tolist()
    [0.25, 0.5, 0.625, 1.0, nan]
    """
    if not reference.values.size:
        return np.full(np.shape(opinions), np.nan)
    rounded = np.round(np.asarray(opinions, dtype=np.float64), DECIMALS)
    missing = np.isnan(rounded)
    known = np.where(missing, 0.0, rounded)
    index = np.searchsorted(reference.values, known)
    alike = reference.values[np.minimum(index, len(reference.values) - 1)] == known
    shares = 0.5 * (reference.below[index] + reference.below[index + alike])
    shares[missing] = np.nan
    return np.asarray(shares, dtype=np.float64)


def save(reference: Percentiles, folder: Path, prefix: str) -> None:
    """Write ``prefix.values.npy`` and ``prefix.below.npy`` into ``folder``."""
    np.save(folder / f"{prefix}.values.npy", reference.values, allow_pickle=False)
    np.save(folder / f"{prefix}.below.npy", reference.below, allow_pickle=False)


def load(folder: Path, prefix: str) -> Percentiles:
    """Map what :func:`save` wrote. Raises GenerationCorrupt when a file is missing or not what it should be."""
    try:
        values, below = (load_array(folder, f"{prefix}.{name}", np.float64) for name in ("values", "below"))
        return Percentiles(values=values, below=below)
    except (OSError, ValueError, InvalidArgument) as error:
        raise GenerationCorrupt(folder.name, f"{prefix}.*.npy", f"are not percentiles ({error})") from error
