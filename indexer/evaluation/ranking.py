"""Precision, nDCG, average precision, reciprocal rank, recall and hits of rankings, as trec_eval defines them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import ir_measures
import numpy as np

from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities

GRADE_STEPS = 10_000
"""trec_eval takes whole grades, and memory for as many as the highest: others are kept as so many steps of a query's
highest. The scale of grades does not change nDCG."""

Grades: TypeAlias = Mapping[int, float]
"""Artist row -> how much it belongs to the query; above 0 is relevant."""


def measure_names(k: int) -> tuple[str, ...]:
    """Names of the measures, in the order they are shown.

    >>> measure_names(5)
    ('nDCG@5', 'P@5', 'R@5', 'hit@5', 'AP', 'RR')
    """
    return tuple(_measures(k))


def _measures(k: int) -> dict[str, Any]:  # Any: ir_measures has no types
    """Name -> measure. nDCG takes the grade itself as the gain, as ``ndcg_cut`` of trec_eval does."""
    return {
        f"nDCG@{k}": ir_measures.nDCG @ k,
        f"P@{k}": ir_measures.P @ k,
        f"R@{k}": ir_measures.R @ k,
        f"hit@{k}": ir_measures.Success @ k,
        "AP": ir_measures.AP,
        "RR": ir_measures.RR,
    }


def measure(judged: Mapping[int, Grades], rankings: Mapping[int, Rows], *, k: int) -> dict[str, Similarities]:
    """Measure -> its value for each query ``[query]``, in the order of ``judged``.

    NaN for a query without a relevant item: nothing could be found, so nothing was missed. A query that ``rankings``
    lacks was answered with nothing.

    Args:
        judged: query row -> grades of items.
        rankings: query row -> item rows, best first.
        k: where the measures with an ``@`` stop.

    Raises:
        InvalidArgument: k is below 1.
    """
    if k < 1:
        raise InvalidArgument("k", f"is {k}; it is at least 1")
    places = {str(query): place for place, query in enumerate(judged) if _can_be_found(judged[query])}
    found = {name: np.full(len(judged), np.nan) for name in measure_names(k)}
    names = {measure: name for name, measure in _measures(k).items()}
    qrels = {str(query): _whole(grades) for query, grades in judged.items() if str(query) in places}
    runs = {name: _falling(rankings.get(int(name), np.empty(0, dtype=np.int64))) for name in places}
    for value in ir_measures.iter_calc(list(names), qrels, runs) if places else ():
        found[names[value.measure]][places[value.query_id]] = value.value
    return found


def _can_be_found(grades: Grades) -> bool:
    return any(grade > 0 for grade in grades.values())


def _whole(grades: Grades) -> dict[str, int]:
    """Whole grades up to :data:`GRADE_STEPS` as they are, others as steps; one above 0 never becomes 0."""
    highest = max(grades.values())
    if highest <= GRADE_STEPS and all(float(grade).is_integer() for grade in grades.values()):
        return {str(row): int(grade) for row, grade in grades.items()}
    return {str(row): max(round(grade / highest * GRADE_STEPS), int(grade > 0)) for row, grade in grades.items()}


def _falling(ranked: Rows) -> dict[str, float]:
    """A score for each item that keeps the order: trec_eval sorts by score, and ties by name."""
    return {str(row): float(len(ranked) - place) for place, row in enumerate(ranked.tolist())}
