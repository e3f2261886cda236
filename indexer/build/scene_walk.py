"""Walks the scene graph at random from every artist: how well the scene leads from one artist to another.

A direct listing is sparse: most artists that belong together are not listed together, but a short walk over the
listings of others leads from one to the other. The walk restarts at its artist with probability :data:`RESTART`, and
is made symmetric at the end, because a score must not depend on who asks (docs/methods.md, "Scene walk").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array, eye_array, vstack

from recommender.catalog.rows import SceneEdge

STEPS = 7
"""An odd number: a crawl lists from crawled artists to others, so that related artists are joined by odd paths."""
RESTART = 0.15
"""Probability of starting again at each step."""
MIN_PROBABILITY = 1e-3
"""Smaller probabilities are dropped after each step: this bounds time and memory, and costs no quality."""
OWN_POWER, OTHER_POWER = 0.8, 0.2
"""Powers of the total strength of both artists; their difference of 0.6 is what keeps popular artists moderate."""
LOWEST_RANK_STRENGTH = 0.1
"""Strength of the last entry of a ranked list; the first has 1. Steeper ones, such as 1 / rank, rank worse."""
RANKS = 10
"""A ranked list counts as at least this long, so that the third of three is not as weak as the tenth of ten."""
COMPILED_FROM = 100_000
"""Entries of the graph from which the compiled walk is used; compiling takes some seconds, as long as the other then
takes."""
THREADS = 2
_ROWS = 2048
"""Artists walked from at once."""

Numbers = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]


def scene_graph(edges: Iterable[SceneEdge], artists: Mapping[str, int]) -> csr_array:
    """``[artist, artist]`` symmetric weights of the steps of a walk, zero diagonal.

    For each source the larger of the two directions of a pair; then the sum over the sources, each weighted by the
    share of artists it knows, relative to the source that knows most. Without these weights a source with few, long
    lists would take nearly all steps of the artists in it.

    Args:
        edges: rows of all sources.
        artists: artist id -> row.
    """
    by_source: defaultdict[str, defaultdict[str, list[SceneEdge]]] = defaultdict(lambda: defaultdict(list))
    for edge in edges:
        by_source[edge.source][edge.artist_id].append(edge)
    graph = csr_array((len(artists), len(artists)))
    graphs = [_source_graph(lists.values(), artists) for _, lists in sorted(by_source.items())]
    known = [int(np.count_nonzero(np.diff(each.indptr))) for each in graphs]
    for each, count in zip(graphs, known, strict=True):
        if count:
            graph = graph + each * (count / max(known))
    return _sorted(csr_array(graph))


def _source_graph(lists: Iterable[Sequence[SceneEdge]], artists: Mapping[str, int]) -> csr_array:
    """The pairs of one source, each with the larger strength of its two directions."""
    rows: list[int] = []
    columns: list[int] = []
    strengths: list[float] = []
    for entries in lists:
        rows += [artists[edge.artist_id] for edge in entries]
        columns += [artists[edge.neighbour_id] for edge in entries]
        strengths += walk_strengths(entries)
    shape = (len(artists), len(artists))
    directed = csr_array(shape)
    if rows:
        order = np.lexsort((strengths, columns, rows))
        row, column, strength = (np.array(part)[order] for part in (rows, columns, strengths))
        # A list may name an artist twice: the last of equal pairs, which are sorted by strength, is the strongest.
        last = np.append((np.diff(row) != 0) | (np.diff(column) != 0), True) & (row != column) & (strength > 0)
        directed = csr_array((strength[last], (row[last], column[last])), shape=shape)
    return _sorted(csr_array(directed.maximum(directed.T)))


def walk_strengths(entries: Sequence[SceneEdge]) -> list[float]:
    """One strength in [0, 1] for each entry of one list: by strength over the largest, by rank, or 1 for all.

    In a list with strengths an entry without one gets the smallest of the list. Among ranks the first has 1 and the
    last :data:`LOWEST_RANK_STRENGTH`, in even steps; an entry without a rank counts as a first one.
    """
    given = [edge.strength for edge in entries if edge.strength is not None]
    if given:
        largest, smallest = max(given), min(given)
        scale = largest if largest > 0 else 1.0
        return [(smallest if edge.strength is None else edge.strength) / scale for edge in entries]
    length = max((edge.rank or 0 for edge in entries), default=0)
    step = (1.0 - LOWEST_RANK_STRENGTH) / (max(length, RANKS) - 1)
    return [1.0 - step * (max(edge.rank or 1, 1) - 1) for edge in entries]


def scene_walk(graph: csr_array) -> csr_array:
    """``[artist, artist]`` float32, symmetric walk values M, zero diagonal; only values above 0 are stored.

    ``M_ij = d_i^0.8 X_ij d_j^-0.2`` with the weights' row sums ``d`` and ``X`` the probabilities of the walk from i:
    ``X <- 0.85 X D^-1 A + 0.15 I``, :data:`STEPS` times. On an undirected graph ``d_i X_ij = d_j X_ji``, so M is
    symmetric but for the probabilities that were dropped; the larger side of a pair is taken (docs/methods.md).

    The same graph gives the same bytes. About 7 s and 0.7 GB for 100,000 artists with 38 neighbours each on two cores.

    Args:
        graph: ``[artist, artist]`` symmetric, at least 0, zero diagonal, from :func:`scene_graph`.
    """
    degrees = np.asarray(graph.sum(axis=1), dtype=np.float64).reshape(-1)
    if not graph.nnz:
        return csr_array(graph.astype(np.float32))
    shares = graph.data / np.repeat(np.where(degrees > 0, degrees, 1.0), np.diff(graph.indptr))
    steps = csr_array((shares, graph.indices, graph.indptr), shape=graph.shape)
    probabilities = walk_compiled(steps) if graph.nnz >= COMPILED_FROM else walk_blocks(steps)
    return _symmetric(probabilities, np.where(degrees > 0, degrees, 1.0))


def _symmetric(probabilities: csr_array, degrees: Numbers) -> csr_array:
    own, other = diags_array(degrees**OWN_POWER), diags_array(degrees**-OTHER_POWER)
    values = csr_array(own @ probabilities @ other)
    values = csr_array(values.maximum(values.T))
    values.setdiag(0.0)
    values = _sorted(values)
    columns, ends = values.indices.astype(np.int32), values.indptr.astype(np.int32)
    return csr_array((values.data.astype(np.float32), columns, ends), shape=values.shape)


def walk_blocks(steps: csr_array) -> csr_array:
    """``[artist, artist]`` probabilities of the walk by sparse products, some artists at a time: for small graphs.

    ``steps``: ``[artist, artist]`` probabilities of one step, rows sum to 1 or are empty.
    """
    identity = csr_array(eye_array(steps.shape[0]))
    blocks = []
    for start in range(0, steps.shape[0], _ROWS):
        origin = identity[start : start + _ROWS]
        walked = origin
        for _ in range(STEPS):
            walked = csr_array((1.0 - RESTART) * (walked @ steps) + RESTART * origin)
            walked.data[walked.data < MIN_PROBABILITY] = 0.0
            walked.eliminate_zeros()
        blocks.append(walked)
    return csr_array(vstack(blocks))


def walk_compiled(steps: csr_array) -> csr_array:
    """The same as :func:`walk_blocks`, but for rounding to float32, compiled and on :data:`THREADS` threads."""
    walk_rows = _compiled()
    indptr, indices = steps.indptr.astype(np.int64), steps.indices.astype(np.int32)

    shares, limits = steps.data.astype(np.float32), (np.float32(RESTART), np.float32(MIN_PROBABILITY))

    def walk(start: int) -> Any:  # Any: three arrays of a compiled function, which has no types
        stop = min(start + _ROWS, steps.shape[0])
        return walk_rows(indptr, indices, shares, (start, stop, STEPS), limits)

    with ThreadPoolExecutor(THREADS) as threads:
        parts = list(threads.map(walk, range(0, steps.shape[0], _ROWS)))
    counts, columns, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    ends = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((values.astype(np.float64), columns, ends), shape=steps.shape)


@cache
def _compiled() -> Any:  # Any: numba's dispatcher has no types
    """The compiled walk. numba is loaded here: small catalogs, such as the demo's, need not wait for it."""
    import numba
    from numba.extending import register_jitable

    for called in (_spread, _gather):
        register_jitable(called)  # so that the compiled function may call it
    return numba.njit(nogil=True)(_walk_rows)


def _walk_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    shares: Floats,
    counts: tuple[int, int, int],
    limits: tuple[np.float32, np.float32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Number of entries ``[row]``, columns and values ``[entry]`` of the walks from some artists; compiled by numba.

    Each walk adds into one dense row, and a list of the places touched says what to read and to clear again.

    Args:
        indptr: rows of the sparse step probabilities.
        indices: their columns.
        shares: their values.
        counts: first row, row after the last, and number of steps.
        limits: probability of starting again, and the least probability that is kept.
    """
    start, stop, steps = counts
    restart, least = limits
    artists = len(indptr) - 1
    row_sizes = np.zeros(stop - start, np.int64)
    columns, values, used = np.empty(65536, np.int32), np.empty(65536, np.float32), 0
    here, probability = np.empty(artists, np.int32), np.empty(artists, np.float32)
    reached, touched = np.zeros(artists, np.float32), np.empty(artists, np.int32)
    for row in range(start, stop):
        size, here[0], probability[0] = 1, row, 1.0
        for _ in range(steps):
            reached[row], touched[0] = restart, row
            found = _spread(
                (indptr, indices, shares),
                here[:size],
                (np.float32(1.0) - restart) * probability[:size],
                reached,
                touched,
            )
            size = _gather(touched[:found], least, reached, here, probability)
        if used + size > len(columns):
            columns = np.concatenate((columns, np.empty(max(len(columns), size), np.int32)))
            values = np.concatenate((values, np.empty(max(len(values), size), np.float32)))
        columns[used : used + size] = here[:size]
        values[used : used + size] = probability[:size]
        row_sizes[row - start] = size
        used += size
    return row_sizes, columns[:used].copy(), values[:used].copy()


def _spread(
    graph: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Floats],
    here: npt.NDArray[np.int32],
    probability: Floats,
    reached: Floats,
    touched: npt.NDArray[np.int32],
) -> int:
    """Take one step from the artists ``here``: add to ``reached``; compiled by numba.

    Returns how many places of ``touched`` are filled; the first is filled by the caller.
    """
    indptr, indices, shares = graph
    found = 1
    for place in range(len(here)):
        for entry in range(indptr[here[place]], indptr[here[place] + 1]):
            other = indices[entry]
            if reached[other] == 0:
                touched[found] = other
                found += 1
            reached[other] += probability[place] * shares[entry]
    return found


def _gather(
    touched: npt.NDArray[np.int32],
    least: np.float32,
    reached: Floats,
    here: npt.NDArray[np.int32],
    probability: Floats,
) -> int:
    """Move what was reached into the first places of ``here`` and ``probability``; returns how many; compiled by numba.

    Less than ``least`` is dropped, and ``reached`` is 0 again afterwards.
    """
    size = 0
    for other in touched:
        if reached[other] >= least:
            here[size], probability[size] = other, reached[other]
            size += 1
        reached[other] = 0.0
    return size


def _sorted(matrix: csr_array) -> csr_array:
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix
