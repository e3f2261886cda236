"""Options and printing functions that several indexer commands share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from recommender.names import printable
from recommender.strict_json import to_facts
from recommender.types import Use

Command = TypeVar("Command", bound=Callable[..., Any])

MAX_LISTED = 50
"""Rejected items printed on a terminal; --json prints all."""


def _default_home() -> Path:
    try:
        return Path.home() / ".soundkin"
    except RuntimeError as error:
        raise click.UsageError("this account has no home folder; give --home or SOUNDKIN_HOME") from error


home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="SOUNDKIN_HOME",
    default=_default_home,
    show_default="~/.soundkin",
    help="Folder of the catalog, embeddings and generations.",
)
database_option = click.option(
    "--database-url",
    envvar="SOUNDKIN_DATABASE_URL",
    help="Another catalog, postgresql://…  [default: catalog.db in the home]",
)
use_option = click.option(
    "--use",
    "--profile",
    "use",
    type=click.Choice([use.value for use in Use]),
    envvar=["SOUNDKIN_USE", "SOUNDKIN_PROFILE"],
    default=Use.PERSONAL.value,
    show_default=True,
    help="What you use Soundkin for; it decides which licences are allowed; --profile is an older name.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
encoder_option = click.option(
    "--encoder",
    "encoder_name",
    envvar="SOUNDKIN_ENCODER",
    default="descriptors",
    show_default=True,
    help="Which encoder; `soundkin encoder list` lists them.",
)
weights_option = click.option(
    "--weights",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="SOUNDKIN_WEIGHTS",
    help="Folder of the encoder's weights.  [default: models/ENCODER in the home]",
)
device_option = click.option(
    "--device",
    envvar="SOUNDKIN_DEVICE",
    default="auto",
    show_default=True,
    help="Device of the encoder: auto (every CUDA device, else mps, else cpu), cpu, mps, cuda (all), cuda:1, or "
    "several with commas, one process each: cuda:0,cuda:1.",
)
context_option = click.option(
    "--context",
    default="full",
    show_default=True,
    help="Audio that the encoder gets at once: full, or chunked:10 for chunks of ten seconds, to compare.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "fp16"]),
    default="auto",
    show_default=True,
    help="Number format of a network's products; auto is fp16 on CUDA, fp32 elsewhere.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=lambda: max(1, os.cpu_count() or 1),
    show_default="one per core",
    help="Decoder processes.",
)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A callback (done, total) that draws a bar on stderr when that is a terminal; otherwise it does nothing."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def finish(problems: int) -> None:
    """Exit with status 1 when there were problems, which the caller has printed."""
    if problems:
        raise click.exceptions.Exit(1)


def print_json(report: Any, **more: Any) -> None:  # Any: a report dataclass or a manifest; or None in ``more``
    """Print a report on stdout as JSON. ASCII only, because a path may contain bytes that are not valid text."""
    parts = {name: asdict(part) if part is not None else None for name, part in more.items()}
    facts = to_facts(report) if isinstance(report, Struct) else asdict(report)
    click.echo(json.dumps(facts | parts, default=str, indent=1, ensure_ascii=True))


def passed_over(waiting: int, quarantined: int) -> str:
    """The part of a line of counts about files that crashed decoders; empty when there are none.

    >>> passed_over(2, 1)
    ' (waiting 2, quarantined 1)'
    """
    return f" (waiting {waiting}, quarantined {quarantined})" if waiting or quarantined else ""


def print_problems(title: str, problems: Sequence[tuple[str, str, str]]) -> None:
    """Print a table of (what, reason, detail) on stdout, at most :data:`MAX_LISTED` rows."""
    if not problems:
        return
    table = Table(title=Text(printable(title)), title_justify="left", show_edge=False)
    for heading in ("what", "reason", "detail"):
        table.add_column(heading, overflow="fold")
    for row in problems[:MAX_LISTED]:
        table.add_row(*(Text(printable(cell)) for cell in row))  # Text, because rich would read markup in a str
    Console().print(table)
    if len(problems) > MAX_LISTED:
        click.echo(f"… and {len(problems) - MAX_LISTED} more; --json lists all")
