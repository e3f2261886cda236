"""Ranks artists of a graph by methods that a user would otherwise pick, written without the product's code.

Each takes the rows of ``benchmarks/graph.py`` as matrices and returns scores ``[artist]`` of one query; 0 is "not
related". Sources: Adamic and Adar 2003; Deshpande and Karypis 2004 (item-kNN); Hu, Koren and Volinsky 2008 (ALS); Page
et al. 1999 (personalised PageRank).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

Scores: TypeAlias = npt.NDArray[np.float64]
Baseline: TypeAlias = Callable[[int], Scores]
"""Query row -> scores ``[artist]``, higher is more related."""

RESTART = 0.15
PAGERANK_STEPS = 60
"""0.85 to this power is below .0001."""
FACTORS = 64
"""Of the ALS model."""


def jaccard(genres: csr_array) -> Baseline:
    """Shared genres over all genres of both. ``genres``: ``[artist, genre]`` of 0 and 1."""
    owned = np.asarray(genres.sum(axis=1)).reshape(-1)
    by_genre = csr_array(genres.T)

    def score(query: int) -> Scores:
        shared = np.asarray((genres[[query]] @ by_genre).toarray()).reshape(-1)
        union = owned + owned[query] - shared
        scores: Scores = np.divide(shared, union, out=np.zeros(len(owned)), where=union > 0)
        return scores

    return score


def adamic_adar(links: csr_array) -> Baseline:
    """Common neighbours, each counting ``1 / log(1 + its degree)``. ``links``: ``[artist, artist]`` of 0 and 1."""
    degrees = np.diff(links.indptr)
    rare = csr_array(links @ diags_array(1.0 / np.log1p(np.maximum(degrees, 1))))
    return lambda query: np.asarray((rare[[query]] @ links).toarray(), dtype=np.float64).reshape(-1)


def item_knn(links: csr_array) -> Baseline:
    """Cosine of the neighbours' rows."""
    lengths = np.sqrt(np.maximum(np.diff(links.indptr), 1))
    unit = csr_array(diags_array(1.0 / lengths) @ links)
    other = csr_array(unit.T)
    return lambda query: np.asarray((unit[[query]] @ other).toarray(), dtype=np.float64).reshape(-1)


def pagerank(links: csr_array) -> Baseline:
    """Personalised PageRank with restart, to the end and without dropping anything."""
    step = csr_array(diags_array(1.0 / np.maximum(np.diff(links.indptr), 1)) @ links)
    back = csr_array(step.T)

    def score(query: int) -> Scores:
        here = np.zeros(links.shape[0])
        here[query] = 1.0
        for _ in range(PAGERANK_STEPS):
            here = (1.0 - RESTART) * (back @ here)
            here[query] += RESTART
        return here

    return score


def sparse_walk(links: csr_array, *, steps: int = 5, least: float = 1e-3) -> Baseline:
    """The same by a few steps, small probabilities dropped after each: directed, as it is usually done."""
    step = csr_array(diags_array(1.0 / np.maximum(np.diff(links.indptr), 1)) @ links)

    def score(query: int) -> Scores:
        start = csr_array(([1.0], ([0], [query])), shape=(1, links.shape[0]))
        here = start
        for _ in range(steps):
            here = csr_array((1.0 - RESTART) * (here @ step) + RESTART * start)
            here.data[here.data < least] = 0.0
            here.eliminate_zeros()
        return np.asarray(here.toarray()).reshape(-1)

    return score


def als(links: csr_array, *, alpha: float) -> Baseline:
    """Factors of implicit feedback by alternating least squares: cosine of the item factors.

    Raises ImportError where the package ``implicit`` is not installed; it is no requirement of the product.
    """
    from implicit.als import AlternatingLeastSquares

    model: Any = AlternatingLeastSquares(  # Any: the package has no types
        factors=FACTORS, alpha=alpha, random_state=0, num_threads=1, iterations=15
    )
    model.fit(links.astype(np.float32).tocsr(), show_progress=False)
    factors = np.asarray(model.item_factors, dtype=np.float64)
    unit = factors / np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), 1e-12)
    return lambda query: np.asarray(unit @ unit[query], dtype=np.float64)


def popularity(links: csr_array) -> Baseline:
    """The number of neighbours, the same for every query."""
    degrees = np.diff(links.indptr).astype(np.float64)
    return lambda query: degrees


def noise(artists: int) -> Baseline:
    """Random numbers: what a bar must fail on."""
    return lambda query: np.random.default_rng(query).random(artists)
