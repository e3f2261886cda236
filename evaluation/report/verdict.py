"""What the run comes to, in sentences made from its numbers: the verdict, what to do next, and what it cannot tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evaluation.gates import GateResult, Status
from evaluation.learned_profile import LearnedProfile
from evaluation.report.document import figure
from evaluation.results import Comparison, EvaluationRun

ENOUGH_QUERIES = 100
"""Queries below which an overlap of some 10 % cannot be told from none (reference/science.md 2.6)."""
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be made of a run."""

    status: str
    """``all passed``, ``partly passed``, ``failed``, ``null result`` or ``undecided``."""
    reasons: tuple[str, ...]
    actions: tuple[str, ...]
    """What to do next, most pressing first."""
    limits: tuple[str, ...]
    """What this run cannot tell."""


def verdict(run: EvaluationRun, held: Sequence[GateResult]) -> Verdict:
    """Judge ``run`` by its gates, its comparisons and what it lacks."""
    return Verdict(
        status="undecided" if run.asks_nobody else _status(held),
        reasons=tuple(_reasons(run, held)),
        actions=tuple(_actions(run)),
        limits=tuple(_limits(run)),
    )


def _status(held: Sequence[GateResult]) -> str:
    found = [each.status for each in held if each.status is not Status.NO_DATA]
    passed = sum(status is Status.PASS for status in found)
    if not found:
        return "undecided"
    if passed == len(found):
        return "all passed" if len(found) == len(held) else "undecided"
    if passed:
        return "partly passed"
    return "null result" if all(status is Status.NULL for status in found) else "failed"


def _reasons(run: EvaluationRun, held: Sequence[GateResult]) -> Iterator[str]:
    for status in Status:
        named = [f"{each.gate.summary} ({figure(each.value)})" for each in held if each.status is status]
        if named:
            yield f"{status.value}: {', '.join(named)}."
    if run.truth:
        yield f"{run.asked.baseline}, overlap at {run.asked.k}: {run.baseline.overlap.summary}."
    for comparison in _proven(run):
        sign = "better" if comparison.difference.difference.mean > 0 else "worse"
        yield f"{comparison.system} is {sign} than {run.asked.baseline} by {_interval(comparison)}."
    if run.learned:
        yield f"Weights learned from labels are, on artists left out, {_learned(run.learned)}."
    if run.selection.best:
        tied = f", not to be told from {', '.join(run.selection.tied)}" if run.selection.tied else ""
        yield f"Halves of artists find each other best in {run.selection.best}{tied} ({run.selection.queries} artists)."


def _learned(learned: LearnedProfile) -> str:
    found = learned.difference.difference
    words = {"better": "better than evidence", "worse": "worse than evidence"}
    said = words.get(learned.outcome, "not to be told from evidence")
    return f"{said} ({found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}] {learned.measure})"


def _proven(run: EvaluationRun) -> list[Comparison]:
    return [comparison for comparison in run.comparisons if comparison.corrected_p < SIGNIFICANT]


def _interval(comparison: Comparison) -> str:
    found = comparison.difference.difference
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}], p {comparison.corrected_p:.3g} after Holm"


def _actions(run: EvaluationRun) -> Iterator[str]:
    """The decision tree, from what makes all else moot to what can be tuned."""
    if not run.views:
        yield "Embed the music: nothing has audio, so nothing was heard."
    if run.asks_nobody:
        yield "Name artists as the generation does, or choose another truth: it asks about nobody who is there."
    elif run.truth and not run.baseline.overlap.overlap.n:
        yield "Widen the catalog or choose another truth: nobody that the truth lists is in the generation."
    elif run.truth and run.baseline.overlap.overlap.n < ENOUGH_QUERIES:
        yield f"Repeat with {ENOUGH_QUERIES} queries or more before deciding."
    better = [each.system for each in _proven(run) if each.difference.difference.mean > 0]
    profiles = [system.name for system in run.systems if system.kind == "profile" and system.name in better]
    if profiles:
        yield f"Make {profiles[0]} the default profile."
    elif better:
        yield f"Ask why {better[0]} does better than all signals together, before trusting the weights."
    if run.learned and run.learned.outcome == "better":
        yield "Build again, so that the generation holds the weights learned, and ask for the profile fitted."
    chosen = run.selection.best
    if chosen and run.asked.default_view not in (chosen, *run.selection.tied):
        yield f"Listen by {chosen} instead of {run.asked.default_view}."


def _limits(run: EvaluationRun) -> Iterator[str]:
    yield from _limits_of_truth(run)
    missing = run.pool.artists - run.pool.with_audio
    if missing:
        yield f"{missing} of {run.pool.artists} artists have no audio and are in no layer's figures."
    if run.views and not run.selection.best:
        yield "No artist has two tracks, so layers cannot be compared without labels."
    yield "Popularity is stood in for by how many artists list or record with an artist; no listeners were counted."
    yield "Span and range change with any stretching of the scale; they say nothing about order."
    if not run.extraction:
        yield "No report of embedding was given: extraction and cost are not known."


def _limits_of_truth(run: EvaluationRun) -> Iterator[str]:
    truth = run.truth
    if truth is None:
        yield "There is no truth: nothing here says whether neighbours are kin, only whether the space is sound."
        return
    answered = run.baseline.overlap.overlap
    if run.asks_nobody:
        yield "No list was held against the truth: only what needs no labels was measured."
    else:
        yield f"{answered.n} of {truth.queries} queries could be answered at all; ceiling 0: {len(truth.undefined)}."
    if truth.without_truth:
        yield f"{truth.without_truth} artists of the generation are not asked about in the truth, and not scored."
    if truth.rejected:
        yield f"{len(truth.rejected)} rows of the truth could not be used, or name artists that are not here."
    if truth.in_scene:
        share = truth.in_scene / truth.pairs
        yield f"{share:.0%} of the listed pairs stand in the scene data too: the scene signal may only repeat them."
    detectable = [each.difference.detectable for each in run.comparisons if not math.isnan(each.difference.detectable)]
    if detectable:
        yield (
            f"Differences in {run.asked.primary} below {min(detectable):.3f} to {max(detectable):.3f}, by system, "
            "would most likely have been missed."
        )
