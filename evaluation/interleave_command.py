"""The command ``soundkin interleave``: lists mixed of two profiles for people to choose from, and who wins."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, replace
from pathlib import Path

import click

from indexer.cli import options

_LOG = click.Path(dir_okay=False, path_type=Path)


@click.group(epilog="\b\nExample:\n  soundkin interleave judge clicks.jsonl")
def interleave() -> None:
    """Compare two weight profiles by what people choose: draft lists, log clicks, judge."""


@interleave.command(epilog="\b\nExample:\n  soundkin interleave draft 'Nina Simone' --b seed --log clicks.jsonl")
@click.argument("artist")
@click.option("--a", "profile_a", default="evidence", show_default=True, help="Weight profile.")
@click.option("--b", "profile_b", required=True, help="Weight profile to compare it with.")
@click.option("--length", type=click.IntRange(1, 1000), default=10, show_default=True, help="Artists of the list.")
@click.option("--session", help="Name of the session; the same name gives the same list.  [default: a new one]")
@click.option("--log", type=_LOG, required=True, help="JSON lines; what is shown is appended.")
@options.home_option
@options.json_option
def draft(
    artist: str,
    profile_a: str,
    profile_b: str,
    length: int,
    session: str | None,
    log: Path,
    home: Path,
    as_json: bool,
) -> None:
    """Mix the answers of two profiles for ARTIST into one list, which does not show whose place is whose.

    The list is logged. Log each choice with `soundkin interleave click`, and end with `soundkin interleave judge`.
    """
    from evaluation.current_generation import open_published
    from evaluation.interleave import SessionSettings, impression_lines, session_credits
    from evaluation.interleave import draft as mix
    from evaluation.truth import find_artist
    from recommender.catalog.rows import ArtistRef
    from recommender.fusion.profiles import find_profile
    from recommender.names import printable
    from recommender.ranking.artists import ArtistQuery, Recommender

    name = session or uuid.uuid4().hex[:12]
    with open_published(home) as generation:
        recommender = Recommender(generation)
        row = find_artist(recommender.directory, ArtistRef(name=artist))
        asked = ArtistQuery(seeds=(row,), mix=recommender.default_mix)
        artists, rankings = generation.contents.artists, []
        for profile in (profile_a, profile_b):
            weights = find_profile(profile, recommender.choices.named)
            found = recommender.order_artists(replace(asked, weights=weights), n=length)
            rankings.append([artists.ids[one] for one in found.tolist()])
        shown = mix(*rankings, length=length, seed=name)
        names = dict(zip(artists.ids, artists.names, strict=True))
        setting = SessionSettings(session=name, generation=generation.label, profile_a=profile_a, profile_b=profile_b)
        lines = list(impression_lines(setting, shown))
        session_credits([*(_read(log) if log.exists() else ()), *lines])
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        listed = [
            {"position": at, "id": one.artist, "name": names[one.artist]} for at, one in enumerate(shown, start=1)
        ]
    if as_json:
        click.echo(json.dumps({"session": name, "artists": listed}, indent=1))
        return
    click.echo(f"session {name}")
    for one in listed:
        click.echo(f"{one['position']:3d}  {printable(str(one['name']))}")


@interleave.command("click", epilog="\b\nExample:\n  soundkin interleave click 2f6a1c0b9d3e 3 --log clicks.jsonl")
@click.argument("session")
@click.argument("position", type=click.IntRange(1))
@click.option("--log", type=_LOG, required=True, help="The log of the draft.")
def click_(session: str, position: int, log: Path) -> None:
    """Log that somebody chose the artist at POSITION, from 1, of SESSION."""
    from evaluation.interleave import click_line, session_credits

    lines = _read(log)
    session_credits([*lines, click_line(session, position)])
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{click_line(session, position)}\n")


@interleave.command(epilog="\b\nExample:\n  soundkin interleave judge clicks.jsonl")
@click.argument("log", type=_LOG)
@options.json_option
def judge(log: Path, as_json: bool) -> None:
    """Say which profile people preferred, over all sessions of LOG, with a sign test and an interval."""
    from evaluation.interleave import compared_profiles, preference, session_credits, sessions_needed, win_interval

    lines = _read(log)
    found = preference(session_credits(lines).values())
    a, b = compared_profiles(lines)
    low, high = win_interval(found)
    decided = found.won_a + found.won_b
    if as_json:
        click.echo(
            json.dumps(asdict(found) | {"profile_a": a, "profile_b": b, "share_a": [low, high]}, indent=1).replace(
                "NaN", "null"
            )
        )
        return
    if a:
        click.echo(f"A is {a}, B is {b}")
    click.echo(f"A won {found.won_a} sessions, B {found.won_b}, {found.tied} had no winner")
    if not decided:
        click.echo("undecided: no session has a winner")
        return
    click.echo(f"A wins {found.won_a / decided:.0%} [{low:.0%}, {high:.0%}] of the decided, p {found.p_value:.3g}")
    if low > 0.5 or high < 0.5:
        click.echo(f"people prefer {f'A, {a}' if low > 0.5 else f'B, {b}'}")
    else:
        click.echo(f"undecided: to find a profile that wins 55 %, {sessions_needed(0.55)} decided sessions are needed")


def _read(log: Path) -> list[str]:
    from indexer.tabular.text_lines import read_text

    return read_text(log).splitlines()
