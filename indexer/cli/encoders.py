"""The commands about encoders: `encoder list`, `verify`, `fetch`, `convert`, `make-random` and `serve`."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from indexer.cli import options
from recommender.errors import InvalidArgument
from recommender.types import Use

if TYPE_CHECKING:  # importing a command must stay quick
    from indexer.encoders.mert.models import MertSpec
    from indexer.encoders.registry import EncoderInfo

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(epilog="\b\nExample:\n  soundkin encoder list")
def encoder() -> None:
    """List the encoders; fetch, convert and verify their weights; serve one."""


@encoder.command(name="list", epilog="\b\nExample:\n  soundkin encoder list --json")
@options.home_option
@options.json_option
def list_(home: Path, as_json: bool) -> None:
    """List the encoders with their layers, licence and weights folder."""
    from indexer.encoders.registry import list_encoders

    listed = list_encoders(home)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in listed], indent=1))
        return
    for one in listed:
        click.echo("\n".join(_described(one)))


def _described(one: EncoderInfo) -> tuple[str, ...]:
    if one.weights is None:
        weights = "  needs no weights"
    else:
        weights = f"  weights in {one.weights}" if one.ready else f"  weights belong in {one.weights}: not there"
    return (
        f"{one.name}: {len(one.layers)} layers of {one.dim}: {', '.join(one.layers)}",
        f"  licence {one.licence} (allows {', '.join(one.allows)})",
        weights,
    )


@encoder.command(epilog="\b\nExample:\n  soundkin encoder verify mert-v1-95m")
@click.argument("name")
@options.weights_option
@options.device_option
@options.home_option
@options.json_option
def verify(name: str, weights: Path | None, device: str, home: Path, as_json: bool) -> None:
    """Check the weights of encoder NAME: digest, every tensor, and the answer to a test signal."""
    spec = _model(name)
    from indexer.encoders.base import EncoderSettings
    from indexer.encoders.mert.known_answers import verify as run
    from indexer.encoders.registry import weights_folder

    verified = run(spec, EncoderSettings(weights=weights or weights_folder(name, home), device=device))
    if as_json:
        options.print_json(verified)
        return
    origin = "published" if verified.published else "not known to be the published ones"
    click.echo(
        f"{verified.model}: {verified.tensors} tensors right, known answer {verified.known_answer}, weights {origin}\n"
        f"  sha256 {verified.sha256}\n  in {verified.folder}\n  space {verified.space}"
    )


@encoder.command(epilog="\b\nExample:\n  soundkin encoder fetch mert-v1-95m")
@click.argument("name")
@options.use_option
@options.home_option
@options.json_option
def fetch(name: str, use: str, home: Path, as_json: bool) -> None:
    """Copy the published weights of encoder NAME into the home, from the Hugging Face cache or hub."""
    spec = _model(name)
    from indexer.encoders.registry import weights_folder
    from recommender.licences import find_licence, require

    click.echo(f"{spec.repo} at {spec.revision}, licence {spec.licence}", err=True)
    require(f"encoder {name}", find_licence(spec.licence), Use(use))
    from indexer.encoders.mert.fetch import fetch as run

    folder = weights_folder(name, home)
    if folder is None:
        raise InvalidArgument("name", f"{name} has no weights")
    _print_file(run(spec, folder).path, as_json=as_json)


@encoder.command(epilog="\b\nExample:\n  soundkin encoder convert ~/models/mert --model mert-v1-95m")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--model", help="Refuse any file except the one published for this encoder.")
@options.json_option
def convert(folder: Path, model: str | None, as_json: bool) -> None:
    """Convert the pytorch_model.bin in FOLDER, which also holds its config.json, to model.safetensors."""
    from indexer.encoders.mert.convert import convert_folder

    _print_file(convert_folder(folder, model=model).path, as_json=as_json)


@encoder.command(epilog="\b\nExample:\n  soundkin encoder make-random mert-v1-95m ~/models/random --seed 1")
@click.argument("name", metavar="MODEL")
@click.argument("folder", type=_FOLDER)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the weights.")
@options.json_option
def make_random(name: str, folder: Path, seed: int, as_json: bool) -> None:
    """Write random weights of the size and layout of MODEL to FOLDER. For tests: the embeddings mean nothing."""
    spec = _model(name)
    from indexer.encoders.mert.models import PUBLISHED_FILE, WEIGHTS_FILE

    for file in (WEIGHTS_FILE, PUBLISHED_FILE):
        if (folder / file).exists():
            raise InvalidArgument("folder", f"{folder / file} is there already; choose another folder")
    from indexer.encoders.mert.random_checkpoint import write_checkpoint

    _print_file(write_checkpoint(folder, spec.geometry, seed=seed), as_json=as_json)


class ServeOptions(TypedDict):
    """Options of ``encoder serve``."""

    encoder_name: str
    weights: Path | None
    device: str
    context: str
    precision: str
    listen: str
    port_file: Path | None
    workers: int
    use: str
    home: Path


@encoder.command(epilog="\b\nExample:\n  soundkin encoder serve --encoder mert-v1-95m --device cuda")
@options.encoder_option
@options.weights_option
@options.device_option
@options.context_option
@options.precision_option
@click.option(
    "--listen", default="127.0.0.1:7781", show_default=True, help="HOST:PORT, for `soundkin serve --encoder`."
)
@click.option(
    "--port-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the port there once it listens."
)
@options.workers_option
@options.use_option
@options.home_option
def serve(**asked: Unpack[ServeOptions]) -> None:
    """Encode clips for a server, so that it can answer for artists that are not in the catalog.

    Choose the encoder, weights, context and precision that the generation was embedded with: a server refuses vectors
    of another space.
    """
    from indexer.audio.workers.pool import DecoderPool
    from indexer.encoder_service.serve import Settings, run
    from indexer.encoders.base import EncoderSettings, in_use
    from indexer.encoders.registry import load_allowed, weights_folder

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = EncoderSettings(
        weights=asked["weights"] or weights_folder(asked["encoder_name"], asked["home"]),
        device=asked["device"],
        context=asked["context"],
        precision=asked["precision"],
    )
    with (
        in_use(load_allowed(asked["encoder_name"], settings, Use(asked["use"]))) as loaded,
        DecoderPool(workers=asked["workers"]) as pool,
    ):
        run(loaded, pool, Settings(listen=asked["listen"], port_file=asked["port_file"]))


def _model(name: str) -> MertSpec:
    """The model behind an encoder. Raises NotFound, and InvalidArgument for one that has no weights."""
    from indexer.encoders.registry import find_model

    spec = find_model(name)
    if spec is None:
        raise InvalidArgument("name", f"{name} has no weights; soundkin encoder list shows which have")
    return spec


def _print_file(path: Path, *, as_json: bool) -> None:
    from indexer.encoders.mert.weights import file_sha256

    sha256 = file_sha256(path)
    click.echo(json.dumps({"path": str(path), "sha256": sha256}, indent=1) if as_json else f"{path}\n  sha256 {sha256}")
