"""How much of a reference list a ranking finds, beside what it could have found at all and what chance finds. Pure.

A candidate pool without the reference's artists makes every ranking score 0, an oracle's too. So each query has a
ceiling, and a query whose ceiling is 0 says nothing about the ranking: it is counted and listed, never averaged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.evaluation.statistics import Estimate, estimate
from recommender.errors import InvalidArgument
from recommender.types import Rows

UNDEFINED = "undefined (ceiling 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """One query's overlap at k. All but ``normalised`` are shares of k."""

    overlap: float
    ceiling: float
    """Overlap of the best ranking of this pool."""
    chance: float
    """Expected overlap of a random ranking of this pool."""

    @property
    def normalised(self) -> float:
        """Overlap as a share of the ceiling; NaN where the ceiling is 0."""
        return self.overlap / self.ceiling if self.ceiling > 0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapSummary:
    """Overlap over the queries where there was something to find."""

    k: int
    overlap: Estimate
    """NaN when no query has a ceiling above 0."""
    normalised: Estimate
    ceiling: float
    """Mean over the same queries; NaN when there is none."""
    chance: float
    undefined: int
    """Queries left out because their ceiling is 0."""

    @property
    def said(self) -> str:
        """For the reader: the overlap beside its ceiling and chance, or that there is none."""
        if not self.overlap.n:
            return f"{UNDEFINED} for all {self.undefined} queries" if self.undefined else "no queries"
        left_out = f"; {self.undefined} more {UNDEFINED}" if self.undefined else ""
        return (
            f"{self.overlap.mean:.1%} of {self.ceiling:.1%} possible ({self.normalised.mean:.1%} of the ceiling), "
            f"chance {self.chance:.1%}, {self.overlap.n} queries{left_out}"
        )


def best_graded(grades: Sequence[float], *, k: int) -> list[int]:
    """Places of a reference's top k: grades above 0 not below the k-th highest, so ties at the edge all count.

    >>> best_graded([1.0, 3.0, 0.0, 1.0], k=2)
    [0, 1, 3]
    """
    positive = sorted((grade for grade in grades if grade > 0), reverse=True)
    edge = positive[min(k, len(positive)) - 1] if positive else 0.0
    return [place for place, grade in enumerate(grades) if grade > 0 and grade >= edge]


def overlap_at(ranked: Rows, reference: Collection[int], *, k: int, pool: int) -> Overlap:
    """Overlap of the first k of ``ranked`` with ``reference``, the wanted rows that are in the pool.

    Args:
        ranked: rows, best first.
        reference: wanted rows; those outside the pool are left out by the caller, and lower the ceiling.
        k: length of the list looked at.
        pool: artists that could have been ranked.

    Raises:
        InvalidArgument: k is below 1, or the pool is smaller than the reference.
    """
    if k < 1 or pool < len(reference):
        raise InvalidArgument("k", f"is {k}, with {len(reference)} wanted of a pool of {pool}; k is at least 1")
    found = len(set(ranked[:k].tolist()) & set(reference))
    expected = min(k, pool) * len(reference) / pool if pool else 0.0
    return Overlap(overlap=found / k, ceiling=min(k, len(reference)) / k, chance=expected / k)


def summarise(overlaps: Mapping[int, Overlap], *, k: int) -> OverlapSummary:
    """Means over the queries whose ceiling is above 0. ``overlaps``: query row -> its overlap."""
    defined = [each for each in overlaps.values() if each.ceiling > 0]
    return OverlapSummary(
        k=k,
        overlap=estimate(np.array([each.overlap for each in defined], dtype=np.float64)),
        normalised=estimate(np.array([each.normalised for each in defined], dtype=np.float64)),
        ceiling=float(np.mean([each.ceiling for each in defined])) if defined else float("nan"),
        chance=float(np.mean([each.chance for each in defined])) if defined else float("nan"),
        undefined=len(overlaps) - len(defined),
    )
