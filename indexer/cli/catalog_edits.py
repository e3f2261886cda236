"""The commands `soundkin catalog …`: corrections by hand of what files and imports say, and their undoing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click
import msgspec

from indexer.cli import options
from indexer.files.home import open_catalog
from recommender.names import printable

if TYPE_CHECKING:  # importing a command must stay quick
    from indexer.edits.make_edits import EditReport
    from indexer.edits.view import Change
    from recommender.catalog import Catalog
    from recommender.catalog.edits import CatalogEdit

MAX_LISTED = 20
"""Artists, and tracks, that are printed of a change; --json prints all."""


class _Target(TypedDict):
    home: Path
    database_url: str | None
    dry_run: bool
    as_json: bool


_dry_run_option = click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")


def _target_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (options.json_option, options.database_option, options.home_option, _dry_run_option):
        command = option(command)
    return command


@click.group(
    name="catalog", epilog='\b\nExample:\n  soundkin catalog merge "Guns and Roses" "Guns N\' Roses" --dry-run'
)
def catalog_() -> None:
    """Correct the catalog by hand: remove, merge, split and rename.

    Files, and what is recorded of them, stay as they are: every build from then on applies the edit over them, until
    soundkin catalog restore undoes it. An artist is given by its name, its id, or an external id such as mbid:…; a
    track by its id or as "Artist - Title"; a clip by its id or the path of its file.
    """


@catalog_.command(epilog='\b\nExample:\n  soundkin catalog remove track "Low - Words" --dry-run')
@click.argument("what", type=click.Choice(["artist", "track", "clip"]))
@click.argument("ref")
@_target_options
def remove(what: str, ref: str, **target: Unpack[_Target]) -> None:
    """Leave an artist with all its tracks, a track or a clip out of the next generation."""
    from indexer.edits.make_edits import remove as run

    _run(target, lambda catalog: run(catalog, what, ref, dry_run=target["dry_run"]))


@catalog_.command(epilog='\b\nExample:\n  soundkin catalog merge "Guns and Roses" "Guns N\' Roses"')
@click.argument("artist")
@click.argument("into")
@_target_options
def merge(artist: str, into: str, **target: Unpack[_Target]) -> None:
    """Make everything of ARTIST a part of INTO; its names become aliases."""
    from indexer.edits.make_edits import merge as run

    _run(target, lambda catalog: run(catalog, artist, into, dry_run=target["dry_run"]))


@catalog_.command(epilog='\b\nExample:\n  soundkin catalog split Low --track "Low - Lazy" --name "Low (UK)"')
@click.argument("artist")
@click.option("--track", "tracks", multiple=True, required=True, metavar="REF", help="A track to split off; repeat it.")
@click.option("--name", required=True, help="Name of the new artist; it may be the same.")
@_target_options
def split(artist: str, tracks: tuple[str, ...], name: str, **target: Unpack[_Target]) -> None:
    """Give some tracks of ARTIST to a new artist, as for two bands of one name."""
    from indexer.edits.make_edits import split as run

    _run(target, lambda catalog: run(catalog, artist, tracks, name, dry_run=target["dry_run"]))


@catalog_.command(epilog='\b\nExample:\n  soundkin catalog rename "The Artist" Prince')
@click.argument("artist")
@click.argument("name")
@_target_options
def rename(artist: str, name: str, **target: Unpack[_Target]) -> None:
    """Make NAME the preferred name of ARTIST; the old one stays as an alias."""
    from indexer.edits.make_edits import rename as run

    _run(target, lambda catalog: run(catalog, artist, name, dry_run=target["dry_run"]))


@catalog_.command(epilog="\b\nExample:\n  soundkin catalog restore 3")
@click.argument("edit", type=click.IntRange(1), metavar="ID")
@_target_options
def restore(edit: int, **target: Unpack[_Target]) -> None:
    """Undo the edit with this number."""
    from indexer.edits.make_edits import restore as run

    _run(target, lambda catalog: run(catalog, edit, dry_run=target["dry_run"]), undo=True)


@catalog_.command(epilog="\b\nExample:\n  soundkin catalog edits --json")
@options.home_option
@options.database_option
@options.json_option
def edits(home: Path, database_url: str | None, as_json: bool) -> None:
    """List all edits, those that were undone too."""
    from indexer.edits.make_edits import list_edits

    with open_catalog(home, database_url) as catalog:
        listed = list_edits(catalog)
    if as_json:
        click.echo(json.dumps([{**_facts(edit), "state": state} for edit, state in listed], indent=1))
        return
    for edit, state in listed:
        undone = f" {edit.undone_at}" if edit.undone_at else ""
        click.echo(printable(f"{edit.id:4}  {edit.made_at}  {_sentence(edit)}  [{state}{undone}]"))
    if not listed:
        click.echo("no edits")


def _run(target: _Target, change: Callable[[Catalog], EditReport], *, undo: bool = False) -> None:
    with open_catalog(target["home"], target["database_url"]) as catalog:
        report = change(catalog)
    if target["as_json"]:
        rows = {kind: {"removed": gone, "added": new} for kind, (gone, new) in report.changes.rows.items()}
        parts = {name: msgspec.to_builtins(getattr(report.changes, name)) for name in ("artists", "tracks")}
        changes = {**parts, "rows": rows}
        facts = {"edit": _facts(report.edit), "dry_run": report.dry_run, "undone": undo, "changes": changes}
        click.echo(json.dumps(facts, indent=1))
        return
    _print(report, undo=undo)


def _facts(edit: CatalogEdit) -> dict[str, Any]:  # Any: JSON
    subject = msgspec.to_builtins(edit.subject)
    times = {"made_at": edit.made_at, "undone_at": edit.undone_at}
    return {"id": edit.id, "kind": edit.kind, "subject": subject, **times}


def _print(report: EditReport, *, undo: bool) -> None:
    verb = "would undo" if undo else "would"
    number = "" if report.dry_run and not undo else f" {report.edit.id}"
    head = f"dry run, nothing is changed; it {verb}" if report.dry_run else ("undone" if undo else "edit")
    click.echo(printable(f"{head}{number}: {_sentence(report.edit)}"))
    changes = report.changes
    _print_changes(changes.artists)
    _print_changes(changes.tracks)
    for kind, (gone, new) in changes.rows.items():
        click.echo(f"  {kind.replace('_', ' ')}: {gone} removed, {new} added")
    if not (changes.artists or changes.tracks or changes.rows):
        click.echo("  nothing changes")
    if not report.dry_run:
        click.echo("to serve it: soundkin build && soundkin publish, or the next soundkin nightly")


def _print_changes(changes: Sequence[Change]) -> None:
    for change in changes[:MAX_LISTED]:
        what = f"{change.what} {change.id}"
        if change.after is None:
            line = f"{what} disappears: {change.before}"
        elif change.before is None:
            line = f"{what} appears: {change.after}"
        else:
            line = f"{what}: {change.before} -> {change.after}"
        click.echo(printable(f"  {line}"))
    if len(changes) > MAX_LISTED:
        click.echo(f"  … and {len(changes) - MAX_LISTED} more {changes[0].what}s; --json lists all")


def _sentence(edit: CatalogEdit) -> str:
    from recommender.catalog.edits import Merge, Removal, Split

    subject = edit.subject
    if isinstance(subject, Removal):
        return f"remove {subject.what} {subject.label} ({subject.id})"
    if isinstance(subject, Merge):
        return f"merge {subject.label} ({subject.artist}) into {subject.into_label} ({subject.into})"
    if isinstance(subject, Split):
        count = f"{len(subject.clips)} clips" if len(subject.clips) != 1 else "1 clip"
        return f"split {count} from {subject.label} ({subject.artist}) to {subject.name} ({subject.new_artist})"
    return f"rename {subject.label} ({subject.artist}) to {subject.name}"
