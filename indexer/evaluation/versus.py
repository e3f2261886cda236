"""Two runs beside each other: what each figure was and is, and whether the queries that both asked did better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.evaluation.pairs import PairResult
from indexer.evaluation.run import EvaluationRun, figures
from indexer.evaluation.statistics import Difference, compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One number in both runs; NaN where a run has none."""

    name: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """This run against another."""

    other: str
    """Which: its generation, space and time."""
    notes: tuple[str, ...]
    """Why figures may not be comparable, and what was chosen differently."""
    figures: tuple[Changed, ...]
    pairs: tuple[Changed, ...]
    """Values of pairs in both runs."""
    primary: Difference
    """By artist that both asked about, of each run's baseline; of none where the two have another measure."""


def versus(run: EvaluationRun, other: EvaluationRun) -> Versus:
    """Compare ``run`` with an earlier or rival one."""
    before = figures(other)
    changed = [Changed(name=name, before=before.get(name, np.nan), after=value) for name, value in figures(run).items()]
    return Versus(
        other=f"{other.pool.generation} of {other.pool.space} ({other.pool.fingerprint}), {other.made_at}",
        notes=tuple(_notes(run, other)),
        figures=tuple(changed),
        pairs=tuple(_pairs(run, other)),
        primary=_primary(run, other),
    )


def _notes(run: EvaluationRun, other: EvaluationRun) -> list[str]:
    notes = []
    if run.pool.fingerprint != other.pool.fingerprint:
        notes.append(f"other space: {other.pool.space}; cosines and spans of two spaces are on two scales")
    if run.asked.k != other.asked.k:
        notes.append(f"other k: {other.asked.k}, here {run.asked.k}; measures with an @ are not comparable")
    ours, theirs = (each.truth.sha256 if each.truth else "" for each in (run, other))
    if ours != theirs:
        notes.append("another truth file: only queries in both are compared")
    if run.pool.artists != other.pool.artists:
        notes.append(f"another pool: {other.pool.artists} artists, here {run.pool.artists}")
    same = "still" if run.selection.best == other.selection.best else f"{other.selection.best or 'none'} before, now"
    notes.append(f"best view by artist-split retrieval: {same} {run.selection.best or 'none'}")
    return notes


def _pairs(run: EvaluationRun, other: EvaluationRun) -> list[Changed]:
    known = {_key(pair): pair.value for pair in other.pairs}
    return [
        Changed(name=f"{pair.a} / {pair.b}", before=known[_key(pair)], after=pair.value)
        for pair in run.pairs
        if _key(pair) in known
    ]


def _key(pair: PairResult) -> frozenset[str]:
    return frozenset((pair.a, pair.b))


def _primary(run: EvaluationRun, other: EvaluationRun) -> Difference:
    ours, theirs = ({query.id: query.values[each.asked.baseline] for query in each.queries} for each in (run, other))
    both = [artist for artist in ours if artist in theirs and run.asked.primary == other.asked.primary]
    return compare(np.array([ours[name] for name in both]), np.array([theirs[name] for name in both]))
