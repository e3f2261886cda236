"""The log of interleaved sessions: one JSON object a line, what was shown and what was clicked.

::

    {"event": "shown", "session": "s1", "position": 1, "artist": "…", "team": "a", "generation": "v00000003",
     "profile_a": "seed", "profile_b": "evidence"}
    {"event": "click", "session": "s1", "position": 1}

A shown line stands before the clicks on it. Lines of many sessions may be mixed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from indexer.evaluation.interleaving import Drafted, Team, credit
from recommender.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a session was shown from."""

    session: str
    generation: str
    """Label of the generation that answered."""
    profile_a: str
    profile_b: str


def shown_lines(setting: Setting, drafted: Sequence[Drafted]) -> Iterator[str]:
    """One line a place of the list, positions from 1."""
    for position, place in enumerate(drafted, start=1):
        line = {"event": "shown", "position": position, "artist": place.artist, "team": place.team.value}
        yield json.dumps(line | asdict(setting), sort_keys=True)


def click_line(session: str, position: int) -> str:
    """The line of a click on what stood at ``position``, from 1."""
    return json.dumps({"event": "click", "position": position, "session": session}, sort_keys=True)


def credits(lines: Iterable[str]) -> dict[str, int]:
    """Session -> clicks for A less clicks for B, for every session that was shown something.

    Raises:
        BadInput: a line is not of this log, or clicks on what was not shown; it says which.
    """
    shown: dict[str, dict[int, Team]] = {}
    clicked: dict[str, list[int]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            _take(number, line, shown, clicked)
    return {session: credit(places, clicked[session]) for session, places in shown.items()}


def _take(number: int, line: str, shown: dict[str, dict[int, Team]], clicked: dict[str, list[int]]) -> None:
    try:
        data = json.loads(line)
        event, session, position = data["event"], str(data["session"]), int(data["position"])
        team = Team(data["team"]) if event == "shown" else None
    except (ValueError, OverflowError, KeyError, TypeError) as error:
        raise BadInput("bad_log", f"line {number} is not of an interleaving log ({error})") from error
    if team is not None:
        shown.setdefault(session, {})[position] = team
        clicked.setdefault(session, [])
    elif event == "click" and position in shown.get(session, {}):
        clicked[session].append(position)
    else:
        raise BadInput("bad_log", f"line {number}: {event!r} on position {position}, which was not shown before")
