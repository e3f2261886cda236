"""Commands about generations: build one, publish it, check what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer import options
from recommender.types import Profile

if TYPE_CHECKING:  # importing a command must stay quick
    from recommender.types import Space


@click.command()
@options.encoder_option
@click.option("--space", "key", help="Key of the space, where an encoder has several; it wins over --encoder.")
@options.profile_option
@options.home_option
@options.database_option
@options.json_option
def build(
    encoder_name: str, key: str | None, profile: str, home: Path, database_url: str | None, as_json: bool
) -> None:
    """Build a generation from the catalogue and the embeddings, and stage it."""
    from indexer.build import build as run
    from indexer.store import EmbeddingStore

    space = _stored_space(encoder_name, key, home)
    with options.open_catalog(home, database_url) as catalog:
        store = EmbeddingStore(home, space)
        manifest = run(catalog, store, home, profile=Profile(profile), progress=lambda step: None)
    if not manifest.counts.clips:
        click.secho(f"no clip is embedded in {space.key}: this generation has no audio; run soundkin embed", err=True)
    if as_json:
        options.print_json(manifest)
    else:
        counts = manifest.counts
        click.echo(
            f"generation {manifest.version} staged: {counts.artists} artists ({counts.artists_indexed} with audio), "
            f"{counts.tracks} tracks ({counts.tracks_indexed} with audio), {len(manifest.space.layers)} layers "
            f"of {manifest.space.dim}"
        )


def _stored_space(encoder_name: str, key: str | None, home: Path) -> Space:
    """The space to build from. Only an encoder without weights is asked for its own; else the stores say it."""
    from indexer.encoders import DESCRIPTORS, load_encoder
    from indexer.store import find_space

    if key is None and encoder_name == DESCRIPTORS:
        return load_encoder(encoder_name).space
    return find_space(home, name=encoder_name, key=key)


@click.command()
@options.home_option
@options.database_option
@options.json_option
def publish(home: Path, database_url: str | None, as_json: bool) -> None:
    """Verify the staged generation and make it the one that is served."""
    from indexer.publish import publish as run

    with options.open_catalog(home, database_url) as catalog:
        manifest = run(catalog, home)
    if as_json:
        options.print_json(manifest)
    else:
        click.echo(f"generation {manifest.version} published in {home}")


@click.command()
@options.home_option
@options.json_option
def verify(home: Path, as_json: bool) -> None:
    """Check every byte of the published generation and of the embeddings."""
    from indexer.verify import verify as run

    report = run(home)
    if as_json:
        options.print_json(report)
    else:
        served = f"generation {report.version}" if report.version else "no generation"
        click.echo(
            f"{served}, {report.files} files; {report.shards} shards with {report.clips} clips; "
            f"{len(report.problems)} problems"
        )
        options.print_problems("Problems", [(path, "corrupt", problem) for path, problem in report.problems])
    options.finish(len(report.problems))
