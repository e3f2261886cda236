"""The report of a run: one function per section, from the verdict to the details."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evaluation.gates import GateResult
from evaluation.layer_views import NamedPair, View
from evaluation.learned_profile import RIVAL, LearnedProfile
from evaluation.measures.rank_metrics import UNDEFINED
from evaluation.report import plots
from evaluation.report.comparison import RunComparison, comparison_sections
from evaluation.report.document import Document, Plot, Section, Table, figure, interval, percent, signed
from evaluation.report.glossary import explained
from evaluation.report.pair_sections import pair_sections
from evaluation.report.verdict import Verdict
from evaluation.results import EvaluationRun

LISTED = 50
"""Rows of a long table that the report shows; the JSON has all."""


def document(
    run: EvaluationRun,
    results: Sequence[GateResult],
    judged: Verdict,
    against: RunComparison | None = None,
    *,
    thresholds: str = "",
) -> Document:
    """The report of ``run``.

    Args:
        run: the run.
        results: its gates, from :func:`evaluation.gates.check_gates`.
        judged: its verdict, from :func:`evaluation.report.verdict.verdict`.
        against: comparison with another run.
        thresholds: name of the thresholds file; empty leaves the sentence on it out.
    """
    pool = run.pool
    return Document(
        title=f"Soundkin evaluation: {judged.status}",
        subtitle=f"{pool.generation}, {pool.space} ({pool.fingerprint}), {pool.artists} artists; {run.made_at}",
        sections=_with_meanings(tuple(_sections(run, _gates(results, thresholds), judged, against))),
    )


def _with_meanings(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """``sections``, and at the end what each heading of their tables means."""
    headings = [heading for each in sections if each.table and each.table.rows for heading in each.table.headings]
    meanings = tuple(f"{heading}: {text}." for heading, text in explained(headings))
    return (*sections, Section(title="What the figures mean", sentences=meanings)) if meanings else sections


def _sections(run: EvaluationRun, gates: Section, judged: Verdict, against: RunComparison | None) -> Iterator[Section]:
    yield Section(title=f"Verdict: {judged.status}", sentences=(*judged.flags, *judged.reasons))
    if judged.actions:
        yield Section(title="What to do next", sentences=judged.actions)
    yield gates
    yield Section(title="What this cannot tell you", sentences=judged.limits, is_warning=True)
    yield from comparison_sections(against)
    if run.truth:
        yield from _truth(run)
        yield from _label_sections(run)
    yield from _views(run)
    yield from _genres(run)
    yield from pair_sections(run)
    yield from _exposure(run)
    yield _setting(run)


def _gates(results: Sequence[GateResult], thresholds: str) -> Section:
    rows = [(each.gate.summary, figure(each.value), each.status.value) for each in results]
    sentence = f"Thresholds: {thresholds}. This report cannot show that they were written before the run."
    table = Table(headings=("gate", "found", "status"), rows=tuple(rows))
    return Section(title="Gates", sentences=(sentence,) if thresholds else (), table=table)


def _truth(run: EvaluationRun) -> Iterator[Section]:
    measures = tuple(run.baseline.measures)
    rows = [
        (each.name, *(interval(each.measures[name]) for name in measures), percent(each.without_scene))
        for each in run.systems
    ]
    yield Section(
        title="Ranking, by system",
        sentences=(
            "Mean over the queries with a relevant artist in the generation, with 95 % intervals over artists.",
        ),
        table=Table(headings=("system", *measures, "recommended without scene data"), rows=tuple(rows)),
    )
    yield _overlap(run)
    yield _artists(run)
    yield _slices(run)
    yield from _comparisons(run)
    yield from _unused(run)


def _overlap(run: EvaluationRun) -> Section:
    rows = [
        (
            each.name,
            percent(each.overlap.overlap.mean),
            percent(each.overlap.ceiling),
            percent(each.overlap.normalised.mean),
            percent(each.overlap.chance),
            str(each.overlap.overlap.n),
            str(each.overlap.undefined),
            percent(each.beyond_listed.overlap.mean),
            percent(each.tied),
        )
        for each in run.systems
    ]
    headings = (
        "system", "overlap", "ceiling", "of the ceiling", "chance", "queries", "undefined (ceiling 0)",
        "beyond the listed", "ties",
    )  # fmt: skip
    undefined = run.truth.undefined if run.truth else ()
    sentences = [f"{run.asked.baseline}: {run.baseline.overlap.summary}."]
    if undefined:
        sentences.append(
            f"Left out, because nothing of their list is in the generation: {', '.join(undefined[:LISTED])}"
            + (" …" if len(undefined) > LISTED else ".")
        )
    return Section(
        title=f"Overlap at {run.asked.k}, with its ceiling",
        sentences=tuple(sentences),
        table=Table(headings=headings, rows=tuple(rows)),
    )


def _artists(run: EvaluationRun) -> Section:
    """One row per query, lowest share of the ceiling first; queries with a ceiling of 0 come last."""
    ordered = sorted(run.queries, key=lambda each: (each.ceiling == 0, each.overlap / (each.ceiling or 1.0)))
    name = run.asked.baseline
    rows = [
        (
            each.artist,
            str(each.listed),
            str(each.in_pool),
            percent(each.overlap) if each.ceiling else UNDEFINED,
            percent(each.ceiling),
            figure(each.values[name]),
        )
        for each in ordered[:LISTED]
    ]
    sentence = f"By {name}, lowest share of the ceiling first; the JSON has all {len(ordered)}."
    headings = ("artist", "listed", "in the generation", f"overlap at {run.asked.k}", "ceiling", run.asked.primary)
    return Section(title="Artist by artist", sentences=(sentence,), table=Table(headings=headings, rows=tuple(rows)))


def _slices(run: EvaluationRun) -> Section:
    names = tuple(run.baseline.slices)
    counts = ", ".join(f"{name} {run.baseline.slices[name].n}" for name in names)
    rows = [(each.name, *(interval(each.slices[name]) for name in names)) for each in run.systems]
    return Section(
        title=f"Niche queries: {run.asked.primary}",
        sentences=(f"Niche: the third of the artists with the least popularity, ties included. Queries: {counts}.",),
        table=Table(headings=("system", *names), rows=tuple(rows)),
    )


def _comparisons(run: EvaluationRun) -> Iterator[Section]:
    if not run.comparisons:
        return
    rows = [
        (
            each.system,
            interval(each.difference.difference),
            figure(each.difference.p_value),
            figure(each.corrected_p),
            figure(each.difference.detectable),
        )
        for each in run.comparisons
    ]
    headings = ("system", f"{run.asked.primary} minus {run.asked.baseline}", "p", "p after Holm", "detectable")
    yield Section(
        title=f"Against {run.asked.baseline}, query by query",
        sentences=("Sign-flip test; detectable is the smallest difference found with 80 % power.",),
        table=Table(headings=headings, rows=tuple(rows)),
        plot=Plot(caption="Mean differences", svg=plots.difference_plot(run.comparisons, run.asked.primary)),
    )
    given = [each for each in run.comparisons if each.difference.difference.n]
    if given:
        best = max(given, key=lambda each: each.difference.difference.mean)
        label = f"{best.system} minus {run.asked.baseline}"
        differences = [query.values[best.system] - query.values[run.asked.baseline] for query in run.queries]
        plot = Plot(caption=f"{label}, {run.asked.primary}", svg=plots.paired_plot(differences, label))
        ahead, behind = (sum(sign * value > 0 for value in differences) for sign in (1, -1))
        sentence = (
            f"Ahead on {ahead}, behind on {behind}, equal on {best.difference.difference.n - ahead - behind} queries."
        )
        yield Section(title=f"Query by query: {label}", sentences=(sentence,), plot=plot)


def _unused(run: EvaluationRun) -> Iterator[Section]:
    rejected = (*(run.truth.rejected if run.truth else ()), *run.pairs_rejected)
    if rejected:
        table = Table(headings=("where", "reason", "detail"), rows=tuple(each.shown for each in rejected[:LISTED]))
        sentences = () if len(rejected) <= LISTED else (f"The first {LISTED} of {len(rejected)}; the JSON has all.",)
        yield Section(title="Rows that could not be used", sentences=sentences, table=table)


def _label_sections(run: EvaluationRun) -> Iterator[Section]:
    """Sections that a run with truth may have."""
    yield from _learned(run.learned)
    yield from _reliability(run)


def describe_learned(learned: LearnedProfile) -> str:
    """One sentence: how the learned weights do on held-out artists, compared with the profile ``evidence``."""
    found = learned.difference
    return (
        f"Learned from {learned.pairs:,} pairs of {learned.queries} artists, {learned.listed} of them listed. On "
        f"held-out artists, {learned.measure} {interval(learned.held_out)} against {RIVAL} {interval(learned.rival)}: "
        f"{learned.outcome}, difference {interval(found.difference)}, p {figure(found.p_value)}, detectable "
        f"{figure(found.detectable)}."
    )


def _learned(learned: LearnedProfile | None) -> Iterator[Section]:
    if learned is None:
        return
    rows = [
        (name, signed(slope), signed(learned.missing[name]), "yes" if name in learned.refused else "")
        for name, slope in learned.slopes.items()
    ]
    headings = ("signal", "weight of its log-odds", "log-odds without an opinion", "negative slope, set to 0")
    table = Table(headings=headings, rows=(*rows, ("intercept", signed(learned.intercept), "", "")))
    yield Section(title="Weights learned from the truth", sentences=(describe_learned(learned),), table=table)


def _reliability(run: EvaluationRun) -> Iterator[Section]:
    found = run.shown.reliability
    if not found.bins:
        return
    sentence = (
        "Probability that a pair is listed, predicted from the audio signal's similarity without one of its two "
        f"artists, {found.pairs} pairs: expected calibration error {figure(found.ece)}, Brier score "
        f"{figure(found.brier, 4)}; one probability for all pairs has {figure(found.base_brier, 4)}."
    )
    rows = [(percent(each.predicted), percent(each.observed), str(each.pairs)) for each in found.bins]
    yield Section(
        title="Similarity as a probability",
        sentences=(sentence,),
        table=Table(headings=("predicted", "observed", "pairs"), rows=tuple(rows)),
        plot=Plot(caption="Predicted and observed", svg=plots.reliability_plot(found)),
    )


def _views(run: EvaluationRun) -> Iterator[Section]:
    if not run.views:
        return
    ranked = sorted(run.views, key=lambda view: (-np.nan_to_num(view.split.mean, nan=-1.0), -view.spread.span))
    headings = (
        "view", "MRR of halves", "chance", "AUC", "d-prime", "hub share", "N_k skew", "min", "max", "span", "IQR",
        "lowest pair", "highest pair",
    )  # fmt: skip
    rows = [_view_row(view) for view in ranked]
    yield Section(
        title="Layers, best first",
        sentences=tuple(_view_sentences(run)),
        table=Table(headings=headings, rows=tuple(rows)),
    )
    view = run.view
    if view and sum(view.histogram.related):
        plot = Plot(caption=f"Cosines in {view.name}", svg=plots.pair_histogram(view.histogram))
        yield Section(title="Related and unrelated pairs", plot=plot)


def _genres(run: EvaluationRun) -> Iterator[Section]:
    rows = [
        (view.name, interval(found.accuracy), figure(found.chance), figure(found.silhouette))
        for view in run.views
        for found in (view.genre,)
        if found.artists
    ]
    if rows:
        found = run.views[0].genre
        sentence = (
            f"{found.artists} artists with audio and a genre, {found.genres} main genres, {run.asked.k} neighbours."
        )
        headings = ("view", "main genre by vote of the nearest", "chance", "silhouette")
        yield Section(
            title="Layers and genres", sentences=(sentence,), table=Table(headings=headings, rows=tuple(rows))
        )


def _view_row(view: View) -> tuple[str, ...]:
    numbers = (view.split_chance, view.separation.auc, view.separation.d_prime, view.hub_share, view.hubs.skewness)
    spread = (view.spread.least, view.spread.most, view.spread.span, view.spread.iqr)
    cells = (*map(figure, numbers), *map(figure, spread), _pair(view.lowest), _pair(view.highest))
    return (view.name, interval(view.split), *cells)


def _pair(pair: NamedPair | None) -> str:
    return f"{pair.a} / {pair.b}" if pair else "–"


def _view_sentences(run: EvaluationRun) -> Iterator[str]:
    shown = run.shown
    yield (
        f"The audio signal shows {shown.spread.pairs} pairs from {figure(shown.spread.least)} to "
        f"{figure(shown.spread.most)}, span {figure(shown.spread.span)}, median {figure(shown.spread.median)}; median "
        f"of unrelated pairs {figure(shown.separation.unrelated_median)}, of related pairs "
        f"{figure(shown.separation.related_median)}."
    )
    yield "Ranked by split-half retrieval of artists, not by span."
    if run.selection.tied:
        yield f"Not significantly worse than {run.selection.best}: {', '.join(run.selection.tied)}."
    if run.selection.separated_best:
        yield f"Related and unrelated pairs are separated best in {run.selection.separated_best} (AUC)."
    highest = {frozenset((view.highest.a, view.highest.b)) for view in run.views if view.highest}
    if len(highest) == 1 and len(run.views) > 1:
        yield f"The highest pair is the same in all {len(run.views)} views: {' / '.join(sorted(*highest))}."
    for view in run.views:
        if view.everywhere:
            yield f"{view.name}: {', '.join(view.everywhere)} near nearly all artists (nearest {view.hubs.k})."


def _exposure(run: EvaluationRun) -> Iterator[Section]:
    rows = [
        (
            each.name,
            percent(each.exposure.coverage),
            figure(each.exposure.hubs.skewness),
            str(each.exposure.hubs.largest),
            percent(each.exposure.hubs.antihubs),
            figure(each.exposure.hubs.gini),
            figure(each.exposure.hubs.robin_hood),
            figure(each.exposure.popularity_percentile),
            figure(each.exposure.popularity_correlation),
            figure(each.exposure.novelty),
            figure(each.diversity),
        )
        for each in run.systems
    ]
    headings = (
        "system", "coverage", "N_k skew", "largest N_k", "antihubs", "Gini", "Robin Hood", "popularity percentile",
        "popularity and N_k", "novelty, bits", "diversity of a list",
    )  # fmt: skip
    shown = run.baseline.exposure
    yield Section(
        title=f"Who is recommended (first {run.asked.k})",
        sentences=(f"The lists of {shown.queries} artists.",),
        table=Table(headings=headings, rows=tuple(rows)),
        plot=Plot(caption=f"N_k of {run.asked.baseline}", svg=plots.occurrence_histogram(shown.counts, run.asked.k)),
    )


def _setting(run: EvaluationRun) -> Section:
    pool, done = run.pool, run.extraction
    rows = [
        ("generation", f"{pool.generation}, built {pool.built_at}"),
        ("space", f"{pool.space}, {pool.fingerprint}, {pool.layers} layers of {pool.dim}"),
        ("encoder", f"{pool.revision}; {pool.preprocessing}"),
        *((f"calibration of {layer}", status) for layer, status in pool.calibration.items()),
        ("artists with audio, scene, genre, collaboration", " / ".join(map(str, (
            pool.with_audio, pool.with_scene, pool.with_genre, pool.with_collaboration)))),
        ("truth", f"{run.truth.file}, sha256 {run.truth.sha256[:16]}" if run.truth else "none"),
        ("resamples, seed", f"{run.asked.resamples}, {run.asked.seed}"),
        ("software", ", ".join(f"{name} {version}" for name, version in run.software.items())),
    ]  # fmt: skip
    if done:
        rows += [
            ("clips embedded", f"{done.embedded} of {done.clips} ({percent(done.success)})"),
            ("clips per second", figure(done.clips_per_second, 2)),
            ("hours for 1,000 artists", figure(done.hours_per_1000_artists, 2)),
            ("price of 1,000 artists", figure(done.price_per_1000_artists, 2)),
        ]
    return Section(title="What was measured", table=Table(headings=("what", "value"), rows=tuple(rows)))
