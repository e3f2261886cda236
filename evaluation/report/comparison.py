"""Compares two runs: every figure before and after, and a paired test over the queries that both have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.layer_views import View
from evaluation.measures.statistics import Difference, compare
from evaluation.pairs import PairResult
from evaluation.report.document import Section, Table, figure, interval, signed
from evaluation.results import EvaluationRun, figures

VIEW_NUMBERS = ("min", "max", "span", "MRR of halves")
"""Figures of a view that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureChange:
    """One figure in both runs; NaN where a run does not have it."""

    name: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """``after`` minus ``before``."""
        return self.after - self.before

    @property
    def share(self) -> float:
        """The change as a share of ``before``; NaN where that is 0 or missing."""
        return self.change / abs(self.before) if self.before else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as text in both runs."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """This run compared with another."""

    other: str
    """The other run: its generation, space and time."""
    notes: tuple[str, ...]
    """Reasons why figures may not be comparable, and how the best view changed."""
    settings: tuple[Setting, ...]
    figures: tuple[FigureChange, ...]
    views: tuple[FigureChange, ...]
    """For each view the numbers of ``VIEW_NUMBERS``; NaN where a run does not have the view."""
    pairs: tuple[FigureChange, ...]
    """Similarity of the pairs that both runs have."""
    halves: Difference
    """Reciprocal ranks of halves in each run's best view, artist by artist: compares two encoders without labels. Empty
    where the numbers of artists differ, because fewer candidates are easier."""
    primary: Difference
    """Primary measure of each run's baseline, query by query; empty where the runs have different measures."""


def compare_runs(run: EvaluationRun, other: EvaluationRun) -> RunComparison:
    """Compare ``run`` with ``other``: an earlier run, another encoder or another build."""
    before = figures(other)
    changes = [
        FigureChange(name=name, before=before.get(name, np.nan), after=value) for name, value in figures(run).items()
    ]
    return RunComparison(
        other=f"{other.pool.generation} of {other.pool.space} ({other.pool.fingerprint}), {other.made_at}",
        notes=tuple(_notes(run, other)),
        settings=tuple(_settings(run, other)),
        figures=tuple(changes),
        views=tuple(_views(run, other)),
        pairs=tuple(_pairs(run, other)),
        halves=_halves(run, other),
        primary=_primary(run, other),
    )


def _settings(run: EvaluationRun, other: EvaluationRun) -> Iterator[Setting]:
    before, after = (_chosen(each) for each in (other, run))
    return (Setting(name=name, before=before[name], after=after[name]) for name in after)


def _chosen(run: EvaluationRun) -> dict[str, str]:
    pool = run.pool
    return {
        "generation": f"{pool.generation}, built {pool.built_at}",
        "encoder": f"{pool.space}, {pool.revision}",
        "preprocessing": pool.preprocessing,
        "layers": f"{pool.layers} of {pool.dim}",
        "calibration": "; ".join(f"{layer}: {status}" for layer, status in pool.calibration.items()) or "none",
        "compared by": run.asked.default_view,
        "best layer": ", ".join((run.selection.best, *run.selection.tied)) or "none",
        "artists, tracks": f"{pool.artists}, {pool.tracks}",
        "default profile": run.asked.baseline,
        "overlap": run.baseline.overlap.summary,
    }


def _views(run: EvaluationRun, other: EvaluationRun) -> Iterator[FigureChange]:
    before, after = ({view.name: _numbers(view) for view in each.views} for each in (other, run))
    for view in dict.fromkeys((*after, *before)):
        for number in VIEW_NUMBERS:
            found = (each.get(view, {}).get(number, float("nan")) for each in (before, after))
            yield FigureChange(name=f"{view}: {number}", **dict(zip(("before", "after"), found, strict=True)))


def _numbers(view: View) -> dict[str, float]:
    spread = view.spread
    return dict(zip(VIEW_NUMBERS, (spread.least, spread.most, spread.span, view.split.mean), strict=True))


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


def _pairs(run: EvaluationRun, other: EvaluationRun) -> list[FigureChange]:
    known = {_key(pair): pair.value for pair in other.pairs}
    return [
        FigureChange(name=f"{pair.a} / {pair.b}", before=known[_key(pair)], after=pair.value)
        for pair in run.pairs
        if _key(pair) in known
    ]


def _key(pair: PairResult) -> frozenset[str]:
    return frozenset((pair.a, pair.b))


def _halves(run: EvaluationRun, other: EvaluationRun) -> Difference:
    ours, theirs = (each.selection.halves for each in (run, other))
    both = sorted(ours.keys() & theirs.keys()) if len(ours) == len(theirs) else []
    return compare(np.array([ours[name] for name in both]), np.array([theirs[name] for name in both]))


def _primary(run: EvaluationRun, other: EvaluationRun) -> Difference:
    ours, theirs = ({query.id: query.values[each.asked.baseline] for query in each.queries} for each in (run, other))
    both = [artist for artist in ours if artist in theirs and run.asked.primary == other.asked.primary]
    return compare(np.array([ours[name] for name in both]), np.array([theirs[name] for name in both]))


def comparison_sections(found: RunComparison | None) -> Iterator[Section]:
    """Report sections on the comparison with another run; none without one."""
    if found is None:
        return
    primary, halves = found.primary, found.halves
    sentences = (
        f"The other run: {found.other}.",
        *found.notes,
        f"Baselines on {primary.difference.n} queries of both runs: {interval(primary.difference)}, p "
        f"{figure(primary.p_value)}, smallest detectable difference {figure(primary.detectable)}.",
        f"Best layers by split-half retrieval of {halves.difference.n} artists of both runs, without labels: "
        f"{interval(halves.difference)}, p {figure(halves.p_value)}, detectable {figure(halves.detectable)}.",
    )
    settings = tuple((each.name, each.before, each.after) for each in found.settings)
    yield Section(
        title="Against the other run",
        sentences=sentences,
        table=Table(headings=("what", "before", "after"), rows=settings),
    )
    yield Section(title="Every figure, before and after", table=_changes((*found.figures, *found.pairs)))
    if found.views:
        yield Section(title="Layers, before and after", table=_changes(found.views))


def _changes(changes: tuple[FigureChange, ...]) -> Table:
    rows = [(each.name, figure(each.before), figure(each.after), _change(each)) for each in changes]
    return Table(headings=("figure", "before", "after", "change"), rows=tuple(rows))


def _change(each: FigureChange) -> str:
    """Such as ``+0.117 (+72 %)``; without the share where ``before`` is 0 or missing."""
    return signed(each.change) + ("" if each.share != each.share else f" ({each.share * 100:+.0f} %)")
