"""The command `nightly`: every step from the folders to the published generation, for cron or a timer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.cli import options
from indexer.files.home import open_catalog
from indexer.files.locks import NIGHTLY_LOCK, require_free
from recommender.errors import Busy, SoundkinError
from recommender.names import printable

if TYPE_CHECKING:  # importing a command must stay quick
    from indexer.nightly.report import NightlyReport
    from indexer.nightly.steps import Bars


@click.command(epilog="\b\nExample:\n  soundkin nightly --config /etc/soundkin/nightly.toml")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What to scan, refresh and embed; docs/operations.md explains it.  [default: nightly.toml in the home]",
)
@options.home_option
@options.database_option
@options.json_option
def nightly(config: Path | None, home: Path, database_url: str | None, as_json: bool) -> None:
    """Scan, refresh, embed, build, publish and collect, one run at a time.

    Exit status 0: done, no new problem. 1: a new problem with a file or row, the gate refused the generation, or a
    step failed; the generation that was served stays served. 2: the configuration is wrong. 75: another run, or
    another command that writes, has the lock.
    """
    require_free(home / NIGHTLY_LOCK)
    from indexer.nightly.config import CONFIG_FILE, read_config
    from indexer.nightly.nightly import nightly as run

    wanted = read_config(config or home / CONFIG_FILE)
    reports: list[NightlyReport] = []

    def tell(report: NightlyReport) -> None:
        reports.append(report)
        if as_json:
            click.echo(report.to_json())
        elif sys.stdout.isatty() or not report.all_well:
            _print(report)

    with open_catalog(home, database_url) as catalog:
        try:
            run(catalog, home, wanted, bars=_bars(), tell=tell)
        except SoundkinError as error:
            if isinstance(error, Busy) or not reports:
                raise
            click.echo(f"soundkin: {printable(' '.join(str(error).split()))}", err=True)
    options.finish(sum(not report.all_well for report in reports))


def _bars() -> Bars:
    """Progress bars on a terminal; none under cron."""
    from indexer.embed.progress import embed_bar
    from indexer.nightly.steps import QUIET, Bars

    return Bars(counted=options.progress_bar, embedding=embed_bar) if sys.stderr.isatty() else QUIET


def _print(report: NightlyReport) -> None:
    serving = f"generation {report.version} serves" if report.version else "nothing serves"
    click.echo(printable(f"nightly run {report.run}: {report.outcome} in {report.seconds:.1f} s; {serving}"))
    for step in report.steps:
        counts = ", ".join(f"{name} {count}" for name, count in step.counts.items() if count)
        click.echo(f"  {step.name} {step.seconds:.1f} s{f': {counts}' if counts else ''}")
    if report.changes is not None:
        moved = "" if report.changes.moved is None else f", {report.changes.moved} moved"
        click.echo(f"  artists: {report.changes.added} added, {report.changes.removed} removed{moved}")
    if report.note:
        click.echo(f"  {printable(report.note)}")
    for code, detail in report.refusals:
        click.echo(printable(f"  refused: {code}: {detail}"))
    known = len(report.problems) - len(report.new_problems)
    if known:
        click.echo(f"  {known} problems were there before; --json lists them")
    options.print_problems("New problems", [problem.shown for problem in report.new_problems])
