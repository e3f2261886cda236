"""What a report says that needs labels: similarities as chances of kinship, and weights learned."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.evaluation import plots
from indexer.evaluation.document import Plot, Section, Table, figure, interval, percent, signed
from indexer.evaluation.fitting import RIVAL, Learned
from indexer.evaluation.run import EvaluationRun


def label_sections(run: EvaluationRun) -> Iterator[Section]:
    """Sections that a run with truth may have."""
    yield from _learned(run.learned)
    yield from _reliability(run)


def said_of(learned: Learned) -> str:
    """One sentence: how learned weights did on artists left out, and whether they beat the ones that need no labels."""
    found = learned.difference
    return (
        f"Learned from {learned.pairs:,} pairs of {learned.queries} artists, {learned.listed} of them listed. On "
        f"artists left out, {learned.measure} {interval(learned.held_out)} against {RIVAL} {interval(learned.rival)}: "
        f"{learned.standing}, difference {interval(found.difference)}, p {figure(found.p_value)}, detectable "
        f"{figure(found.detectable)}."
    )


def _learned(learned: Learned | None) -> Iterator[Section]:
    if learned is None:
        return
    rows = [
        (name, signed(slope), signed(learned.missing[name]), "yes" if name in learned.refused else "")
        for name, slope in learned.slopes.items()
    ]
    headings = ("signal", "weight of its log-odds", "worth of its silence", "spoke against the labels")
    table = Table(headings=headings, rows=(*rows, ("intercept", signed(learned.intercept), "", "")))
    yield Section(title="Weights learned from the truth", sentences=(said_of(learned),), table=table)


def _reliability(run: EvaluationRun) -> Iterator[Section]:
    found = run.shown.reliability
    if not found.bins:
        return
    said = (
        "Chances of kinship read off the audio signal's similarity, learned without one of the two artists, "
        f"{found.pairs} pairs: off by "
        f"{figure(found.ece)} on average (ECE), Brier {figure(found.brier, 4)}; one chance for all pairs has "
        f"{figure(found.base_brier, 4)}."
    )
    rows = [(percent(each.predicted), percent(each.observed), str(each.pairs)) for each in found.bins]
    yield Section(
        title="A similarity as a chance of kinship",
        sentences=(said,),
        table=Table(headings=("said", "found", "pairs"), rows=tuple(rows)),
        plot=Plot(caption="Said and found", svg=plots.reliability_plot(found)),
    )
