"""What a report says about two runs: what was chosen differently, layer by layer, and every figure."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.evaluation.document import Section, Table, figure, interval, signed
from indexer.evaluation.versus import Changed, Versus


def against_sections(found: Versus | None) -> Iterator[Section]:
    """Sections on the other run; none without one."""
    if found is None:
        return
    primary, halves = found.primary, found.halves
    said = (
        f"The other run: {found.other}.",
        *found.notes,
        f"Baselines on {primary.difference.n} queries both asked: {interval(primary.difference)}, p "
        f"{figure(primary.p_value)}, smallest difference that would have been seen {figure(primary.detectable)}.",
        f"Best layers on the halves of {halves.difference.n} artists in both, without labels: "
        f"{interval(halves.difference)}, p {figure(halves.p_value)}, detectable {figure(halves.detectable)}.",
    )
    settings = tuple((each.name, each.before, each.after) for each in found.settings)
    yield Section(
        title="Against the other run", sentences=said, table=Table(headings=("what", "before", "after"), rows=settings)
    )
    yield Section(title="Every figure, before and after", table=_changes((*found.figures, *found.pairs)))
    if found.views:
        yield Section(title="Layers, before and after", table=_changes(found.views))


def _changes(changes: tuple[Changed, ...]) -> Table:
    rows = [(each.name, figure(each.before), figure(each.after), _change(each)) for each in changes]
    return Table(headings=("figure", "before", "after", "change"), rows=tuple(rows))


def _change(each: Changed) -> str:
    """Such as ``+0.117 (+72 %)``; without the share where ``before`` is 0 or missing."""
    return signed(each.change) + ("" if each.share != each.share else f" ({each.share * 100:+.0f} %)")
