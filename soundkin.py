"""The front door: one command whose sub-commands are imported, by dotted path, only when they are asked for."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from recommender.errors import AmbiguousName, Busy, InvalidArgument, NotFound, NothingToServe, SoundkinError

COMMANDS = {
    "demo": ("indexer.cli.commands:demo", "Play the whole path through on synthesised music, or on yours."),
    "scan": ("indexer.cli.commands:scan", "Read a folder of music into the catalog."),
    "import": ("indexer.cli.commands:import_", "Read genres, the scene map or collaborations from a file."),
    "embed": ("indexer.cli.commands:embed", "Turn the clips that are new into embeddings."),
    "cost": ("indexer.cli.commands:cost", "Estimate what embedding so many tracks will cost."),
    "build": ("indexer.cli.generations:build", "Build a generation of indices from catalog and embeddings."),
    "publish": ("indexer.cli.generations:publish", "Make a built generation the one that is served."),
    "rollback": ("indexer.cli.generations:rollback", "Serve an earlier generation again."),
    "collect": ("indexer.cli.generations:collect", "Remove generations that nothing serves or reads any more."),
    "nightly": ("indexer.cli.nightly:nightly", "Do all of the above for what is new, safely, for cron or a timer."),
    "verify": ("indexer.cli.generations:verify", "Check every file of a generation against its manifest."),
    "evaluate": ("evaluation.cli:evaluate", "Measure the published generation against artists known to be kin."),
    "report": ("evaluation.cli:report", "Write an evaluation up: tables, plots, gates and a verdict."),
    "encoder": ("indexer.cli.encoders:encoder", "List the encoders; bring and verify their weights; serve one."),
    "doctor": ("indexer.cli.commands:doctor", "Say what works on this machine, and what to do about the rest."),
    "serve": ("server.serve_command:serve", "Answer over gRPC from the published generation."),
    "similar": ("server.client.commands:similar", "Ask a server which artists are like the ones named."),
    "compare": ("server.client.commands:compare", "Ask a server how alike two artists are, and why."),
    "rank": ("server.client.commands:rank", "Ask a server to order a line-up for who likes the ones named."),
    "tracks": ("server.client.commands:tracks", "Ask a server which tracks are like the one named."),
    "resolve": ("server.client.commands:resolve", "Ask a server who is meant by a name or an external id."),
    "info": ("server.client.commands:info", "Ask a server what it answers from."),
}
"""Command -> (``module:attribute`` of its click command, its line in ``soundkin --help``), in the order of use."""

NEEDS = {
    **dict.fromkeys(("import", "publish", "rollback", "verify"), "catalog"),
    **dict.fromkeys(("demo", "scan", "embed", "cost", "build", "nightly", "encoder"), "indexer"),
    **dict.fromkeys(("evaluate", "report"), "evaluate"),
}
"""Command -> the extra that all of its work needs. The others need no more than the base and, some of them, FAISS."""

WRONG_USAGE = (InvalidArgument, NotFound, AmbiguousName)
"""Errors the caller can cure by asking differently: exit status 2. All other errors of ours: 1, but the two below."""

TRY_LATER = 75
"""Exit status of Busy: ``EX_TEMPFAIL`` of sysexits.h, which cron mailers and systemd units know to mean "later"."""

NOT_SET_UP = 78
"""Exit status of NothingToServe: ``EX_CONFIG`` of sysexits.h, where starting again changes nothing by itself."""


class FrontDoor(click.Group):
    """A click group that knows its commands' names and help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command ``cmd_name``; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help lines from the table above, so that help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=FrontDoor, context_settings={"auto_envvar_prefix": "SOUNDKIN"})
@click.version_option(package_name="soundkin")
def front_door() -> None:
    """Soundkin: which artists are kin, and why."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 all done, 1 something failed, 2 wrong usage, 75 another run has the lock,
    78 a server has nothing to serve.

    One line an error, no traceback.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without "é" or "–" is no reason to fail
    try:
        front_door.main(arguments)
    except SoundkinError as error:
        _leave(str(error), status=_status(error))
    except OSError as error:
        _leave(f"{error.filename or 'the system'}: {error.strerror or error}", status=1)
    except ModuleNotFoundError as error:
        told = _missing_extra((error.name or "").partition(".")[0], sys.argv[1:] if arguments is None else arguments)
        if told is None:
            raise
        _leave(told, status=1)


def _missing_extra(library: str, arguments: Sequence[str]) -> str | None:
    """What to install so that the command in ``arguments`` finds ``library``; None when no extra of ours brings it."""
    from recommender.extras import find_extra, pip_line

    command = next((word for word in arguments if word in COMMANDS), "")
    extra = find_extra(library, asked_by=NEEDS.get(command))
    if extra is None:
        return None
    line = pip_line(extra) + (", or 'soundkin[gpu]' with CUDA" if library == "faiss" else "")
    return f"`{f'soundkin {command}'.strip()}` needs the {extra} extra ({library} is not installed): {line}"


def _status(error: SoundkinError) -> int:
    if isinstance(error, Busy):
        return TRY_LATER
    if isinstance(error, NothingToServe):
        return NOT_SET_UP
    return 2 if isinstance(error, WRONG_USAGE) else 1


def _leave(message: str, *, status: int) -> NoReturn:
    from recommender.names import printable

    click.echo(f"soundkin: {printable(' '.join(message.split()))}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
