"""Prints rejected files, rows and clips: how many for each reason, with a few examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from indexer.cli import options
from recommender.names import printable

if TYPE_CHECKING:  # importing a command must stay quick
    from indexer.ingest.import_claims import ImportReport
    from indexer.ingest.scan import ScanReport

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
        common = common_detail([detail for _, detail in rows])
        click.echo(printable(f"  {reason}: {len(rows)}{common}"))
        for what, detail in rows[:MAX_EXAMPLES]:
            click.echo(printable(f"    {what}" if common else f"    {what}: {detail}"))
        if len(rows) > MAX_EXAMPLES:
            click.echo(f"    … and {len(rows) - MAX_EXAMPLES} more")
    if any(len(rows) > MAX_EXAMPLES for rows in by_reason.values()):
        click.echo("--json lists all")


def common_detail(details: Sequence[str]) -> str:
    """The detail that several problems share, in brackets, to be printed once; empty where they differ.

    >>> common_detail(["no tag", "no tag"]), common_detail(["no tag", "empty"]), common_detail(["no tag"])
    (' (no tag)', '', '')
    """
    return f" ({details[0]})" if len(details) > 1 and details[0] and len(set(details)) == 1 else ""


def print_and_exit(report: ScanReport | ImportReport, line: str, *, as_json: bool) -> None:
    """Print the report of a scan or an import, and exit with status 1 when something was rejected."""
    if as_json:
        options.print_json(report)
    else:
        click.echo(line)
        show_rejections(row.shown for row in report.rejected)
    options.finish(len(report.rejected))
