"""The collaboration signal: artists who recorded together, or with the same other artists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

from recommender.signals.base import sparse_opinions
from recommender.types import Rows, SignalName, Similarities

BASE = {
    "joint": 1.0,
    "collaboration": 1.0,
    "member": 1.0,
    "featured": 0.8,
    "remix": 0.6,
    "vocal": 0.5,
    "performer": 0.5,
    "producer": 0.5,
    "release": 0.25,
    "sample": 0.15,
}
"""Weight of one event by its kind (docs/methods.md, "Signals")."""

NEIGHBOURHOOD = 0.5
"""Factor of the part from common collaborators; a direct collaboration has 1."""


class CollaborationSignal:
    """A sparse similarity, computed by :func:`similarity` when the generation is built.

    Two artists who both have collaborations on record, but none that links them, have similarity 0. For an artist
    without any the signal has no opinion.
    """

    name = SignalName.COLLABORATION

    def __init__(self, similarities: csr_array, known: npt.NDArray[np.bool_]) -> None:
        """``similarities``: ``[artist, artist]``, symmetric, in (0, 1]; ``known``: ``[artist]`` has a collaboration."""
        self._similarities = similarities
        self._known = known

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self._known

    def raw(self, row: int, rows: Rows | None = None) -> Similarities:
        if not self._known[row]:
            return np.full(len(self._known if rows is None else rows), np.nan)
        return sparse_opinions(self._similarities, row, self._known, rows=rows)

    def neighbours(self, row: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Rows and similarities of the artists that a collaboration links with ``row``."""
        start, stop = self._similarities.indptr[row : row + 2]
        return self._similarities.indices[start:stop].astype(np.int64), self._similarities.data[start:stop]

    def value(self, raw: Similarities) -> Similarities:
        return np.clip(raw, 0.0, 1.0)

    def strength(self, raw: Similarities) -> Similarities:
        """The similarity itself."""
        return np.clip(raw, 0.0, 1.0)


def similarity(weights: csr_array) -> csr_array:
    """Event weights -> similarity in [0, 1), ``[artist, artist]``, symmetric, zero diagonal.

    ``s = 1 - (1 - d)(1 - 0.5 x)`` with the direct part ``d = w / (w + k)``, k the median weight, and the common
    collaborators ``x`` = normalised Adamic-Adar: sum of 1/log(1 + degree) over common neighbours, over the geometric
    mean of the same sum over each artist's own (Adamic and Adar 2003).

    Args:
        weights: ``[artist, artist]`` symmetric sums of event weights, zero diagonal.
    """
    if weights.nnz == 0:
        return weights
    # The median as scale: the direct part of a pair with the usual weight is one half, in any catalog.
    direct = weights.copy()
    direct.data = weights.data / (weights.data + np.median(weights.data))
    common = _common_collaborators(weights)
    # 1 - (1 - d)(1 - 0.5 x), multiplied out so that the matrices stay sparse.
    blended = direct + NEIGHBOURHOOD * common - NEIGHBOURHOOD * direct.multiply(common)
    result = csr_array(blended)
    result.setdiag(0.0)
    result.eliminate_zeros()
    result.sort_indices()
    return result


def _common_collaborators(weights: csr_array) -> csr_array:
    links = csr_array((np.ones(weights.nnz), weights.indices, weights.indptr), shape=weights.shape)
    degrees: npt.NDArray[np.float64] = np.asarray(links.sum(axis=1)).reshape(-1)
    rarity = 1.0 / np.log1p(np.maximum(degrees, 1.0))
    shared = csr_array(links @ diags_array(rarity) @ links.T)
    own = np.asarray(links @ rarity).reshape(-1)
    scale = np.divide(1.0, np.sqrt(own), out=np.zeros_like(own), where=own > 0)
    return csr_array(diags_array(scale) @ shared @ diags_array(scale))
