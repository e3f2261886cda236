"""The commands about generations: `build`, `publish`, `rollback`, `collect`, `verify` and `nightly`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.cli import options
from indexer.cli.problems import show_rejections
from indexer.files.atomic import require_home
from indexer.files.home import open_catalog
from indexer.files.locks import HOME_LOCK, NIGHTLY_LOCK, require_free
from recommender.errors import Busy, CatalogError, PublishRefused, SoundkinError
from recommender.names import printable
from recommender.types import Use

if TYPE_CHECKING:  # importing a command must stay quick
    from indexer.maintain.repair import Repaired
    from indexer.maintain.verify import VerifyReport
    from indexer.nightly.report import NightlyReport
    from indexer.nightly.steps import Bars
    from recommender.generation.manifest import Manifest
    from recommender.types import Space


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
            run(catalog, home, wanted, bars=_bars(), on_report=tell)
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
    show_rejections((problem.shown for problem in report.new_problems), title="New problems")


@click.command(epilog="\b\nExample:\n  soundkin build --incremental")
@options.encoder_option
@click.option("--space", "key", help="Key of the space, when an encoder has several; takes precedence over --encoder.")
@options.use_option
@options.home_option
@options.database_option
@options.json_option
@click.option(
    "--incremental", is_flag=True, help="Copy unchanged tracks from the served generation; the result is the same."
)
def build(
    encoder_name: str,
    key: str | None,
    use: str,
    home: Path,
    database_url: str | None,
    as_json: bool,
    incremental: bool,
) -> None:
    """Build a generation from the catalog and the embeddings, and stage it."""
    _refuse_while_busy(home)
    from indexer.build.build import BuildOptions
    from indexer.build.build import build as run
    from indexer.store.store import EmbeddingStore

    space = _stored_space(encoder_name, key, home)
    with open_catalog(home, database_url) as catalog, options.progress_bar("layers") as progress:
        store = EmbeddingStore(home, space)
        how = BuildOptions(incremental=incremental, progress=progress)
        manifest = run(catalog, store, home, use=Use(use), options=how)
    if not manifest.counts.clips:
        click.secho(_without_audio(manifest), err=True)
    if as_json:
        options.print_json(manifest)
    else:
        _print_built(manifest, incremental=incremental)


def _without_audio(manifest: Manifest) -> str:
    if manifest.counts.tracks:
        return f"no clip is embedded in {manifest.space.key}: this generation has no audio; run soundkin embed"
    return "this generation has no audio: artists are compared by imported genres, scene and collaborations"


def _print_built(manifest: Manifest, *, incremental: bool) -> None:
    counts = manifest.counts
    click.echo(
        f"generation {manifest.version} staged: {counts.artists} artists ({counts.artists_indexed} with audio), "
        f"{counts.tracks} tracks ({counts.tracks_indexed} with audio), {len(manifest.space.layers)} layers "
        f"of {manifest.space.dim}"
    )
    if manifest.taken.note:
        click.echo(f"built in full: {manifest.taken.note}")
    elif incremental:
        click.echo(f"{manifest.taken.tracks} of {counts.tracks_indexed} tracks taken from v{manifest.parent_version}")
    _print_candidates(manifest)
    for entry in manifest.indexes:
        if entry.note:
            click.echo(f"layer {entry.layer}, {entry.kind}: exact, for {entry.note}")


def _print_candidates(manifest: Manifest) -> None:
    """Print how artists are retrieved; nothing for a small catalog, where candidates would not be faster."""
    from indexer.build.candidates import MIN_ARTISTS

    entry = manifest.candidates
    if entry.first:
        click.echo(f"nearest artists from candidates: {entry.overlap_at_20:.4f} of the first 20 of a full scan")
    elif manifest.counts.artists >= MIN_ARTISTS:
        click.echo(f"nearest artists: {entry.note}")


def _stored_space(encoder_name: str, key: str | None, home: Path) -> Space:
    """The space to build from: of the descriptors, which need no weights, or else of the stored embeddings.

    Loading an encoder with weights only to learn its space would take long, and its weights may be gone.
    """
    from indexer.encoders.registry import DESCRIPTORS, load_encoder
    from indexer.store.store import find_space

    if key is None and encoder_name == DESCRIPTORS:
        return load_encoder(encoder_name).space
    return find_space(home, name=encoder_name, key=key)


@click.command(epilog="\b\nExample:\n  soundkin publish --use personal")
@click.option("--encoder", "encoder_name", envvar="SOUNDKIN_ENCODER", help="Refuse a generation of another encoder.")
@click.option("--space", "key", help="Refuse a generation of another space; allows a change to this space.")
@options.use_option
@click.option("--force", is_flag=True, help="Publish although the gate refuses; needs --why.")
@click.option("--why", help="Why it is forced; it is recorded.")
@options.home_option
@options.database_option
@options.json_option
def publish(
    encoder_name: str | None,
    key: str | None,
    use: str,
    force: bool,
    why: str | None,
    home: Path,
    database_url: str | None,
    as_json: bool,
) -> None:
    """Verify the staged generation, hold it against the one that serves, and make it the one that is served."""
    if force != (why is not None):
        raise click.UsageError('--force and --why "…" go together')
    _require_free_home(home)
    from indexer.publish.gate import Terms
    from indexer.publish.publish import publish as run

    terms = Terms(use=Use(use), space=key, encoder=encoder_name)
    with open_catalog(home, database_url) as catalog, _print_refusals(as_json):
        manifest = run(catalog, home, terms=terms, forced_why=why)
    if as_json:
        options.print_json(manifest)
    else:
        click.echo(f"generation {manifest.version} published in {home}")


@contextmanager
def _print_refusals(as_json: bool) -> Iterator[None]:
    """Print the reasons of a refusal, one per line, and raise it again."""
    try:
        yield
    except PublishRefused as error:
        if as_json:
            reasons = [{"code": code, "detail": detail} for code, detail in error.refusals]
            click.echo(json.dumps({"refused": error.generation, "reasons": reasons, "kept": error.kept}, indent=1))
        else:
            for code, detail in error.refusals:
                click.echo(printable(f"{code}: {detail}"), err=True)
        raise


def _refuse_while_busy(home: Path) -> None:
    """Raise Busy when another run has the lock, before large libraries are loaded."""
    require_free(home / HOME_LOCK)


def _require_free_home(home: Path) -> None:
    require_home(home)
    _refuse_while_busy(home)


@click.command(epilog="\b\nExample:\n  soundkin rollback v3")
@click.argument("version", required=False)
@options.home_option
@options.database_option
@options.json_option
def rollback(version: str | None, home: Path, database_url: str | None, as_json: bool) -> None:
    """Serve VERSION again (v3, or 3); without it, the newest valid one before the served one."""
    _require_free_home(home)
    from indexer.publish.rollback import parse_version, record_rollback
    from indexer.publish.rollback import rollback as run

    manifest = run(home, parse_version(version) if version is not None else None)
    if as_json:
        options.print_json(manifest)
    else:
        click.echo(f"generation {manifest.version} serves again in {home}")
    try:
        with open_catalog(home, database_url) as catalog:
            record_rollback(catalog, manifest)
    except CatalogError as error:  # the rollback is done: an error status would tell the caller that it is not
        click.secho(printable(f"the rollback could not be recorded in the catalog: {error}"), err=True)


@click.command(epilog="\b\nExample:\n  soundkin collect --keep 3 --dry-run")
@click.option("--keep", type=click.IntRange(min=1), default=2, show_default=True, help="Generations to keep.")
@click.option(
    "--min-age-hours", type=click.FloatRange(min=0), default=24.0, show_default=True, help="Keep all that are younger."
)
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
@options.home_option
@options.json_option
def collect(keep: int, min_age_hours: float, dry_run: bool, home: Path, as_json: bool) -> None:
    """Remove old generations that are not in use, rejected ones, and the leftovers of killed runs."""
    _require_free_home(home)
    from indexer.maintain.collect import CollectOptions
    from indexer.maintain.collect import collect as run

    done = run(home, CollectOptions(keep=keep, min_age_hours=min_age_hours, dry_run=dry_run))
    if as_json:
        options.print_json(done)
        return
    for path in done.removed:
        click.echo(path)
    for name in done.leased:
        click.echo(f"{name} is in use and is kept")
    click.echo(f"{done.freed_bytes / 1e6:,.1f} MB {'would be freed' if dry_run else 'freed'}")


@click.command(epilog="\b\nExample:\n  soundkin verify --quarantine")
@click.option("--quarantine", is_flag=True, help="Move corrupt shards aside; embed then embeds only their clips again.")
@click.option("--rebuild-ledger", is_flag=True, help="Make the ledger in the catalog agree with the shards.")
@options.home_option
@options.database_option
@options.json_option
def verify(quarantine: bool, rebuild_ledger: bool, home: Path, database_url: str | None, as_json: bool) -> None:
    """Check every byte of the published generation, of the older ones, and of the embeddings.

    With --quarantine the ledger is repaired too, so that it lists no clip of a corrupt shard.
    """
    from indexer.maintain.repair import repair
    from indexer.maintain.verify import verify as run

    report, repaired = run(home), None
    if quarantine or rebuild_ledger:
        with open_catalog(home, database_url) as catalog:
            repaired = repair(catalog, home, report.problems if quarantine else ())
    if as_json:
        options.print_json(report, repaired=repaired)
    else:
        _print_verified(report)
        _print_repaired(repaired)
    options.finish(len(report.problems))


def _print_verified(report: VerifyReport) -> None:
    published = f"generation {report.version}" if report.version else "no generation"
    if report.corrupt:
        published = f"{report.corrupt} is corrupt"
    click.echo(
        f"{published}, {report.files} files; {report.shards} shards with {report.clips} clips; "
        f"{len(report.problems)} problems"
    )
    options.print_problems("Problems", [(path, "corrupt", problem) for path, problem in report.problems])


def _print_repaired(repaired: Repaired | None) -> None:
    for one in repaired.quarantined if repaired else ():
        click.echo(f"{one.path} moved to {one.kept}; soundkin embed embeds its clips again")
    for space in repaired.ledger if repaired else ():
        click.echo(
            f"ledger of {space.space}: {space.known} of {space.held} clips known, {space.marked} marked as done, "
            f"{space.forgotten} forgotten, {space.replaced} of replaced files, {space.unknown} not in the catalog"
            + ("; a scan of their music brings them back" if space.unknown else "")
        )
