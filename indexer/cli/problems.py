"""Prints rejected files, rows and clips: how many for each reason, with a few examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import click

from recommender.names import printable

MAX_EXAMPLES = 3
"""Examples printed for each reason; --json prints all."""


def show_rejections(rejected: Iterable[tuple[str, str, str]], *, title: str = "Rejected") -> None:
    """Print (what, reason, detail) of each on stdout, by reason, the commonest first; nothing when there is none."""
    by_reason: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for what, reason, detail in rejected:
        by_reason[reason].append((what, detail))
    if not by_reason:
        return
    click.echo(f"{title}, by reason:")
    for reason, rows in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        click.echo(printable(f"  {reason}: {len(rows)}"))
        for what, detail in rows[:MAX_EXAMPLES]:
            click.echo(printable(f"    {what}: {detail}"))
        if len(rows) > MAX_EXAMPLES:
            click.echo(f"    … and {len(rows) - MAX_EXAMPLES} more")
    if any(len(rows) > MAX_EXAMPLES for rows in by_reason.values()):
        click.echo("--json lists all")
