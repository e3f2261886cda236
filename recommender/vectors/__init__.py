"""Nearest neighbours among unit vectors. The only folder that imports FAISS.

All vectors have unit length, so the inner product is the cosine, and the nearest items have the largest cosine. The
protocol :class:`VectorIndex` has three implementations: :class:`ExactIndex` (numpy, used as the reference in tests),
:class:`FaissIndex` (exact search in a memory-mapped file) and :class:`RefinedIndex` (approximate search for a short
list, which is then compared exactly).
"""

from __future__ import annotations

from recommender.vectors.base import UNIT_TOLERANCE, ExactIndex, VectorIndex, count_bad, order, to_similarity, top, unit
from recommender.vectors.faiss_build import RECALL_FLOOR, WrittenIndex, exact_limit, write_index
from recommender.vectors.faiss_index import FaissIndex, RefinedIndex

__all__ = [
    "RECALL_FLOOR",
    "UNIT_TOLERANCE",
    "ExactIndex",
    "FaissIndex",
    "RefinedIndex",
    "VectorIndex",
    "WrittenIndex",
    "count_bad",
    "exact_limit",
    "order",
    "to_similarity",
    "top",
    "unit",
    "write_index",
]
