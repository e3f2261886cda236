"""The command `soundkin problems`: everything in the catalog that could not be used or looks wrong, and what to do."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.cli import options
from indexer.cli.problems import MAX_EXAMPLES
from indexer.files.home import open_catalog
from recommender.names import printable

if TYPE_CHECKING:  # importing a command must stay quick
    from recommender.catalog import Catalog
    from recommender.catalog.rows import FileRecord

REJECTED, IDENTITY, EMBED, TEXT, VANISHED = "rejected", "identity", "embed", "text", "vanished"
"""Kinds of problems."""

_KINDS = {
    REJECTED: "Files whose sound cannot be used",
    IDENTITY: "Files of which it is not known who made them, or what",
    EMBED: "Clips that could not be embedded",
    TEXT: "Tags whose text was in a wrong encoding",
    VANISHED: "Files that vanished",
}
"""Kind -> its heading, in the order in which they are printed."""

_CURES = {
    "ambiguous_name": "give an external id in its tags or in a tracklist, or merge the artists: soundkin catalog merge",
    "bad_text": "correct the tag or the tracklist, and scan again",
    "decode_error": "play it: if it is damaged, replace it; if it plays, report it",
    "doubtful": "read the text; if it is wrong, correct the tag and scan again",
    "encoder_failed": "embed tries it again; soundkin embed --retry-failed tries it at once",
    "encoder_memory": "embed tries it again; free memory, or embed it on another --device",
    "external_ids_disagree": "correct the id in the tags or in the tracklist, and scan again",
    "no_artist": "tag it, give a tracklist, or name the layout of the folder: soundkin scan --layout",
    "no_title": "give a title in its tags or in a tracklist",
    "repaired": "nothing: UTF-8 that was read as Latin-1 was put right; the file is as it was",
    "silent": "check the file; if it is empty on purpose, soundkin catalog remove clip PATH",
    "vanished": "mount its disk and scan again, or let it go: soundkin scan FOLDER --forget-after DAYS",
}
"""Reason -> what to do."""

_RETRIED = "scan and embed try it again in later runs; after an upgrade: --retry-failed"
_ANY = "replace the file; every scan reads it again once it has changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem of one file."""

    kind: str
    """One of :data:`REJECTED` and the others."""
    reason: str
    """A stable word."""
    path: str
    detail: str
    clip: str | None = None
    """Id of its clip, for soundkin catalog remove clip."""
    space: str | None = None
    """The space that a clip could not be embedded into."""
    since: str | None = None
    """RFC 3339, UTC: when a scan first missed the file."""


def cure_of(reason: str) -> str:
    """What to do about a reason."""
    if reason.startswith("decoder_"):
        return _RETRIED
    return _CURES.get(reason, _ANY)


def read_problems(catalog: Catalog) -> Iterator[Problem]:
    """Every problem that the catalog records, by kind and path."""
    with catalog.snapshot():
        for record in catalog.read_files():
            yield from _of_file(record)
        for space in catalog.failed_spaces():
            for failure in catalog.failures(space):
                yield Problem(
                    kind=EMBED,
                    reason=failure.reason,
                    path=failure.source_path,
                    detail=failure.detail,
                    clip=failure.clip_id,
                    space=space,
                )


def _of_file(record: FileRecord) -> Iterator[Problem]:
    from indexer.ingest.facts.derive import IDENTITY as REASONS_OF_IDENTITY

    path, clip = record.path, record.clip_id
    if record.reason is not None:
        kind = IDENTITY if record.reason in REASONS_OF_IDENTITY else REJECTED
        yield Problem(kind=kind, reason=record.reason, path=path, detail=record.detail or "", clip=clip)
    for reason in ("doubtful", "repaired"):
        fields: tuple[str, ...] = getattr(record.tags, reason, ())
        if fields:
            yield Problem(kind=TEXT, reason=reason, path=path, detail=", ".join(fields), clip=clip)
    if record.vanished_at is not None:
        detail = f"missing since {record.vanished_at}"
        yield Problem(kind=VANISHED, reason="vanished", path=path, detail=detail, clip=clip, since=record.vanished_at)


@click.command(epilog="\b\nExample:\n  soundkin problems --reason no_artist --json")
@click.option("--reason", metavar="WORD", help="Only problems with this reason.")
@click.option("--file", "file", type=click.Path(path_type=Path), metavar="PATH", help="Only this file.")
@options.home_option
@options.database_option
@options.json_option
def problems(reason: str | None, file: Path | None, home: Path, database_url: str | None, as_json: bool) -> None:
    """List what could not be used: files, clips and tags, by reason, and what to do about each.

    Nothing is read but the catalog: what is listed is what the last scans and embeddings recorded.
    """
    with open_catalog(home, database_url) as catalog:
        wanted = _wanted(read_problems(catalog), reason, file)
        if as_json:
            _print_json(wanted)
        else:
            _print(_summaries(wanted))


def _wanted(every: Iterable[Problem], reason: str | None, file: Path | None) -> Iterator[Problem]:
    path = abspath(file) if file is not None else None
    for problem in every:
        if reason in (None, problem.reason) and path in (None, problem.path):
            yield problem


def _print_json(every: Iterable[Problem]) -> None:
    """Print all problems, and how many there are for each kind and reason. They are printed as they are read."""
    counts: Counter[tuple[str, str]] = Counter()
    click.echo('{\n "problems": [', nl=False)
    for number, problem in enumerate(every):
        counts[problem.kind, problem.reason] += 1
        click.echo(("," if number else "") + "\n  " + json.dumps(asdict(problem)), nl=False)
    rows = [
        {"kind": kind, "reason": reason, "count": count, "cure": cure_of(reason)}
        for (kind, reason), count in sorted(counts.items())
    ]
    click.echo('\n ],\n "counts": ' + json.dumps(rows) + "\n}")


@dataclass(slots=True, kw_only=True)
class _Summary:
    count: int = 0
    examples: list[Problem] = field(default_factory=list)
    since: str | None = None
    is_alike: bool = True
    """Whether all have the detail of the first example."""


def _summaries(every: Iterable[Problem]) -> dict[tuple[str, str], _Summary]:
    """(kind, reason) -> the number of its problems and the first examples: little memory for any number of files."""
    summaries: defaultdict[tuple[str, str], _Summary] = defaultdict(_Summary)
    for problem in every:
        summary = summaries[problem.kind, problem.reason]
        summary.count += 1
        if len(summary.examples) < MAX_EXAMPLES:
            summary.examples.append(problem)
        summary.is_alike = summary.is_alike and problem.detail == summary.examples[0].detail
        if problem.since is not None:
            summary.since = min(problem.since, summary.since or problem.since)
    return summaries


def _print(summaries: dict[tuple[str, str], _Summary]) -> None:
    for kind, heading in _KINDS.items():
        mine = [(reason, summary) for (of, reason), summary in summaries.items() if of == kind]
        if mine:
            click.echo(f"{heading}:")
        for reason, summary in sorted(mine, key=lambda item: (-item[1].count, item[0])):
            _print_reason(reason, summary)
    if not summaries:
        click.echo("no problems")
    elif any(summary.count > MAX_EXAMPLES for summary in summaries.values()):
        click.echo("--json lists all")


def _print_reason(reason: str, summary: _Summary) -> None:
    first = f", the first missed on {summary.since}" if summary.since else ""
    is_shared = summary.count > 1 and summary.is_alike
    detail = f" ({summary.examples[0].detail})" if is_shared else ""
    click.echo(printable(f"  {reason}: {summary.count}{first}{detail}"))
    for problem in summary.examples:
        where = f" [{problem.space}]" if problem.space else ""
        click.echo(printable(f"    {problem.path}{'' if is_shared else ': ' + problem.detail}{where}"))
    if summary.count > len(summary.examples):
        click.echo(f"    … and {summary.count - len(summary.examples)} more")
    click.echo(f"    to do: {cure_of(reason)}")
