"""The command `soundkin`: imports each sub-command only when it is used, so that help and start are fast."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from recommender.errors import AmbiguousName, Busy, InvalidArgument, NotFound, NothingToServe, SoundkinError

COMMANDS = {
    "demo": ("indexer.cli.commands:demo", "Run the whole path on synthesised music, or on yours."),
    "scan": ("indexer.cli.commands:scan", "Read a folder of music into the catalog."),
    "import": ("indexer.cli.imports:import_", "Read artists, genres, scene or collaborations from a file."),
    "catalog": ("indexer.cli.catalog_edits:catalog_", "Correct the catalog by hand: remove, merge, split, rename."),
    "problems": ("indexer.cli.problems_command:problems", "List files that could not be used, and what to do."),
    "embed": ("indexer.cli.commands:embed", "Embed the clips that have no embedding yet."),
    "cost": ("indexer.cli.commands:cost", "Estimate the cost of embedding a number of tracks."),
    "build": ("indexer.cli.generations:build", "Build a generation of indexes from catalog and embeddings."),
    "publish": ("indexer.cli.generations:publish", "Make the built generation the one that is served."),
    "rollback": ("indexer.cli.generations:rollback", "Serve an earlier generation again."),
    "verify": ("indexer.cli.generations:verify", "Check every file of a generation against its manifest."),
    "collect": ("indexer.cli.generations:collect", "Remove generations that are no longer in use."),
    "nightly": ("indexer.cli.generations:nightly", "Run all of the above for what is new, for cron or a timer."),
    "serve": ("server.serve_command:serve", "Answer over gRPC from the published generation."),
    "similar": ("server.client.commands:similar", "Ask a server for artists similar to some artists."),
    "compare": ("server.client.commands:compare", "Ask a server how similar two artists are, and why."),
    "rank": ("server.client.commands:rank", "Ask a server to order a line-up for the fans of some artists."),
    "tracks": ("server.client.commands:tracks", "Ask a server for tracks similar to a track."),
    "playlist": ("server.client.playlist_command:playlist", "Ask a server for tracks to play, as an m3u file."),
    "resolve": ("server.client.commands:resolve", "Ask a server which artist a name or an external id means."),
    "info": ("server.client.commands:info", "Ask a server which generation it serves."),
    "evaluate": ("evaluation.cli:evaluate", "Measure the published generation against known similar artists."),
    "report": ("evaluation.cli:report", "Report an evaluation: tables, plots, gates and a verdict."),
    "interleave": ("evaluation.interleave_command:interleave", "Compare two profiles by what people choose."),
    "encoder": ("indexer.cli.encoders:encoder", "List the encoders; fetch and verify their weights; serve one."),
    "doctor": ("indexer.cli.commands:doctor", "Check what works on this machine, and how to repair the rest."),
}
"""Command -> (``module:attribute`` of its click command, its line in ``soundkin --help``), in the order of use."""

GROUPS = {
    "Try": ("demo",),
    "Catalog": ("scan", "import", "catalog", "problems"),
    "Index": ("embed", "cost", "build", "publish", "rollback", "verify", "collect", "nightly"),
    "Serve": ("serve",),
    "Ask": ("similar", "compare", "rank", "tracks", "playlist", "resolve", "info"),
    "Judge": ("evaluate", "report", "interleave"),
    "Encoders": ("encoder",),
    "Check": ("doctor",),
}
"""Title -> commands of each section of ``soundkin --help``; every command is in one."""

NEEDS = {
    **dict.fromkeys(("import", "catalog", "problems", "publish", "rollback", "verify"), "catalog"),
    **dict.fromkeys(("demo", "scan", "embed", "cost", "build", "nightly", "encoder"), "indexer"),
    **dict.fromkeys(("evaluate", "report", "interleave"), "evaluate"),
}
"""Command -> the extra that it needs. The other commands need the base installation only, some of them with FAISS."""

WRONG_USAGE = (InvalidArgument, NotFound, AmbiguousName)
"""Errors of the caller: exit status 2. All other Soundkin errors: 1, except the two below."""

TRY_LATER = 75
"""Exit status of Busy: ``EX_TEMPFAIL`` of sysexits.h, which tells cron mailers and systemd units to try later."""

NOT_SET_UP = 78
"""Exit status of NothingToServe: ``EX_CONFIG`` of sysexits.h: a restart alone does not help."""


class LazyGroup(click.Group):
    """A click group that has its commands' names and help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command ``cmd_name``; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help lines of :data:`COMMANDS` by section, so that help imports no command."""
        width = max(map(len, COMMANDS))  # one column for all sections
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", COMMANDS[name][1]) for name in names])


@click.command(cls=LazyGroup, context_settings={"auto_envvar_prefix": "SOUNDKIN"})
@click.version_option(package_name="soundkin")
def front_door() -> None:
    """Soundkin: which artists are similar, and why.

    \b
    Example:
      soundkin demo
      soundkin similar "AN ARTIST" --explain
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit. An error prints one line, without a traceback.

    Exit status: 0 done, 1 something failed, 2 wrong usage, 75 another run has the lock, 78 a server has nothing to
    serve.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot print "é" must not cause a failure
    try:
        front_door.main(arguments, prog_name="soundkin")
    except SoundkinError as error:
        _exit(str(error), status=_status(error))
    except OSError as error:
        _exit(f"{error.filename or 'the system'}: {error.strerror or error}", status=1)
    except ModuleNotFoundError as error:
        message = _missing_extra((error.name or "").partition(".")[0], sys.argv[1:] if arguments is None else arguments)
        if message is None:
            raise
        _exit(message, status=1)


def _missing_extra(library: str, arguments: Sequence[str]) -> str | None:
    """The message that names the extra with ``library``, for the command in ``arguments``; None without one."""
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


def _exit(message: str, *, status: int) -> NoReturn:
    from recommender.names import printable

    click.echo(f"soundkin: {printable(' '.join(message.split()))}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
