"""The indexer's commands: each opens what it needs, calls one function, prints one report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from indexer.cli import options
from recommender.names import printable
from recommender.types import Use

if TYPE_CHECKING:  # importing a command must stay quick
    from indexer.embed.embed import EmbedReport
    from indexer.encoders.base import Encoder
    from indexer.ingest.imports import ImportReport
    from indexer.ingest.scan import ScanReport
from indexer.files.home import open_catalog

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _finish_entering(report: ScanReport | ImportReport, line: str, *, as_json: bool) -> None:
    """Print what a scan or an import made of its input, and exit 1 when some of it was rejected."""
    if as_json:
        options.print_json(report)
    else:
        click.echo(line)
        options.print_problems("Rejected", [row.shown for row in report.rejected])
    options.finish(len(report.rejected))


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--manifest", type=_FILE, help="Artist, title, genres and external ids per file; CSV or JSON lines.")
@click.option("--retry-failed", is_flag=True, help="Read the files again that were rejected, those in quarantine too.")
@options.workers_option
@options.home_option
@options.database_option
@options.json_option
def scan(
    folder: Path,
    manifest: Path | None,
    retry_failed: bool,
    workers: int,
    home: Path,
    database_url: str | None,
    as_json: bool,
) -> None:
    """Find the music in FOLDER and enter it in the catalog."""
    from indexer.audio.workers.pool import DecoderPool
    from indexer.ingest.scan import read_again
    from indexer.ingest.scan import scan as run

    with (
        open_catalog(home, database_url) as catalog,
        DecoderPool(workers=workers) as pool,
        options.progress_bar("scan") as progress,
    ):
        if retry_failed:
            read_again(catalog, folder)
        report = run(catalog, folder, manifest=manifest, pool=pool, progress=progress)
    if not report.files:
        _say_no_audio(folder)
    line = (
        f"{report.files} files: {report.new_clips} new clips, {report.known_clips} known, "
        f"{report.unchanged} unchanged, {report.ignored} ignored, {len(report.rejected)} rejected"
        + options.passed_over(report.waiting, report.quarantined)
    )
    _finish_entering(report, line, as_json=as_json)


def _say_no_audio(folder: Path) -> None:
    from indexer.audio.containers import DECODED_SUFFIXES

    looked_for = " ".join(sorted(DECODED_SUFFIXES))
    click.secho(printable(f"no audio was found in {folder}; looked for {looked_for}"), err=True)


@click.group(name="import")
def import_() -> None:
    """Enter what others know: genres, scene, collaborations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    home: Path
    database_url: str | None
    as_json: bool


def _import(kind: str, path: Path, source: str | None, licence: str, target: _Target) -> None:
    from indexer.ingest import imports

    run = {
        "genres": imports.import_genres,
        "scene": imports.import_scene,
        "collaborations": imports.import_collaborations,
    }[kind]
    with open_catalog(target.home, target.database_url) as catalog:
        report = run(catalog, path, source=source or path.name[:64], licence=licence)
    line = (
        f"{report.rows} rows: {report.imported} imported, {report.unchanged} unchanged, "
        f"{report.new_artists} new artists, {len(report.rejected)} rejected"
    )
    _finish_entering(report, line, as_json=target.as_json)


_IMPORT_HELP = {
    "genres": "Genres: CSV or JSON with artist, genre, weight, source.",
    "scene": "Scene: CSV or JSON with artist, similar, strength, rank; or a music-map dump.",
    "collaborations": "Collaborations: CSV or JSON with artist_a, artist_b, kind, title, credited.",
}


def _add_import(kind: str, summary: str) -> None:
    @import_.command(name=kind, help=summary)
    @click.argument("file", type=_FILE)
    @click.option("--source", help="Who says so.  [default: the file's name]")
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


for _kind, _summary in _IMPORT_HELP.items():
    _add_import(_kind, _summary)


@import_.command()
@click.argument("source")
@options.home_option
@options.database_option
@options.json_option
def forget(source: str, home: Path, database_url: str | None, as_json: bool) -> None:
    """Take back everything that SOURCE said, as to import it again under another licence."""
    with open_catalog(home, database_url) as catalog:
        gone = catalog.forget_source(source)
    if as_json:
        click.echo(json.dumps({"source": source, "rows": gone}, indent=1))
    else:
        click.echo(f"{gone} rows of {source} forgotten")


class EmbedCommandOptions(TypedDict):
    """Options of ``embed``."""

    encoder_name: str
    weights: Path | None
    device: str
    context: str
    precision: str
    batch: int | None
    limit: int | None
    price_per_hour: float | None
    retry_failed: bool
    store: str
    workers: int
    use: str
    home: Path
    database_url: str | None
    as_json: bool


@click.command()
@options.encoder_option
@options.weights_option
@options.device_option
@options.context_option
@options.precision_option
@click.option(
    "--batch", type=click.IntRange(1, 1024), help="Clips encoded at once.  [default: as the device's memory allows]"
)
@click.option("--price-per-hour", type=click.FloatRange(0), help="Of this machine; the cost line then names money.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Try N clips at most in this run.  [default: all]")
@click.option("--retry-failed", is_flag=True, help="Try the clips again that failed before.")
@click.option(
    "--store",
    type=click.Choice(["fp32", "fp16"]),
    default="fp32",
    show_default=True,
    help="Of embeddings on disk; fp16 takes half the room and refuses the few clips that it cannot hold.",
)
@options.workers_option
@options.use_option
@options.home_option
@options.database_option
@options.json_option
def embed(**asked: Unpack[EmbedCommandOptions]) -> None:
    """Extract every layer of every clip that has none yet."""
    from indexer.audio.workers.pool import DecoderPool
    from indexer.embed.embed import EmbedOptions
    from indexer.embed.embed import embed as run
    from indexer.embed.progress import embed_bar
    from indexer.encoders.base import in_use
    from indexer.store.shard import Stored
    from indexer.store.store import EmbeddingStore

    home = asked["home"]
    with (
        in_use(_encoder(asked)) as encoder,
        open_catalog(home, asked["database_url"]) as catalog,
        DecoderPool(workers=asked["workers"]) as pool,
        embed_bar() as progress,
    ):
        wanted = EmbedOptions(
            batch=asked["batch"], limit=asked["limit"], retry=asked["retry_failed"], progress=progress
        )
        report = run(
            catalog, EmbeddingStore(home, encoder.space, stored=Stored(asked["store"])), encoder, pool, options=wanted
        )
    _print_embedded(report, asked["price_per_hour"], as_json=asked["as_json"])
    options.finish(len(report.failed))


def _encoder(asked: EmbedCommandOptions) -> Encoder:
    """The encoder that was asked for; nothing is loaded of one whose licence does not allow the use."""
    from indexer.encoders.registry import load_allowed, weights_folder
    from indexer.encoders.settings import EncoderSettings

    name = asked["encoder_name"]
    settings = EncoderSettings(
        weights=asked["weights"] or weights_folder(name, asked["home"]),
        device=asked["device"],
        context=asked["context"],
        precision=asked["precision"],
    )
    return load_allowed(name, settings, Use(asked["use"]))


def _print_embedded(report: EmbedReport, price_per_hour: float | None, *, as_json: bool) -> None:
    from indexer.embed.cost import cost_of, success_of

    cost, success = cost_of(report, price_per_hour), success_of(report)
    if as_json:
        options.print_json(report, cost=cost, success=success)
        return
    click.echo(
        f"{report.embedded} clips embedded, {report.known} known before, {len(report.failed)} failed "
        f"in {report.seconds:.1f} s (space {report.space})"
    )
    click.echo(success.line)
    if cost:
        click.echo(cost.line)
    if report.failed_before:
        reasons = ", ".join(f"{reason} {count}" for reason, count in report.failed_before.items())
        more = options.passed_over(report.waiting, report.quarantined)
        click.echo(
            f"{len(report.left_alone)} failed in earlier runs ({reasons}){more}; --retry-failed tries them again"
        )
    if report.left:
        click.echo(f"{report.left} more clips wait for another run, because of --limit")
    options.print_problems("Failed", report.failed)


@click.command()
@click.option("--tracks", type=click.IntRange(1), required=True, metavar="N", help="How many are to be embedded.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), required=True, help="Clips per second, as embed says.")
@click.option("--price-per-hour", type=click.FloatRange(0), help="Of the machine.")
@options.json_option
def cost(tracks: int, rate: float, price_per_hour: float | None, as_json: bool) -> None:
    """Estimate the time and the money for embedding N tracks at a rate that was measured."""
    from indexer.embed.cost import estimate

    found = estimate(tracks, clips_per_second=rate, price_per_hour=price_per_hour)
    if as_json:
        options.print_json(found)
    else:
        click.echo(found.line)


@click.command()
@options.encoder_option
@options.weights_option
@click.option("--address", envvar="SOUNDKIN_ADDRESS", help="HOST:PORT of the server to ask.  [default: as the clients]")
@options.home_option
@options.database_option
@options.json_option
def doctor(
    encoder_name: str,
    weights: Path | None,
    address: str | None,
    home: Path,
    database_url: str | None,
    as_json: bool,
) -> None:
    """Say what works on this machine, and what to do about what does not."""
    from indexer.cli.doctor import Settings, examine

    settings = Settings(database_url=database_url, address=address, encoder=encoder_name, weights=weights)
    findings = examine(home, settings)
    if as_json:
        options.print_json(findings)
    else:
        for finding in findings.all:
            sign = "--  " if finding.absent else "ok  "
            line = printable(f"{sign if finding.ok else 'FAIL'} {finding.what}: {finding.detail}")
            click.secho(line, fg=None if finding.ok else "red")
    options.finish(sum(not finding.ok for finding in findings.all))


@click.command()
@click.option("--audio", type=_FOLDER, help="Real music instead of the synthesised catalog.")
@click.option("--manifest", type=_FILE, help="With --audio: artist, title and genres per file.")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this folder for further play.  [default: a temporary one]",
)
@options.encoder_option
@options.weights_option
@options.device_option
def demo(
    audio: Path | None, manifest: Path | None, home: Path | None, encoder_name: str, weights: Path | None, device: str
) -> None:
    """Show the whole path: music in, kindred artists out over gRPC."""
    from indexer.demo.demo import DemoEncoder, DemoMusic, run_demo

    if manifest and not audio:
        raise click.UsageError("--manifest describes the files of --audio FOLDER; give both")
    music = DemoMusic(folder=audio, manifest=manifest) if audio else None
    run_demo(music, home=home, encoder=DemoEncoder(name=encoder_name, weights=weights, device=device))
