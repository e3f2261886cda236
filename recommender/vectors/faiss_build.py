"""Which type of index a number of vectors gets, trained and tuned until it finds what an exact search finds.

Comparing with every vector costs what it takes to read them: 1.6 to 2.2 ms of CPU for 10,000 of 768 dimensions, 17.7 ms
for 100,000 (reference/vector.md 1.2 and 1.3). So up to :data:`EXACT_VALUES` numbers an index is exact, which is 10,000
vectors of 768 dimensions and correspondingly more of fewer. Beyond that a search looks into some of about 2 sqrt(n)
inverted lists, at codes of 4 bits for every four dimensions, and compares the best of them exactly. How many lists and
how long a short list it takes differs tenfold between kinds of data (1.4 there), so both are found by trying.
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
from recommender.vectors.faiss_index import FLAT, POOL_FOR, FaissIndex, RefinedIndex, write_whole

EXACT_VALUES = 10_000 * 768
RECALL_FLOOR = 0.99
"""Least share of the ten nearest that an index must find."""
RECALL_AIMS = {10: 0.993, POOL_FOR - 1: 0.95}
"""Number of nearest, beside the query itself -> share of them that the search parameters are raised to find. Above the
floor by three standard errors of what :data:`HELD_OUT` queries can tell, for others are asked later."""
QUERIES = 200
"""That parameters are found with."""
HELD_OUT = 400
"""That they must prove themselves with."""

_FEWEST = 2 * POOL_FOR
"""Vectors that are no short list."""
_TRAINED_PER_LIST = 40
_K_FACTORS = (1, 2, 4, 8, 16)
_CLOSE = 1e-6
"""Cosines that a sum in another order may give two equal vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What kind of index was written, and how well it finds."""

    factory: str
    parameters: dict[str, int] = field(default_factory=dict)
    recall_at_10: float | None = None
    """Measured on other queries than the parameters were first found with; None when search is exact."""
    note: str = ""
    """Why it is not of the kind its size asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """An index in the making, and the same as searches will see it."""

    raw: Any
    """IndexRefineFlat. Any: the stubs FAISS ships know nothing of what is inside."""
    base: Any
    """Its IndexIVFPQFastScan."""
    index: RefinedIndex

    @classmethod
    def of(cls, vectors: Vectors) -> _Draft:
        """Train on ``vectors`` and add them."""
        raw = _trained(vectors)
        raw.add(vectors)
        return cls(raw=raw, base=faiss.downcast_index(raw.base_index), index=RefinedIndex(raw))

    def set_k_factor(self, k_factor: int) -> None:
        """How many candidates there are for each neighbour."""
        self.raw.k_factor = self.index.k_factor = k_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """Queries with what an exact search finds for them, the query itself left out."""

    rows: Rows
    queries: Vectors
    worst: dict[int, Similarities]
    """Number of nearest -> ``[query]`` cosine of the last of them."""


def exact_limit(dim: int) -> int:
    """Up to how many vectors of ``dim`` dimensions an index is exact.

    >>> exact_limit(768), exact_limit(48)
    (10000, 160000)
    """
    return EXACT_VALUES // dim


def write_fitting(path: Path, vectors: Vectors, *, exact_up_to: int | None = None) -> Written:
    """Write unit vectors ``[item, dim]`` to ``path`` as the type of index that fits their number.

    The same vectors give the same file: seeds are fixed, and one thread does all the work. Where no parameters reach
    :data:`RECALL_FLOOR`, the index is exact and ``note`` says so.

    Args:
        path: where to; nothing is there yet.
        vectors: unit length; as much memory again is taken while the index is made.
        exact_up_to: number of vectors; :func:`exact_limit` of their dimension when None.

    Raises:
        InvalidArgument: a vector is not of unit length.
        OSError: the disk did not take all of it.
    """
    limit = exact_limit(vectors.shape[1]) if exact_up_to is None else exact_up_to
    rows = checked_rows(vectors)
    if len(rows) <= max(limit, _FEWEST):
        FaissIndex.write(path, rows)
        return Written(factory=FLAT)
    with one_thread():
        return _write_refined(path, rows)


def _write_refined(path: Path, vectors: Vectors) -> Written:
    draft = _Draft.of(vectors)
    _tune(draft, _trial(draft, vectors, QUERIES, first=0))
    recall, factory = _raised(draft, _trial(draft, vectors, HELD_OUT, first=1)), draft.index.factory
    if recall < RECALL_FLOOR:
        del draft  # as large as the one that is made now
        FaissIndex.write(path, vectors)
        return Written(factory=FLAT, note=f"{factory} found {recall:.3f} of the ten nearest, under {RECALL_FLOOR}")
    write_whole(draft.raw, path)
    parameters = {"nprobe": draft.index.nprobe, "k_factor": draft.index.k_factor}
    return Written(factory=factory, parameters=parameters, recall_at_10=recall)


def _trained(vectors: Vectors) -> Any:  # Any: as in _Draft
    size, dim = vectors.shape
    lists = lists_for(size)
    index: Any = faiss.index_factory(dim, f"IVF{lists},PQ{_codes(dim)}x4fs,RFlat", faiss.METRIC_INNER_PRODUCT)
    base: Any = faiss.downcast_index(index.base_index)
    base.cp.min_points_per_centroid = base.pq.cp.min_points_per_centroid = 1  # few are enough; FAISS would print
    index.train(vectors[spread(size, max(_TRAINED_PER_LIST * lists, 1 << 14))])
    return index


def lists_for(size: int) -> int:
    """The power of two that is next below 2 sqrt(size), and has enough vectors a list to be trained on.

    >>> lists_for(100_000), lists_for(1_000_000), lists_for(300)
    (512, 1024, 4)
    """
    return 1 << max(min(int(2 * size**0.5), size // _TRAINED_PER_LIST).bit_length() - 1, 0)


def _codes(dim: int) -> int:
    """How many codes a vector is cut into: one for every four dimensions, or two, or one, as ``dim`` allows.

    >>> _codes(768), _codes(50), _codes(7)
    (192, 25, 7)
    """
    return next(dim // each for each in (4, 2, 1) if dim % each == 0)


def spread(size: int, count: int, *, first: int = 0) -> Rows:
    """At most ``count`` rows at even distances, from ``first`` on, all different.

    >>> spread(10, 3).tolist(), spread(10, 3, first=1).tolist(), spread(2, 5).tolist()
    ([0, 3, 6], [1, 4, 7], [0, 1])
    """
    step = max(size // count, 1)
    return np.arange(first, size, step, dtype=np.int64)[:count]


def _trial(draft: _Draft, vectors: Vectors, count: int, *, first: int) -> _Trial:
    rows = spread(len(vectors), count, first=first)
    queries = vectors[rows]
    cosines, found = draft.raw.refine_index.search(queries, POOL_FOR)
    others = -np.sort(-np.where(found == rows[:, np.newaxis], -np.inf, cosines.astype(np.float64)), axis=1)
    return _Trial(rows=rows, queries=queries, worst={count: others[:, count - 1] for count in RECALL_AIMS})


def _recalls(index: RefinedIndex, trial: _Trial) -> dict[int, float]:
    """Number of nearest -> share of them that short lists bring, the query itself left out.

    One that is as near as the last of them counts like it. A search that would have to compare with all finds nothing.
    """
    hits = dict.fromkeys(RECALL_AIMS, 0)
    lists = index.from_short_lists(trial.queries, POOL_FOR)
    for place, (row, found) in enumerate(zip(trial.rows.tolist(), lists, strict=True)):
        others = found[1][found[0] != row] if found else np.empty(0)
        for count in hits:
            hits[count] += int(np.count_nonzero(others[:count] >= trial.worst[count][place] - _CLOSE))
    return {count: hit / (len(trial.rows) * count) for count, hit in hits.items()}


def _enough(recalls: Mapping[int, float]) -> bool:
    return all(recalls[count] >= aim for count, aim in RECALL_AIMS.items())


def _tune(draft: _Draft, trial: _Trial) -> None:
    """Set the shortest short list, and then the fewest lists, that reach :data:`RECALL_AIMS`; the most when none do."""
    base = draft.base
    base.nprobe = base.nlist
    for k_factor in _k_factors(draft.index.size):
        draft.set_k_factor(k_factor)
        if _enough(_recalls(draft.index, trial)):
            break
    enough, too_few = base.nlist.bit_length() - 1, -1
    while enough - too_few > 1:  # nprobe is a power of two, halved between one that is enough and one that is not
        middle = (enough + too_few) // 2
        base.nprobe = 1 << middle
        enough, too_few = (middle, too_few) if _enough(_recalls(draft.index, trial)) else (enough, middle)
    base.nprobe = 1 << enough


def _raised(draft: _Draft, trial: _Trial) -> float:
    """Recall@10 on queries that were not tuned for; it is looked further until they find enough as well."""
    while not _enough(recalls := _recalls(draft.index, trial)) and _look_further(draft):
        pass
    return recalls[10]


def _look_further(draft: _Draft) -> bool:
    """Look into twice as many lists, or, where that is all of them, for twice as many candidates; whether it could."""
    base, longer = draft.base, 2 * draft.index.k_factor
    if base.nprobe < base.nlist:
        base.nprobe *= 2
        return True
    if longer not in _k_factors(draft.index.size):
        return False
    draft.set_k_factor(longer)
    return True


def _k_factors(size: int) -> tuple[int, ...]:
    """Those with which a list of candidates is a short one."""
    return tuple(each for each in _K_FACTORS if 2 * each * POOL_FOR < size)


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums are made in one order, whatever the machine."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
