"""The commands `demo`, `scan`, `embed`, `cost` and `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from indexer.cli import options
from indexer.cli.problems import print_and_exit, show_rejections
from indexer.files.home import open_catalog
from recommender.names import printable
from recommender.types import Use

if TYPE_CHECKING:  # importing a command must stay quick
    from indexer.embed.embed import EmbedReport
    from indexer.encoders.base import Encoder
    from indexer.ingest.scan import ScanReport

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _ScanWords(TypedDict):
    """The options of ``scan`` that say how a folder is read."""

    tracklist: Path | None
    reread: bool
    layouts: tuple[str, ...]
    forget_after: float | None


_SCAN_EPILOG = """\b
Example:
  soundkin scan ~/Music --tracklist tracks.csv
  soundkin scan /mnt/disk1 /mnt/disk2 --forget-after 30
  soundkin scan ~/Rips --layout "{year} - {album}/{artist} - {number} {title}"

Left alone are hidden files and folders (.Trash, .AppleDouble, ._name), symbolic links, the folders #recycle, #snapshot,
$RECYCLE.BIN, RECYCLER, @eaDir, @Recycle, @Recently-Snapshot, __MACOSX, lost+found and System Volume Information, and
every folder with a file .nomedia or .soundkinignore in it.
"""


@click.command(epilog=_SCAN_EPILOG)
@click.argument("folders", metavar="FOLDER...", type=_FOLDER, nargs=-1, required=True)
@click.option(
    "--tracklist",
    "--manifest",
    "tracklist",
    type=_FILE,
    envvar=["SOUNDKIN_SCAN_TRACKLIST", "SOUNDKIN_SCAN_MANIFEST"],
    help="Artist, title, genres and external ids per file; CSV or JSON lines; --manifest is an older name.",
)
@click.option("--retry-failed", is_flag=True, help="Read rejected files again, also those in quarantine.")
@click.option("--reread", is_flag=True, help="Read the tags of every file again. Nothing is embedded again.")
@click.option(
    "--layout",
    "layouts",
    multiple=True,
    help="How paths name artist, album and title where there are no tags; may be repeated. Example: "
    '"{artist}/{album}/{number} {title}".  [default: those of the last scan; built-in: the usual ones again]',
)
@click.option(
    "--forget-after",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Let files that vanished so long ago leave the catalog.  [default: they stay]",
)
@options.workers_option
@options.home_option
@options.database_option
@options.json_option
def scan(
    folders: tuple[Path, ...],
    retry_failed: bool,
    workers: int,
    home: Path,
    database_url: str | None,
    as_json: bool,
    **wanted: Unpack[_ScanWords],
) -> None:
    """Find the audio files in each FOLDER and write them to the catalog."""
    from indexer.audio.workers.pool import DecoderPool
    from indexer.ingest.scan import ScanOptions, join_reports, read_again
    from indexer.ingest.scan import scan as run

    how = ScanOptions(
        tracklist=wanted["tracklist"],
        reread=wanted["reread"],
        layouts=wanted["layouts"],
        forget_after_days=wanted["forget_after"],
    )
    reports = []
    unique = {folder.resolve(): folder for folder in reversed(folders)}  # a folder that is named twice is scanned once
    with open_catalog(home, database_url) as catalog, DecoderPool(workers=workers, on_demand=True) as pool:
        for folder in reversed(unique.values()):
            if retry_failed:
                read_again(catalog, folder)
            with options.progress_bar(f"scan {folder.name}") as progress:
                reports.append(run(catalog, folder, options=how, pool=pool, progress=progress))
            if not reports[-1].files and not reports[-1].rejected:
                _warn_no_audio(folder)
    report = join_reports(reports)
    print_and_exit(report, _scan_line(report), as_json=as_json)


def _scan_line(report: ScanReport) -> str:
    gone = f", {report.vanished} vanished" if report.vanished else ""
    gone += f", {report.forgotten} forgotten" if report.forgotten else ""
    return (
        f"{report.files} files: {report.new_clips} new clips, {report.known_clips} known, "
        f"{report.unchanged} unchanged{gone}, {report.ignored} ignored, {len(report.rejected)} rejected"
        + options.passed_over(report.waiting, report.quarantined)
    )


def _warn_no_audio(folder: Path) -> None:
    from indexer.audio.containers import DECODED_SUFFIXES

    suffixes = " ".join(sorted(DECODED_SUFFIXES))
    click.secho(printable(f"no audio was found in {folder}; looked for {suffixes}"), err=True)


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


@click.command(epilog="\b\nExample:\n  soundkin embed --encoder descriptors")
@options.encoder_option
@options.weights_option
@options.device_option
@options.context_option
@options.precision_option
@click.option(
    "--batch", type=click.IntRange(1, 1024), help="Clips encoded at once.  [default: as many as fit in memory]"
)
@click.option("--price-per-hour", type=click.FloatRange(0), help="Price of this machine, to print the cost in money.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Embed at most N clips in this run.  [default: all]")
@click.option("--retry-failed", is_flag=True, help="Try clips again that failed in earlier runs.")
@click.option(
    "--store",
    type=click.Choice(["fp32", "fp16"]),
    default="fp32",
    show_default=True,
    help="Number format of embeddings on disk; fp16 takes half the space and rejects clips outside its range.",
)
@options.workers_option
@options.use_option
@options.home_option
@options.database_option
@options.json_option
def embed(**asked: Unpack[EmbedCommandOptions]) -> None:
    """Embed every clip that has no embedding yet, with every layer of the encoder."""
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
    """Load the chosen encoder. Its licence is checked first, so that nothing is loaded that may not be used."""
    from indexer.encoders.base import EncoderSettings
    from indexer.encoders.registry import load_allowed, weights_folder

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
    show_rejections(report.failed, title="Failed")


@click.command(epilog="\b\nExample:\n  soundkin cost --tracks 100000 --rate 40 --price-per-hour 1.20")
@click.option("--tracks", type=click.IntRange(1), required=True, metavar="N", help="Number of tracks to embed.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), required=True, help="Clips per second, from embed.")
@click.option("--price-per-hour", type=click.FloatRange(0), help="Price of the machine.")
@options.json_option
def cost(tracks: int, rate: float, price_per_hour: float | None, as_json: bool) -> None:
    """Estimate time and price of embedding N tracks at a measured rate."""
    from indexer.embed.cost import estimate

    estimated = estimate(tracks, clips_per_second=rate, price_per_hour=price_per_hour)
    if as_json:
        options.print_json(estimated)
    else:
        click.echo(estimated.line)


@click.command(epilog="\b\nExample:\n  soundkin doctor --home ~/.soundkin")
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
    """Check what works on this machine, and print how to repair the rest."""
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


@click.command(epilog="\b\nExample:\n  soundkin demo --audio ~/Music --home ~/my-music-index")
@click.option("--audio", type=_FOLDER, help="Real music instead of the synthesised catalog.")
@click.option(
    "--tracklist",
    "--manifest",
    "tracklist",
    type=_FILE,
    envvar=["SOUNDKIN_DEMO_TRACKLIST", "SOUNDKIN_DEMO_MANIFEST"],
    help="With --audio: artist, title and genres per file; --manifest is an older name.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this folder, to go on with it.  [default: a temporary one]",
)
@options.encoder_option
@options.weights_option
@options.device_option
def demo(
    audio: Path | None, tracklist: Path | None, home: Path | None, encoder_name: str, weights: Path | None, device: str
) -> None:
    """Run the whole path: index music, serve it, and ask for similar artists."""
    from indexer.demo.demo import DemoEncoder, DemoMusic, run_demo

    if tracklist and not audio:
        raise click.UsageError("--tracklist describes the files of --audio FOLDER; give both")
    music = DemoMusic(folder=audio, tracklist=tracklist) if audio else None
    run_demo(music, home=home, encoder=DemoEncoder(name=encoder_name, weights=weights, device=device))
