"""A sparse table of pairs with what its silence means: the shared ground of the scene and collaboration signals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.types import Similarities


def sparse_opinions(pairs: csr_array, row: int, silent: npt.NDArray[np.bool_]) -> Similarities:
    """Opinion of ``row`` on every artist: the stored pair; else 0 where ``silent`` allows it; else NaN.

    Args:
        pairs: ``[artist, artist]``, symmetric, values in (0, 1].
        silent: ``[artist]``: not being listed with ``row`` is itself evidence.
    """
    opinions = np.where(silent, 0.0, np.nan)
    start, stop = pairs.indptr[row : row + 2]
    opinions[pairs.indices[start:stop]] = pairs.data[start:stop]
    return opinions
