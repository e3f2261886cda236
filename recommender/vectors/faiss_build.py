"""Chooses the type of FAISS index for a number of vectors, trains it, and tunes it until its recall is high enough.

An exact search reads every vector: 1.6 to 2.2 ms of CPU for 10,000 vectors of 768 dimensions, 17.7 ms for 100,000. So
an index is exact up to :data:`EXACT_VALUES` numbers: 10,000 vectors of 768 dimensions, or more of a lower dimension.
A larger index is approximate: a search reads some of about ``2 * sqrt(n)`` inverted lists, which have one 4-bit PQ code
for every four dimensions, and compares the best items exactly. How many lists (``nprobe``) and how long a short list
(``k_factor``) a given recall needs differs tenfold between kinds of data, so both are measured on the data itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from recommender.types import Rows, Similarities, Vectors
from recommender.vectors.base import checked_rows
from recommender.vectors.faiss_index import FLAT, SHORT_LIST_NEIGHBOURS, FaissIndex, RefinedIndex, write_whole

EXACT_VALUES = 10_000 * 768
"""Largest number of values (vectors times dimensions) that gets an exact index."""

RECALL_FLOOR = 0.99
"""Minimum share of the ten nearest vectors that an approximate index must find; otherwise an exact one is written."""

RECALL_AIMS = {10: 0.993, SHORT_LIST_NEIGHBOURS - 1: 0.95}
"""Number of nearest neighbours, the query itself not counted -> recall that tuning aims for. The first is above the
floor by three standard errors of a measurement on :data:`HELD_OUT_QUERIES`, because later queries are others."""

TUNING_QUERIES = 200
"""Queries with which the search parameters are found."""

HELD_OUT_QUERIES = 400
"""Other queries, with which the tuned parameters are checked and the recall is measured."""

_MIN_APPROXIMATE = 2 * SHORT_LIST_NEIGHBOURS
"""Up to so many vectors a short list would be half of them or more, so the index is exact."""

_TRAINING_PER_LIST = 40
"""Training vectors for each inverted list."""

_K_FACTORS = (1, 2, 4, 8, 16)
"""Lengths of the short list that are tried, as multiples of the number of neighbours."""

_TIE_TOLERANCE = 1e-6
"""Largest difference between cosines of equal vectors that are summed in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenIndex:
    """The type of the index that was written, its search parameters and its recall."""

    factory: str
    """FAISS factory string."""
    parameters: dict[str, int] = field(default_factory=dict)
    recall_at_10: float | None = None
    """Measured on other queries than those of the tuning; None for an exact index."""
    note: str = ""
    """Why the index is exact although it is large; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DraftIndex:
    """An approximate index in memory whose parameters are being tuned."""

    raw: Any
    """IndexRefineFlat. Any: the FAISS stubs do not know its parts."""
    base: Any
    """Its IndexIVFPQFastScan."""
    index: RefinedIndex
    """The same index as a server will search it."""

    @classmethod
    def of(cls, vectors: Vectors) -> _DraftIndex:
        """Train an index on ``vectors`` and add them."""
        raw = _train(vectors)
        raw.add(vectors)
        return cls(raw=raw, base=faiss.downcast_index(raw.base_index), index=RefinedIndex(raw))

    def set_k_factor(self, k_factor: int) -> None:
        """Set how many short-list items there are for each neighbour."""
        self.raw.k_factor = self.index.k_factor = k_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class _RecallTest:
    """Queries taken from the vectors, with the answers of an exact search; the query itself is not among them."""

    rows: Rows
    queries: Vectors
    last_cosine: dict[int, Similarities]
    """Number of nearest neighbours -> ``[query]`` cosine of the last of them."""


def exact_limit(dim: int) -> int:
    """Largest number of vectors of ``dim`` dimensions that get an exact index.

    >>> exact_limit(768), exact_limit(48)
    (10000, 160000)
    """
    return EXACT_VALUES // dim


def write_index(path: Path, vectors: Vectors, *, exact_up_to: int | None = None) -> WrittenIndex:
    """Write unit vectors ``[item, dim]`` to ``path`` as the type of index that fits their number.

    The same vectors give the same file: all seeds are fixed, and one thread does the work. Where no search parameters
    reach :data:`RECALL_FLOOR`, the index is exact and ``note`` says so.

    Args:
        path: a file that does not exist yet.
        vectors: of unit length. Building the index takes as much memory again.
        exact_up_to: number of vectors; :func:`exact_limit` of their dimension when None.

    Raises:
        InvalidArgument: a vector is not of unit length.
        OSError: the file could not be written completely.
    """
    limit = exact_limit(vectors.shape[1]) if exact_up_to is None else exact_up_to
    rows = checked_rows(vectors)
    if len(rows) <= max(limit, _MIN_APPROXIMATE):
        FaissIndex.write(path, rows)
        return WrittenIndex(factory=FLAT)
    with one_thread():
        return _write_refined(path, rows)


def _write_refined(path: Path, vectors: Vectors) -> WrittenIndex:
    draft = _DraftIndex.of(vectors)
    _tune(draft, _recall_test(draft, vectors, TUNING_QUERIES, first=0))
    recall = _widen_until_enough(draft, _recall_test(draft, vectors, HELD_OUT_QUERIES, first=1))
    factory = draft.index.factory
    if recall < RECALL_FLOOR:
        del draft  # frees its memory, because the exact index needs as much
        FaissIndex.write(path, vectors)
        return WrittenIndex(factory=FLAT, note=f"{factory} found {recall:.3f} of the ten nearest, under {RECALL_FLOOR}")
    write_whole(draft.raw, path)
    parameters = {"nprobe": draft.index.nprobe, "k_factor": draft.index.k_factor}
    return WrittenIndex(factory=factory, parameters=parameters, recall_at_10=recall)


def _train(vectors: Vectors) -> Any:  # Any: as in _DraftIndex
    """A trained, empty index for ``vectors``."""
    size, dim = vectors.shape
    lists = number_of_lists(size)
    index: Any = faiss.index_factory(
        dim, f"IVF{lists},PQ{_codes_per_vector(dim)}x4fs,RFlat", faiss.METRIC_INNER_PRODUCT
    )
    base: Any = faiss.downcast_index(index.base_index)
    base.cp.min_points_per_centroid = base.pq.cp.min_points_per_centroid = 1  # FAISS prints a warning for few points
    index.train(vectors[evenly_spaced_rows(size, max(_TRAINING_PER_LIST * lists, 1 << 14))])
    return index


def number_of_lists(size: int) -> int:
    """Inverted lists for ``size`` vectors: the power of two below ``2 * sqrt(size)``, fewer when training needs that.

    >>> number_of_lists(100_000), number_of_lists(1_000_000), number_of_lists(300)
    (512, 1024, 4)
    """
    return 1 << max(min(int(2 * size**0.5), size // _TRAINING_PER_LIST).bit_length() - 1, 0)


def _codes_per_vector(dim: int) -> int:
    """PQ codes of a vector: one for every four dimensions, or every two, or each, whichever divides ``dim``.

    >>> _codes_per_vector(768), _codes_per_vector(50), _codes_per_vector(7)
    (192, 25, 7)
    """
    return next(dim // width for width in (4, 2, 1) if dim % width == 0)


def evenly_spaced_rows(size: int, count: int, *, first: int = 0) -> Rows:
    """At most ``count`` of ``size`` rows, at equal distances, starting with ``first``.

    >>> evenly_spaced_rows(10, 3).tolist(), evenly_spaced_rows(10, 3, first=1).tolist()
    ([0, 3, 6], [1, 4, 7])
    >>> evenly_spaced_rows(2, 5).tolist()
    [0, 1]
    """
    step = max(size // count, 1)
    return np.arange(first, size, step, dtype=np.int64)[:count]


def _recall_test(draft: _DraftIndex, vectors: Vectors, count: int, *, first: int) -> _RecallTest:
    rows = evenly_spaced_rows(len(vectors), count, first=first)
    queries = vectors[rows]
    cosines, nearest = draft.raw.refine_index.search(queries, SHORT_LIST_NEIGHBOURS)
    is_query = nearest == rows[:, np.newaxis]  # moved to the end: a query finds itself first, which proves nothing
    others = -np.sort(-np.where(is_query, -np.inf, cosines.astype(np.float64)), axis=1)
    return _RecallTest(rows=rows, queries=queries, last_cosine={count: others[:, count - 1] for count in RECALL_AIMS})


def _recalls(index: RefinedIndex, test: _RecallTest) -> dict[int, float]:
    """Number of nearest neighbours -> recall: the share of them that short lists find, the query itself not counted.

    An item as near as the last of the exact answer counts as found. A search that has no short list finds nothing.
    """
    hits = dict.fromkeys(RECALL_AIMS, 0)
    short_lists = index.from_short_lists(test.queries, SHORT_LIST_NEIGHBOURS)
    for query, (row, nearest) in enumerate(zip(test.rows.tolist(), short_lists, strict=True)):
        cosines = nearest[1][nearest[0] != row] if nearest else np.empty(0)
        for count in hits:
            threshold = test.last_cosine[count][query] - _TIE_TOLERANCE
            hits[count] += int(np.count_nonzero(cosines[:count] >= threshold))
    return {count: hit / (len(test.rows) * count) for count, hit in hits.items()}


def _is_enough(recalls: Mapping[int, float]) -> bool:
    return all(recalls[count] >= aim for count, aim in RECALL_AIMS.items())


def _tune(draft: _DraftIndex, test: _RecallTest) -> None:
    """Set the shortest short list, and then the fewest lists, that reach :data:`RECALL_AIMS`; the most when none do."""
    base = draft.base
    base.nprobe = base.nlist
    for k_factor in _k_factors(draft.index.size):
        draft.set_k_factor(k_factor)
        if _is_enough(_recalls(draft.index, test)):
            break
    # Recall grows with nprobe, so a binary search over its powers of two finds the smallest that is enough.
    enough, too_few = base.nlist.bit_length() - 1, -1
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        base.nprobe = 1 << middle
        enough, too_few = (middle, too_few) if _is_enough(_recalls(draft.index, test)) else (enough, middle)
    base.nprobe = 1 << enough


def _widen_until_enough(draft: _DraftIndex, test: _RecallTest) -> float:
    """Recall@10 on queries that were not tuned for. The search is widened until they reach :data:`RECALL_AIMS` too."""
    while not _is_enough(recalls := _recalls(draft.index, test)) and _widen(draft):
        pass
    return recalls[10]


def _widen(draft: _DraftIndex) -> bool:
    """Search twice as many lists or, when all are searched, a short list of twice the length. False at the maximum."""
    base, longer = draft.base, 2 * draft.index.k_factor
    if base.nprobe < base.nlist:
        base.nprobe *= 2
        return True
    if longer not in _k_factors(draft.index.size):
        return False
    draft.set_k_factor(longer)
    return True


def _k_factors(size: int) -> tuple[int, ...]:
    """The k-factors with which the short list is less than half of all items."""
    return tuple(k_factor for k_factor in _K_FACTORS if 2 * k_factor * SHORT_LIST_NEIGHBOURS < size)


@contextmanager
def one_thread() -> Iterator[None]:
    """Make FAISS use one thread in the block, so that sums are made in one order and files are reproducible."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
