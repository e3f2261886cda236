"""Two rankings shown as one, and the listeners' clicks that say which is better: team-draft interleaving. Pure.

Each session sees one list drawn from both rankings in turn, as children pick teams (Radlinski, Kurup and Joachims,
CIKM 2008). An item that both would place next belongs to neither team and earns nothing. A click counts for the team
that brought the item; the session is won by the team with more clicks. Beside a comparison of two groups of users it
needs far fewer sessions; it says which ranking is preferred, not by how much.
"""

from __future__ import annotations

import enum
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, sqrt

from scipy import stats

from recommender.errors import BadInput, InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a session was shown from."""

    session: str
    generation: str
    """Label of the generation that answered."""
    profile_a: str
    profile_b: str


def shown_lines(setting: Setting, drafted: Sequence[InterleavedList]) -> Iterator[str]:
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


class Team(enum.Enum):
    """Which ranking brought an item."""

    A = "a"
    B = "b"
    NEITHER = "neither"
    """Both would have placed it next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterleavedList:
    """One place of the list that is shown."""

    artist: str
    team: Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What the sessions say."""

    won_a: int
    won_b: int
    tied: int
    """Sessions with as many clicks for each, or none: they say nothing."""
    p_value: float
    """Two-sided sign test over the sessions that are not tied; NaN when all are."""


def draft(a: Sequence[str], b: Sequence[str], *, length: int, seed: int | str) -> list[InterleavedList]:
    """Interleave two rankings, without repetition; the same seed gives the same list.

    Raises:
        InvalidArgument: a ranking names an artist twice.
    """
    for name, ranking in (("a", a), ("b", b)):
        if len(set(ranking)) < len(ranking):
            raise InvalidArgument(name, "names an artist twice; a ranking names each once")
    toss = random.Random(seed)  # noqa: S311  # who picks first, not a secret
    shown: list[InterleavedList] = []
    while len(shown) < length and (picks := _round(a, b, {each.artist for each in shown}, toss)):
        shown += picks
    return shown[:length]


def _round(a: Sequence[str], b: Sequence[str], taken: set[str], toss: random.Random) -> list[InterleavedList]:
    """One pick of each team, in the order of the toss; one of neither where both want the same; none at the end."""
    next_a, next_b = _next(a, taken), _next(b, taken)
    if next_a == next_b:
        return [] if next_a is None else [InterleavedList(artist=next_a, team=Team.NEITHER)]
    first, second = (a, b) if toss.random() < 0.5 else (b, a)
    teams = {id(a): Team.A, id(b): Team.B}
    picks: list[InterleavedList] = []
    for ranking in (first, second):
        wanted = _next(ranking, taken | {pick.artist for pick in picks})
        if wanted is not None:
            picks.append(InterleavedList(artist=wanted, team=teams[id(ranking)]))
    return picks


def _next(ranking: Sequence[str], taken: set[str]) -> str | None:
    return next((artist for artist in ranking if artist not in taken), None)


def credit(shown: Mapping[int, Team], clicked: Iterable[int]) -> int:
    """Clicks for A less clicks for B in one session; a place clicked twice counts once.

    Args:
        shown: position -> team.
        clicked: positions. Raises InvalidArgument for one that was not shown.
    """
    places = set(clicked)
    if places - shown.keys():
        raise InvalidArgument("clicked", f"position {min(places - shown.keys())} was not shown in this session")
    counts = Counter(shown[place] for place in places)
    return counts[Team.A] - counts[Team.B]


def preference(credits: Iterable[int]) -> Preference:
    """Sign test over sessions, from the :func:`credit` of each.

    >>> preference([1, 2, 1, 3, 1, 0, -1]).p_value
    0.21875
    """
    every = list(credits)
    won_a, won_b = sum(value > 0 for value in every), sum(value < 0 for value in every)
    p = float(stats.binomtest(won_a, won_a + won_b).pvalue) if won_a + won_b else float("nan")
    return Preference(won_a=won_a, won_b=won_b, tied=len(every) - won_a - won_b, p_value=p)


def users_per_arm(rate_a: float, rate_b: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Users in each of two groups for a two-sided test to find the difference between two rates.

    ``n = (z(1 - alpha/2) + z(power))^2 (p q + p' q') / (p - p')^2`` (Fleiss, Levin and Paik 2003, ch. 4, without the
    continuity correction).

    Raises:
        InvalidArgument: a rate is not inside (0, 1), or they are the same.

    >>> users_per_arm(0.10, 0.12)
    3839
    """
    if not (0 < rate_a < 1 and 0 < rate_b < 1) or rate_a == rate_b:
        raise InvalidArgument("rate", f"{rate_a:g} and {rate_b:g}; give two different rates between 0 and 1")
    reach = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    variance = rate_a * (1 - rate_a) + rate_b * (1 - rate_b)
    return ceil(float(reach) ** 2 * variance / (rate_a - rate_b) ** 2)


def sessions_needed(win_rate: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Sessions that are not tied for the sign test to find that the better ranking wins ``win_rate`` of them.

    Raises InvalidArgument unless the rate is inside (0.5, 1).

    >>> sessions_needed(0.55)
    783
    """
    if not 0.5 < win_rate < 1:
        raise InvalidArgument("win_rate", f"is {win_rate:g}; the better ranking wins more than half, and not always")
    reach = 0.5 * stats.norm.ppf(1 - alpha / 2) + sqrt(win_rate * (1 - win_rate)) * stats.norm.ppf(power)
    return ceil((float(reach) / (win_rate - 0.5)) ** 2)
