"""The command ``soundkin serve``: its options, and how they become the settings of the server."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TypedDict, Unpack

import click

from recommender.process_control import THREAD_VARIABLES
from server.address import DEFAULT_ADDRESS

USES = ("personal", "noncommercial", "commercial")
"""Values of :class:`recommender.types.Use`, which is not imported here because that imports numpy: see ``serve``."""


class ServeOptions(TypedDict):
    """Options of ``serve``."""

    home: Path
    encoder: str | None
    listen: str
    port_file: Path | None
    lame_duck: float
    grace: float
    log_level: str
    use: str
    wait: bool
    metrics_port: int | None
    metrics_host: str
    show_paths: bool


def _default_home() -> Path:
    try:
        return Path.home() / ".soundkin"
    except RuntimeError as error:
        raise click.UsageError("this account has no home folder; give --home or SOUNDKIN_HOME") from error


@click.command(epilog="\b\nExample:\n  soundkin serve --listen 127.0.0.1:50051")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="SOUNDKIN_HOME",
    default=_default_home,
    show_default="~/.soundkin",
    help="Folder of the generations.",
)
@click.option(
    "--encoder",
    envvar="SOUNDKIN_ENCODER_ADDRESS",
    metavar="HOST:PORT",
    help="Where `soundkin encoder serve` listens; without it, audio clips are refused.",
)
@click.option("--listen", default=DEFAULT_ADDRESS, show_default=True, help="HOST:PORT; port 0 is any free one.")
@click.option(
    "--port-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the port to this file once the server listens.",
)
@click.option(
    "--lame-duck",
    type=click.FloatRange(0, 600),
    default=0.2,
    show_default=True,
    help="Seconds to accept calls after SIGTERM, with health NOT_SERVING.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 600),
    default=20.0,
    show_default=True,
    help="Seconds for running calls to finish.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
@click.option(
    "--use",
    "--profile",
    "use",
    type=click.Choice(USES),
    envvar=["SOUNDKIN_USE", "SOUNDKIN_PROFILE"],
    default=USES[0],
    show_default=True,
    help="What you use Soundkin for; a generation built for less is refused; --profile is an older name.",
)
@click.option(
    "--wait", is_flag=True, help="Without a generation, answer NOT_SERVING until there is one, instead of exit 78."
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve metrics for Prometheus on this port.")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Host to serve them on.")
@click.option(
    "--show-paths",
    is_flag=True,
    envvar="SOUNDKIN_SHOW_PATHS",
    help="Answer where the files of tracks are on this machine: `soundkin playlist --m3u` needs it.",
)
def serve(**options: Unpack[ServeOptions]) -> None:
    """Answer gRPC requests from the published generation, and switch to newer ones."""
    for variable in THREAD_VARIABLES:  # numpy and FAISS read them when they are imported, below
        os.environ.setdefault(variable, "1")
    # gRPC's own log has a line for every malformed header, so that anybody could fill the disk.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from recommender.types import Use
    from server.address import Address, parse_address
    from server.serve import Settings, run
    from server.shutdown import DrainTimes

    port, encoder = options["metrics_port"], options["encoder"]
    logging.basicConfig(level=options["log_level"].upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    run(
        Settings(
            home=options["home"],
            address=parse_address(options["listen"]),
            use=Use(options["use"]),
            port_file=options["port_file"],
            drain_times=DrainTimes(lame_duck_s=options["lame_duck"], grace_s=options["grace"]),
            wait=options["wait"],
            encoder=None if encoder is None else parse_address(encoder, option="--encoder"),
            metrics=None if port is None else Address(host=options["metrics_host"], port=port),
            show_paths=options["show_paths"],
        )
    )
