"""Measures of rankings: overlap at k with its ceiling and chance, and nDCG, P, R, hit, AP, RR as in trec_eval. Pure.

See docs/methods.md, "Evaluation measures".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import ir_measures
import numpy as np

from evaluation.measures.statistics import Estimate, estimate
from recommender.errors import InvalidArgument
from recommender.types import Rows, Similarities

UNDEFINED = "undefined (ceiling 0)"
"""Text shown for an overlap that cannot be more than 0."""
GRADE_STEPS = 10_000
"""trec_eval needs whole grades, and memory for as many as the highest. Other grades are rounded to this many steps of a
query's highest; the scale of grades does not change nDCG."""

Grades: TypeAlias = Mapping[int, float]
"""Artist row -> grade for the query; above 0 is relevant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Overlap at k of one query. All but ``normalised`` are shares of k."""

    overlap: float
    ceiling: float
    """Overlap of the best possible ranking of this pool."""
    chance: float
    """Expected overlap of a random ranking of this pool."""

    @property
    def normalised(self) -> float:
        """Overlap as a share of the ceiling; NaN where the ceiling is 0."""
        return self.overlap / self.ceiling if self.ceiling > 0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapSummary:
    """Mean overlap over the queries whose ceiling is above 0."""

    k: int
    overlap: Estimate
    """NaN when no query has a ceiling above 0."""
    normalised: Estimate
    ceiling: float
    """Mean over the same queries; NaN when there is none."""
    chance: float
    undefined: int
    """Number of queries left out because their ceiling is 0."""
    above_chance: Estimate
    """Overlap less chance, query by query: an interval that holds 0 tells nothing from a random ranking."""

    @property
    def summary(self) -> str:
        """Text for a report: the overlap with its ceiling and chance, or why there is none."""
        if not self.overlap.n:
            return f"{UNDEFINED} for all {self.undefined} queries" if self.undefined else "no queries"
        left_out = f"; {self.undefined} more {UNDEFINED}" if self.undefined else ""
        return (
            f"{self.overlap.mean:.1%} of {self.ceiling:.1%} possible ({self.normalised.mean:.1%} of the ceiling), "
            f"chance {self.chance:.1%}, {self.overlap.n} queries{left_out}"
        )


def best_graded(grades: Sequence[float], *, k: int) -> list[int]:
    """Positions of the k best grades of a reference list: above 0, and all ties with the k-th highest.

    >>> best_graded([1.0, 3.0, 0.0, 1.0], k=2)
    [0, 1, 3]
    """
    positive = sorted((grade for grade in grades if grade > 0), reverse=True)
    edge = positive[min(k, len(positive)) - 1] if positive else 0.0
    return [place for place, grade in enumerate(grades) if grade > 0 and grade >= edge]


def overlap_at(ranked: Rows, reference: Collection[int], *, k: int, pool: int) -> Overlap:
    """Overlap of the first k of ``ranked`` with ``reference``.

    Args:
        ranked: rows, best first.
        reference: relevant rows in the pool. The caller leaves out those that are not in it, which lowers the ceiling.
        k: number of places that are read.
        pool: artists that could have been ranked.

    Raises:
        InvalidArgument: k is below 1, or the pool is smaller than the reference.
    """
    if k < 1 or pool < len(reference):
        raise InvalidArgument(
            "k", f"is {k}, with {len(reference)} relevant artists in a pool of {pool}; k is at least 1"
        )
    found = len(set(ranked[:k].tolist()) & set(reference))
    expected = min(k, pool) * len(reference) / pool if pool else 0.0
    return Overlap(overlap=found / k, ceiling=min(k, len(reference)) / k, chance=expected / k)


def summarise(overlaps: Mapping[int, Overlap], *, k: int) -> OverlapSummary:
    """Mean over the queries whose ceiling is above 0. ``overlaps``: query row -> its overlap."""
    defined = [each for each in overlaps.values() if each.ceiling > 0]
    return OverlapSummary(
        k=k,
        overlap=estimate(np.array([each.overlap for each in defined], dtype=np.float64)),
        normalised=estimate(np.array([each.normalised for each in defined], dtype=np.float64)),
        ceiling=float(np.mean([each.ceiling for each in defined])) if defined else float("nan"),
        chance=float(np.mean([each.chance for each in defined])) if defined else float("nan"),
        undefined=len(overlaps) - len(defined),
        above_chance=estimate(np.array([each.overlap - each.chance for each in defined], dtype=np.float64)),
    )


def measure_names(k: int) -> tuple[str, ...]:
    """Names of the measures in the order of the report.

    >>> measure_names(5)
    ('nDCG@5', 'P@5', 'R@5', 'hit@5', 'AP', 'RR')
    """
    return tuple(_measures(k))


def _measures(k: int) -> dict[str, Any]:  # Any: ir_measures has no types
    """Name -> measure. nDCG uses the grade itself as the gain, like ``ndcg_cut`` of trec_eval."""
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

    NaN for a query without a relevant item. A query that is not in ``rankings`` counts as an empty ranking.

    Args:
        judged: query row -> grades of items.
        rankings: query row -> item rows, best first.
        k: cut-off of the measures with an ``@``.

    Raises:
        InvalidArgument: k is below 1.
    """
    if k < 1:
        raise InvalidArgument("k", f"is {k}; it is at least 1")
    places = {str(query): place for place, query in enumerate(judged) if _has_relevant(judged[query])}
    found = {name: np.full(len(judged), np.nan) for name in measure_names(k)}
    names = {measure: name for name, measure in _measures(k).items()}
    qrels = {str(query): _whole(grades) for query, grades in judged.items() if str(query) in places}
    runs = {name: _falling(rankings.get(int(name), np.empty(0, dtype=np.int64))) for name in places}
    for value in ir_measures.iter_calc(list(names), qrels, runs) if places else ():
        found[names[value.measure]][places[value.query_id]] = value.value
    return found


def _has_relevant(grades: Grades) -> bool:
    return any(grade > 0 for grade in grades.values())


def _whole(grades: Grades) -> dict[str, int]:
    """Whole grades up to :data:`GRADE_STEPS` unchanged, others as steps; a grade above 0 never becomes 0."""
    highest = max(grades.values())
    if highest <= GRADE_STEPS and all(float(grade).is_integer() for grade in grades.values()):
        return {str(row): int(grade) for row, grade in grades.items()}
    return {str(row): max(round(grade / highest * GRADE_STEPS), int(grade > 0)) for row, grade in grades.items()}


def _falling(ranked: Rows) -> dict[str, float]:
    """A falling score for each item, because trec_eval sorts by score and breaks ties by name."""
    return {str(row): float(len(ranked) - place) for place, row in enumerate(ranked.tolist())}
