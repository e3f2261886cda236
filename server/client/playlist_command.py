"""The command ``soundkin playlist``: tracks to play, as a table, as JSON or as an m3u8 file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from server.client.commands import (
    NAME_HELP,
    AnswerOptions,
    ListenOptions,
    answer_options,
    listen_options,
    listening,
    print_reply,
)

if TYPE_CHECKING:
    from server.client.client import Client

MAX_STEPS = 998
"""A list has at most 1000 tracks, the two ends among them."""


class PlaylistOptions(AnswerOptions, ListenOptions):
    """Options of ``playlist``."""

    first: str | None
    last: str | None
    steps: int | None
    limit: int
    per_artist: int
    genre: tuple[str, ...]
    m3u: Path | None
    force: bool


@click.command(
    epilog='SEED is an artist or a track: a NAME, "Artist - Title", id:ID, or after artist: or track: only the one. '
    f"{NAME_HELP}\n\n\b\nExample:\n"
    '  soundkin playlist "Low" "Mono - Nostalgia" --m3u evening.m3u8\n'
    '  soundkin playlist --from "Low - Words" --to "Mono - Nostalgia" --steps 10'
)
@click.argument("seed", nargs=-1)
@click.option("--from", "first", metavar="TRACK", help="The first track of a chain in which each is near the next.")
@click.option("--to", "last", metavar="TRACK", help="The last track of the chain.")
@click.option("--steps", type=click.IntRange(1, MAX_STEPS), help="Tracks between these two.  [default: 10]")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=25, show_default=True, help="How many tracks, SEED included."
)
@click.option(
    "--per-artist", type=click.IntRange(0), default=3, show_default=True, help="At most so many of one artist; 0: all."
)
@click.option("--genre", multiple=True, help="Only artists with one of these genres; may be repeated.")
@listen_options
@click.option(
    "--m3u",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there; needs `soundkin serve --show-paths`.",
)
@click.option("--force", is_flag=True, help="Write over FILE.")
@answer_options
def playlist(seed: tuple[str, ...], **options: Unpack[PlaylistOptions]) -> None:
    """Make a list of tracks to play: from SEEDs that you like, or from one track to another in steps.

    No track and no recording is in it twice. FILE is written in one step, and never over another file without --force.
    """
    from pb import soundkin_pb2 as pb
    from server.client import playlist_file, tables
    from server.client.client import Client

    _check(seed, options)
    if options["m3u"] is not None:
        playlist_file.require_free(options["m3u"], force=options["force"])
    request = pb.MakePlaylistRequest(
        listening=listening(options["layer"], options["aspect"], options["mix"]),
        limit=options["limit"] if options["first"] is None else (options["steps"] or 10) + 2,
        max_per_artist=options["per_artist"],
        filter=pb.TrackFilter(genres_any=options["genre"]),
    )
    with Client(options["address"]) as client:
        _name_seeds(client, request, seed, options)
        reply = client.make_playlist(request)
    if options["m3u"] is not None:
        _write(reply, options["m3u"], force=options["force"])
    if options["as_json"] or options["m3u"] is None:
        print_reply(reply, tables.playlist(reply), as_json=options["as_json"])


def _check(seed: tuple[str, ...], options: PlaylistOptions) -> None:
    """Raise UsageError unless either seeds or both ends of a chain are given."""
    ends = (options["first"], options["last"])
    if (None in ends) != (ends == (None, None)):
        raise click.UsageError("give both --from TRACK and --to TRACK")
    if bool(seed) == (None not in ends):
        raise click.UsageError("give either SEED or --from TRACK --to TRACK")
    if options["steps"] is not None and None in ends:
        raise click.UsageError("--steps is of a chain: give --from and --to; of a list --limit says how many")
    limit_source = click.get_current_context().get_parameter_source("limit")
    if options["first"] is not None and limit_source == click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--limit is of a list from SEED; of a chain --steps says how many")
    if options["force"] and options["m3u"] is None:
        raise click.UsageError("--force is about the file of --m3u; give that too")


def _name_seeds(client: Client, request: Any, seed: tuple[str, ...], options: PlaylistOptions) -> None:
    """Fill in what the request starts from, by id.  Any: a message, imported when needed."""
    from server.client.requests import track_refs

    if options["first"] is not None and options["last"] is not None:
        request.first.id = client.find_track(track_refs(options["first"]))
        request.last.id = client.find_track(track_refs(options["last"]))
    for word in seed:
        kind, identifier = _find(client, word)
        (request.artists if kind == "artist" else request.tracks).add().id = identifier


def _find(client: Client, word: str) -> tuple[str, str]:
    """Whether ``word`` means an artist or a track, and its id. An artist comes first where both have the name.

    Raises NotFound for neither, AmbiguousName for several of one kind.
    """
    from pb import soundkin_pb2 as pb
    from recommender.errors import NotFound
    from server.client.requests import artist_ref, track_refs

    prefix, _, rest = word.partition(":")
    if prefix == "track" and rest.strip():
        return "track", client.find_track(track_refs(rest.strip()))
    name = rest.strip() if prefix == "artist" and rest.strip() else word
    try:
        return "artist", client.get_artist(pb.GetArtistRequest(artist=artist_ref(name))).artist.id
    except NotFound as missing:
        if name is not word:
            raise
        try:
            return "track", client.find_track(track_refs(word))
        except NotFound as no_track:
            raise (no_track if " - " in word else missing) from None


def _write(reply: Any, path: Path, *, force: bool) -> None:  # Any: a message, imported when needed
    from recommender.errors import InvalidArgument
    from recommender.names import printable
    from server.client import playlist_file

    tracks = [scored.track for scored in reply.tracks]
    if tracks and not any(track.path for track in tracks):
        problem = (
            "the server does not answer where files are; start it with `soundkin serve --show-paths`, and if it was, "
            "build and publish a generation anew, because the one that it serves has no paths"
        )
        raise InvalidArgument("--m3u", problem)
    kept = [track for track in tracks if playlist_file.can_be_written(track.path)]
    if not kept:
        raise InvalidArgument("--m3u", "the list has no track that can be written; nothing was changed")
    playlist_file.write(path, playlist_file.m3u(kept), force=force)
    click.echo(f"{len(kept)} tracks written to {printable(str(path))}", err=True)
    for track in tracks:
        if track not in kept:
            click.echo(
                f"left out, its path is not known or does not fit in a line: {printable(track.title)}",
                err=True,
            )
