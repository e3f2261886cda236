"""The verdict on a run in sentences: its status, the reasons, what to do next, and what the run cannot tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evaluation.gates import GateResult, Status
from evaluation.learned_profile import LearnedProfile
from evaluation.report.document import figure
from evaluation.results import Comparison, EvaluationRun

ENOUGH_QUERIES = 100
"""With fewer queries, an overlap of 10 % cannot be told from chance: at 100 queries and k = 5 half the width of its
95 % interval is 2.6 points (docs/methods.md, "Evaluation measures")."""
SIGNIFICANT = 0.05
"""A corrected p-value below this counts as a difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Conclusion of a run."""

    status: str
    """``all passed``, ``passed where there is data``, ``partly passed``, ``failed``, ``leaked`` or ``undecided``."""
    flags: tuple[str, ...]
    """What a reader must know before any figure: a leak, signals without data, places that were drawn."""
    reasons: tuple[str, ...]
    actions: tuple[str, ...]
    """What to do next, most urgent first."""
    limits: tuple[str, ...]
    """What this run cannot tell."""


def verdict(run: EvaluationRun, results: Sequence[GateResult]) -> Verdict:
    """Conclusion from the gates of ``run``, its comparisons and its missing data."""
    return Verdict(
        status=_status(run, results),
        flags=tuple(_flags(run)),
        reasons=tuple(_reasons(run, results)),
        actions=tuple(_actions(run)),
        limits=tuple(_limits(run)),
    )


def _status(run: EvaluationRun, results: Sequence[GateResult]) -> str:
    """One gate at the value of no effect fails the whole run: what it measures may as well be noise."""
    found = [each.status for each in results if each.status is not Status.NO_DATA]
    passed = sum(status is Status.PASS for status in found)
    if run.asks_nobody or not found:
        return "undecided"
    if run.truth and run.truth.leak:
        return "leaked"
    if Status.NULL in found or not passed:
        return "failed"
    if passed < len(found):
        return "partly passed"
    return "all passed" if len(found) == len(results) else "passed where there is data"


def _flags(run: EvaluationRun) -> Iterator[str]:
    if run.truth and run.truth.leak:
        yield f"Leaked: the truth is no test of this generation. {run.truth.leak[0].upper()}{run.truth.leak[1:]}."
    if run.no_data:
        yield f"NO DATA: {', '.join(run.no_data)}; they take part in no comparison."
    if run.baseline.tied > 0:
        yield f"{run.baseline.tied:.0%} of the first {run.asked.k} places were drawn among artists with one score."


def _reasons(run: EvaluationRun, results: Sequence[GateResult]) -> Iterator[str]:
    for status in Status:
        named = [f"{each.gate.summary} ({figure(each.value)})" for each in results if each.status is status]
        if named:
            yield f"{status.value}: {', '.join(named)}."
    if run.truth:
        yield f"{run.asked.baseline}, overlap at {run.asked.k}: {run.baseline.overlap.summary}."
        if run.truth.in_scene:
            yield f"Beyond the listed: {run.baseline.beyond_listed.summary}."
    for comparison in _proven(run):
        sign = "better" if comparison.difference.difference.mean > 0 else "worse"
        yield f"{comparison.system} is {sign} than {run.asked.baseline} by {_interval(comparison)}."
    if run.learned:
        yield f"On held-out artists, weights learned from labels are {_learned(run.learned)}."
    if run.selection.best:
        tied = f", not significantly better than {', '.join(run.selection.tied)}" if run.selection.tied else ""
        yield f"Best view by split-half retrieval: {run.selection.best}{tied} ({run.selection.queries} artists)."


def _learned(learned: LearnedProfile) -> str:
    found = learned.difference.difference
    words = {"better": "better than evidence", "worse": "worse than evidence"}
    outcome = words.get(learned.outcome, "not clearly different from evidence")
    return f"{outcome} ({found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}] {learned.measure})"


def _proven(run: EvaluationRun) -> list[Comparison]:
    return [comparison for comparison in run.comparisons if comparison.corrected_p < SIGNIFICANT]


def _recommendable(run: EvaluationRun) -> list[str]:
    """Systems better than the default by a truth that tests them: it is not leaked, and they beat chance themselves."""
    if run.truth is None or run.truth.leak:
        return []
    better = {each.system for each in _proven(run) if each.difference.difference.mean > 0}
    return [each.name for each in run.systems if each.name in better and each.overlap.above_chance.low > 0]


def _interval(comparison: Comparison) -> str:
    found = comparison.difference.difference
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}], p {comparison.corrected_p:.3g} after Holm"


def _actions(run: EvaluationRun) -> Iterator[str]:
    """What to do next: missing data first, then what can be tuned."""
    if not run.views:
        yield "Embed the music: no artist has audio, so no layer was measured."
    if run.asks_nobody:
        yield "Use the artist names of the generation or choose another truth: no artist it asks about was found."
    elif run.truth and not run.baseline.overlap.overlap.n:
        yield "Widen the catalog or choose another truth: no artist that the truth lists is in the generation."
    elif run.truth and run.baseline.overlap.overlap.n < ENOUGH_QUERIES:
        yield f"Repeat with {ENOUGH_QUERIES} queries or more before deciding."
    better = _recommendable(run)
    profiles = [system.name for system in run.systems if system.kind == "profile" and system.name in better]
    if profiles:
        yield f"Make {profiles[0]} the default profile."
    elif better:
        yield f"Find out why {better[0]} is better than all signals together, before trusting the weights."
    if run.learned and run.learned.outcome == "better":
        yield "Build again, so that the generation contains the learned weights, and use the profile fitted."
    chosen = run.selection.best
    if chosen and run.asked.default_view not in (chosen, *run.selection.tied):
        yield f"Use {chosen} instead of {run.asked.default_view} by default."


def _limits(run: EvaluationRun) -> Iterator[str]:
    yield from _limits_of_truth(run)
    missing = run.pool.artists - run.pool.with_audio
    if missing:
        yield f"{missing} of {run.pool.artists} artists have no audio and are in no layer's figures."
    if run.views and not run.selection.best:
        halves = any(view.split.n for view in run.views)
        reason = "no layer retrieves the halves of artists better than chance" if halves else "no artist has two tracks"
        yield f"{reason[0].upper()}{reason[1:]}, so layers cannot be compared without labels."
    yield "Popularity is what imports gave, else the number of artists that list or record with an artist."
    yield "Span and range change with any stretching of the scale; they do not measure the order."
    if not run.extraction:
        yield "No output of soundkin embed --json was given: success and cost of embedding are not known."


def _limits_of_truth(run: EvaluationRun) -> Iterator[str]:
    truth = run.truth
    if truth is None:
        yield "There is no truth: this run measures the space, not whether neighbours are really similar."
        return
    answered = run.baseline.overlap.overlap
    if run.asks_nobody:
        yield "No ranking was compared with the truth: only what needs no labels was measured."
    else:
        found = f"{answered.n} of {truth.queries} queries have a relevant artist in the generation"
        yield f"{found}; ceiling 0: {len(truth.undefined)}."
    if truth.without_truth:
        yield f"{truth.without_truth} artists of the generation have no list in the truth and are not scored."
    if truth.rejected:
        yield f"{len(truth.rejected)} rows of the truth are unusable, or name artists that are not in the generation."
    if truth.in_scene:
        share = truth.in_scene / truth.pairs
        yield f"{share:.0%} of the listed pairs are in the scene data too, where the scene signal finds them directly."
    detectable = [each.difference.detectable for each in run.comparisons if not math.isnan(each.difference.detectable)]
    if detectable:
        yield (
            f"Differences in {run.asked.primary} below {min(detectable):.3f} to {max(detectable):.3f}, by system, "
            "would probably not have been found."
        )
