"""The command `import`: genres, scene, collaborations and lists of artists from files, and `forget`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from indexer.cli import options
from indexer.cli.problems import print_and_exit
from indexer.files.home import open_catalog

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(
    name="import",
    epilog="\b\nExample:\n"
    "  soundkin import artists lineup.csv --licence own\n"
    "  soundkin import genres genres.csv --source my-tags --licence own\n"
    "  soundkin import forget my-tags",
)
def import_() -> None:
    """Import data about artists: names and ids, genres, popularity, scene, collaborations.

    Files are CSV (.csv, .tsv, .txt; commas, semicolons, tabs or bars), JSON or JSON lines, in UTF-8 or UTF-16. A row
    that cannot be used is rejected with its reason, and the others are imported.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    home: Path
    database_url: str | None
    as_json: bool


def _import(kind: str, path: Path, source: str | None, licence: str, target: _Target) -> None:
    from indexer.ingest import artist_list, imports
    from indexer.ingest.facts.derive import derive

    run = {
        "artists": artist_list.import_artists,
        "genres": imports.import_genres,
        "scene": imports.import_scene,
        "collaborations": imports.import_collaborations,
    }[kind]
    with open_catalog(target.home, target.database_url) as catalog:
        report = run(catalog, path, source=source or path.name[:64], licence=licence)
        derive(catalog)  # a name that an import knows may tell who is credited in a tag
    line = (
        f"{report.rows} rows: {report.imported} imported, {report.unchanged} unchanged, "
        f"{report.new_artists} new artists, {len(report.rejected)} rejected"
    )
    print_and_exit(report, line, as_json=target.as_json)


_IMPORT_HELP = {
    "artists": (
        "Artists: name or artist; ids in mbid, spotify, songkick_id, external_id:NAMESPACE ...; genres; popularity, "
        "listeners or followers. The way in without audio: build and publish after it.",
        "name,spotify_id,genres,listeners",
        "Low,5sVMaKWQ7hmZRcyNnpIfGu,slowcore; indie,412345",
    ),
    "genres": ("Genres: artist, genre, weight, source.", "artist,genre,weight", "Low,slowcore,3"),
    "scene": (
        "Scene: artist, similar, strength, rank; or a music-map dump.",
        "artist,similar,strength",
        "Low,Mogwai,0.7",
    ),
    "collaborations": (
        "Collaborations: artist_a, artist_b, kind, title, credited.",
        "artist_a,artist_b,kind,title",
        "Low,Dirty Three,joint,In the Fishtank 7",
    ),
}
"""Kind -> help, header and row of an example."""


def _add_import(kind: str) -> None:
    summary, header, row = _IMPORT_HELP[kind]
    example = f"\b\nExample:\n  soundkin import {kind} {kind}.csv --licence own\nwith {kind}.csv:\n  {header}\n  {row}"

    @import_.command(name=kind, help=summary, epilog=example)
    @click.argument("file", type=_FILE)
    @click.option("--source", help="Name of the data's source.  [default: the file's name]")
    @click.option(
        "--licence",
        default="none",
        show_default=True,
        help="Licence of the data: an SPDX name, `own` for your own data, `none` allows personal use only.",
    )
    @options.home_option
    @options.database_option
    @options.json_option
    def command(
        file: Path, source: str | None, licence: str, home: Path, database_url: str | None, as_json: bool
    ) -> None:
        _import(kind, file, source, licence, _Target(home=home, database_url=database_url, as_json=as_json))


for _kind in _IMPORT_HELP:
    _add_import(_kind)


@import_.command(epilog="\b\nExample:\n  soundkin import forget genres.csv")
@click.argument("source")
@options.home_option
@options.database_option
@options.json_option
def forget(source: str, home: Path, database_url: str | None, as_json: bool) -> None:
    """Remove everything imported from SOURCE, for example to import it again under another licence.

    What the sources `tags` and `manifest` say is in the files: the next scan brings it back.
    """
    from indexer.ingest.facts.derive import derive
    from recommender.catalog.facts_of_files import FILE_SOURCES

    with open_catalog(home, database_url) as catalog:
        removed = catalog.forget_source(source)
        if source not in FILE_SOURCES:  # what files say comes back with the next scan, and not before
            derive(catalog)
    if as_json:
        click.echo(json.dumps({"source": source, "rows": removed}, indent=1))
    else:
        click.echo(f"{removed} rows of {source} forgotten")
