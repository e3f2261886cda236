"""Nearest neighbours among unit vectors: the only FAISS, and the only place where a score is a cosine.

All vectors are unit length, so the inner product is the cosine, and "nearest" means largest. Three implementations of
one protocol: :class:`ExactIndex` (numpy, the yardstick), :class:`FaissIndex` (exact inner product, memory mapped) and
:class:`RefinedIndex` (the same file with a quick way to a short list, which is then compared exactly).
"""

from __future__ import annotations

from recommender.vectors.base import UNIT_TOLERANCE, ExactIndex, VectorIndex, count_bad, order, to_similarity, top, unit
from recommender.vectors.faiss_build import RECALL_FLOOR, Written, exact_limit, write_fitting
from recommender.vectors.faiss_index import FaissIndex, RefinedIndex

__all__ = [
    "RECALL_FLOOR",
    "UNIT_TOLERANCE",
    "ExactIndex",
    "FaissIndex",
    "RefinedIndex",
    "VectorIndex",
    "Written",
    "count_bad",
    "exact_limit",
    "order",
    "to_similarity",
    "top",
    "unit",
    "write_fitting",
]
