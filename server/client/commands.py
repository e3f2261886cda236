"""The command-line clients of a server: similar, rank, compare, tracks, resolve and info."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar, Unpack

import click
from rich.console import RenderableType

from recommender.names import printable
from server.address import DEFAULT_ADDRESS

Command = TypeVar("Command", bound=Callable[..., Any])  # Any: click's own typing of callbacks

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

NAME_HELP = "NAME is an artist's name, or id:ID, mbid:ID, spotify:ID, deezer:ID, discogs:ID."


def _several(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator; ``--help`` shows them in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


answer_options = _several(
    click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON."),
    click.option(
        "--address",
        envvar="SOUNDKIN_ADDRESS",
        default=DEFAULT_ADDRESS,
        show_default=True,
        help="HOST:PORT of the server.",
    ),
)
listen_options = _several(
    click.option("--layer", help="Compare by one layer; `soundkin info` lists them."),
    click.option("--aspect", help="Compare by one named aspect."),
    click.option("--mix", metavar="LAYER=WEIGHT,…", help="Compare by several layers."),
)
_weight_options = _several(
    click.option("--profile", help="Named weights of the signals; `soundkin info` lists them."),
    click.option("--weight", multiple=True, metavar="SIGNAL=WEIGHT", help="Your own weights; may be repeated."),
)
_limit_option = click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
_explain_option = click.option("--explain", is_flag=True, help="Show what each artist shares with the first NAME.")


class AnswerOptions(TypedDict):
    """Options of every command."""

    as_json: bool
    address: str


class ListenOptions(TypedDict):
    """Options that choose the layers of the audio signal."""

    layer: str | None
    aspect: str | None
    mix: str | None


class WeightOptions(TypedDict):
    """Options that choose the weights of the signals."""

    profile: str | None
    weight: tuple[str, ...]


class SimilarOptions(AnswerOptions, ListenOptions, WeightOptions):
    """Options of ``similar``."""

    audio: tuple[Path, ...]
    limit: int
    candidate: tuple[str, ...]
    exclude: tuple[str, ...]
    unlike: tuple[str, ...]
    genre: tuple[str, ...]
    min_tracks: int
    min_popularity: float | None
    max_popularity: float | None
    depth: float | None
    explain: bool


class RankOptions(AnswerOptions, ListenOptions, WeightOptions):
    """Options of ``rank``."""

    lineup: tuple[str, ...]
    users: Path | None
    limit: int
    explain: bool


class CompareOptions(AnswerOptions, ListenOptions, WeightOptions):
    """Options of ``compare``."""


class TracksOptions(AnswerOptions, ListenOptions):
    """Options of ``tracks``."""

    audio: tuple[Path, ...]
    limit: int
    exclude_same_artist: bool
    max_per_artist: int
    keep_duplicates: bool
    genre: tuple[str, ...]


@click.command(epilog=f'{NAME_HELP}\n\n\b\nExample:\n  soundkin similar "Low" "Mono" --explain --limit 5')
@click.argument("name", nargs=-1)
@click.option(
    "--audio", multiple=True, type=_FILE, help="A clip of an act that is in no catalog, in place of NAME; repeat it."
)
@_limit_option
@listen_options
@_weight_options
@click.option("--candidate", multiple=True, metavar="NAME", help="Only these are ranked; may be repeated.")
@click.option("--exclude", multiple=True, metavar="NAME", help="These are left out; may be repeated.")
@click.option("--unlike", multiple=True, metavar="NAME", help="Never these, and less like them; may be repeated.")
@click.option("--genre", multiple=True, help="Only artists with one of these genres; may be repeated.")
@click.option("--min-tracks", type=click.IntRange(0), default=0, help="Only artists with so many embedded tracks.")
@click.option("--min-popularity", type=click.FloatRange(0, 1), help="Only artists at or above this percentile.")
@click.option("--max-popularity", type=click.FloatRange(0, 1), help="Only artists at or below this percentile.")
@click.option(
    "--depth", type=click.FloatRange(0, 1), help="From 0, the well known first, to 1, the little known first."
)
@_explain_option
@answer_options
def similar(name: tuple[str, ...], **options: Unpack[SimilarOptions]) -> None:
    """Ask which artists are like NAME, or like several together, or like the music of an act in --audio files.

    Exit 1 when some of the files could not be used; they are listed.
    """
    from pb import soundkin_pb2 as pb
    from server.client import tables
    from server.client.client import Client
    from server.client.requests import artist_refs

    if bool(name) == bool(options["audio"]):
        raise click.UsageError("give either NAME or --audio FILE")
    profile, weights = _weighting(options["profile"], options["weight"])
    request = pb.SimilarArtistsRequest(
        seeds=artist_refs(name),
        limit=options["limit"],
        profile=profile,
        weights=weights,
        listening=listening(options["layer"], options["aspect"], options["mix"]),
        candidates=artist_refs(options["candidate"]),
        exclude=artist_refs(options["exclude"]),
        negative_seeds=artist_refs(options["unlike"]),
        filter=pb.ArtistFilter(
            genres_any=options["genre"],
            min_tracks=options["min_tracks"],
            min_popularity=options["min_popularity"],
            max_popularity=options["max_popularity"],
        ),
        depth=options["depth"],
        explain=options["explain"],
    )
    if options["audio"]:
        _similar_to_audio(request, options)
        return
    with Client(options["address"]) as client:
        reply = client.similar_artists(request)
    print_reply(reply, tables.similar(reply), as_json=options["as_json"])


def _similar_to_audio(request: Any, options: SimilarOptions) -> None:  # Any: a message, imported when needed
    from server.client import tables
    from server.client.client import AUDIO_DEADLINE_S, Client
    from server.client.requests import audio_clips

    clips = audio_clips(options["audio"])
    with Client(options["address"], deadline_s=AUDIO_DEADLINE_S) as client:
        reply = client.similar_artists_to_audio(request, clips)
    print_reply(reply, tables.similar_to_audio(reply), as_json=options["as_json"])
    if reply.rejected:
        raise click.exceptions.Exit(1)


@click.command(
    epilog=f'{NAME_HELP}\n\n\b\nExample:\n  soundkin rank "Low" --lineup lineup.txt\n'
    "  soundkin rank --users users.csv --lineup plays.csv"
)
@click.argument("seed", nargs=-1)
@click.option(
    "--lineup",
    multiple=True,
    required=True,
    metavar="FILE|NAME",
    help="A file (UTF-8 or UTF-16) with one NAME per line, where lines that begin with # are skipped, or a NAME; "
    "repeat it. An unknown NAME is also read without wording such as (live), and as several names. A .csv "
    "file may have the columns artist, day and stage; then the best of each are told.",
)
@click.option("--users", type=_FILE, help="Rank for many users, in place of SEED: CSV (user, seed, negative), or JSON.")
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many, with --users.")
@listen_options
@_weight_options
@_explain_option
@answer_options
def rank(seed: tuple[str, ...], **options: Unpack[RankOptions]) -> None:
    """Rank a line-up for someone who likes SEED, or for each of many users.

    Exit 1 when an artist in it is unknown or several have the name, a line cannot be read, or a user has an unknown
    seed; they are listed. Exit 2 when a file does not exist or is empty.
    """
    from pb import soundkin_pb2 as pb
    from server.client import tables
    from server.client.client import Client
    from server.client.line_up_file import read_line_up, refuse_paths
    from server.client.requests import artist_refs
    from server.client.users_file import read_users

    if bool(seed) == bool(options["users"]):
        raise click.UsageError("give either SEED or --users FILE")
    line_up = read_line_up(options["lineup"])
    for bad_line in line_up.bad_lines:
        click.echo(f"soundkin: {printable(str(bad_line))}", err=True)
    profile, weights = _weighting(options["profile"], options["weight"])
    shared = {
        "line_up": line_up.entries(),
        "profile": profile,
        "weights": weights,
        "listening": listening(options["layer"], options["aspect"], options["mix"]),
        "explain": options["explain"],
    }
    reply: Any  # Any: a message, imported when needed
    with Client(options["address"]) as client:
        if options["users"] is None:
            reply = client.rank_artists(pb.RankArtistsRequest(seeds=artist_refs(seed), **shared))
        else:
            users = read_users(options["users"])
            asked = pb.BatchRankArtistsRequest(users=users, limit=options["limit"], **shared)
            reply = client.batch_rank_artists(asked)
    refuse_paths(options["lineup"], reply.unresolved)
    bad_lines = [asdict(bad_line) for bad_line in line_up.bad_lines]
    more = {"bad_lines": bad_lines} if bad_lines else {}
    table = tables.rank(reply) if options["users"] is None else tables.rank_users(reply)
    print_reply(reply, table, as_json=options["as_json"], more=more)
    refused = options["users"] is not None and any(user.code or user.unresolved for user in reply.users)
    if reply.unresolved or line_up.bad_lines or refused:
        raise click.exceptions.Exit(1)


@click.command(epilog=f'{NAME_HELP}\n\n\b\nExample:\n  soundkin compare "Low" "Mono"')
@click.argument("a")
@click.argument("b")
@listen_options
@_weight_options
@answer_options
def compare(a: str, b: str, **options: Unpack[CompareOptions]) -> None:
    """Ask how alike artists A and B are, and why."""
    from pb import soundkin_pb2 as pb
    from server.client import tables
    from server.client.client import Client
    from server.client.requests import artist_ref

    profile, weights = _weighting(options["profile"], options["weight"])
    request = pb.CompareArtistsRequest(
        a=artist_ref(a),
        b=artist_ref(b),
        profile=profile,
        weights=weights,
        listening=listening(options["layer"], options["aspect"], options["mix"]),
    )
    with Client(options["address"]) as client:
        reply = client.compare_artists(request)
    print_reply(reply, tables.compare(reply), as_json=options["as_json"])


@click.command(
    epilog='NAME is "Title", "Artist - Title" or id:ID.\n\n\b\nExample:\n  soundkin tracks "Low - Words" --limit 5'
)
@click.argument("name", required=False)
@click.option("--audio", multiple=True, type=_FILE, help="One clip of a track in no catalog, in place of NAME.")
@_limit_option
@listen_options
@click.option("--exclude-same-artist", is_flag=True, help="Leave out the artist of NAME.")
@click.option(
    "--max-per-artist", type=click.IntRange(0), default=0, help="At most so many tracks of one artist; 0 is no limit."
)
@click.option("--keep-duplicates", is_flag=True, help="Show every release of a recording, not only the nearest.")
@click.option("--genre", multiple=True, help="Only artists with one of these genres; may be repeated.")
@answer_options
def tracks(name: str | None, **options: Unpack[TracksOptions]) -> None:
    """Ask which tracks sound like the one called NAME, or like the clip in an --audio file."""
    from pb import soundkin_pb2 as pb
    from server.client import tables
    from server.client.client import AUDIO_DEADLINE_S, DEADLINE_S, Client
    from server.client.requests import audio_clips, track_refs

    audio = options["audio"]
    if (name is None) == (not audio):
        raise click.UsageError("give either NAME or --audio FILE")
    if len(audio) > 1:
        raise click.UsageError("give --audio once; `soundkin similar` takes several clips of one act")
    request = pb.SimilarTracksRequest(
        listening=listening(options["layer"], options["aspect"], options["mix"]),
        limit=options["limit"],
        exclude_same_artist=options["exclude_same_artist"],
        max_per_artist=options["max_per_artist"],
        allow_near_duplicates=options["keep_duplicates"],
        filter=pb.TrackFilter(genres_any=options["genre"]),
    )
    with Client(options["address"], deadline_s=AUDIO_DEADLINE_S if audio else DEADLINE_S) as client:
        if audio:
            request.clip.CopyFrom(audio_clips(audio)[0])
        if name is not None:
            request.track.id = client.find_track(track_refs(name))
        reply = client.similar_tracks(request)
    print_reply(reply, tables.tracks(reply, clip=request.clip.name), as_json=options["as_json"])


@click.command(epilog=f'{NAME_HELP}\n\n\b\nExample:\n  soundkin resolve "Low"')
@click.argument("name", nargs=-1, required=True)
@answer_options
def resolve(name: tuple[str, ...], **options: Unpack[AnswerOptions]) -> None:
    """Ask which artist each NAME means.

    Exit 1 when one of them, or one of several names in it, is not exactly one artist; likely ones are shown.
    """
    from pb import soundkin_pb2 as pb
    from server.client import tables
    from server.client.client import Client
    from server.client.requests import artist_refs

    with Client(options["address"]) as client:
        reply = client.resolve_artists(pb.ResolveArtistsRequest(refs=artist_refs(name)))
    print_reply(reply, tables.resolve(reply), as_json=options["as_json"])
    answers = [answer for whole in reply.artists for answer in whole.parts or [whole]]
    if any(answer.resolution != pb.RESOLUTION_FOUND for answer in answers):
        raise click.exceptions.Exit(1)


@click.command(epilog="\b\nExample:\n  soundkin info --json")
@answer_options
def info(**options: Unpack[AnswerOptions]) -> None:
    """Ask what the server answers from."""
    from server.client import tables
    from server.client.client import Client

    with Client(options["address"]) as client:
        reply = client.get_index_info()
    print_reply(reply, tables.info(reply), as_json=options["as_json"])


def listening(layer: str | None, aspect: str | None, mix: str | None) -> Any:  # Any: a message, imported when needed
    """The listening of a request, from the three options."""
    from server.client import requests

    return requests.listening(requests.ListenBy(layer=layer, aspect=aspect, mix=mix))


def _weighting(profile: str | None, weights: tuple[str, ...]) -> tuple[str | None, Any]:  # Any: as above
    from server.client.requests import WeighBy, signal_weights

    return profile, signal_weights(WeighBy(profile=profile, weights=weights))


def print_reply(
    reply: Any,  # Any: as above
    table: Iterable[RenderableType],
    *,
    as_json: bool,
    more: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Print ``table``, or ``reply`` as JSON with what the client has to add in ``more``."""
    from google.protobuf.json_format import MessageToDict

    from server.client import tables

    if as_json:
        facts = MessageToDict(reply, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        click.echo(json.dumps({**facts, **more}, indent=1))
    else:
        tables.show(*table)
