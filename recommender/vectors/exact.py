"""Brute force in numpy: the yardstick of every other index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recommender.types import Rows, Similarities, Vectors
from recommender.vectors.base import checked_query, checked_rows, order


class ExactIndex:
    """Brute force in numpy: what every other implementation is compared with."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = checked_rows(vectors)

    @property
    def size(self) -> int:
        return int(self._vectors.shape[0])

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        cosines = self.cosines(query)
        rows = order(cosines)[: max(k, 0)]
        return rows, cosines[rows]

    def cosines(self, query: npt.NDArray[np.float32], rows: Rows | None = None) -> Similarities:
        # Summed row by row: in a BLAS product the last bit depends on where in a block a row stands, which would let
        # equal artists come out of id order.
        compared = self._vectors if rows is None else self._vectors[rows]
        products: Similarities = np.einsum("ij,j->i", compared, checked_query(query, self.dim)).astype(np.float64)
        return products

    def vectors(self, rows: Rows) -> Vectors:
        return self._vectors[rows]
