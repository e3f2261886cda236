"""Team-draft interleaving: two rankings shown as one list, and clicks that tell which is preferred. Pure.

Each session sees one list whose places are taken from both rankings in turn (Radlinski, Kurup and Joachims, CIKM
2008). An artist that both rankings would place next belongs to neither team and counts for neither. A click counts for
the team of its place; the team with more clicks wins the session. It needs far fewer sessions than a comparison of two
groups of users, and tells which ranking is preferred, but not by how much.

The log is JSON lines: one line per place shown (:func:`impression_lines`) and one per click (:func:`click_line`).
"""

from __future__ import annotations

import enum
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil, sqrt

from scipy import stats

from recommender.errors import BadInput, InvalidArgument


class Team(enum.Enum):
    """The ranking that a place of the list was taken from."""

    A = "a"
    B = "b"
    NEITHER = "neither"
    """Both rankings would have placed this artist next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterleavedItem:
    """One place of the interleaved list."""

    artist: str
    team: Team


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """The generation and the two profiles of a session."""

    session: str
    generation: str
    """Label of the generation that answered, such as ``v00000003``."""
    profile_a: str
    profile_b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Result over all sessions."""

    won_a: int
    won_b: int
    tied: int
    """Sessions with equally many clicks for both teams, or none. They are left out of the test."""
    p_value: float
    """Two-sided sign test over the sessions that are not tied; NaN when all are."""


def draft(a: Sequence[str], b: Sequence[str], *, length: int, seed: int | str) -> list[InterleavedItem]:
    """Interleave two rankings without repetition. The same seed gives the same list.

    Raises:
        InvalidArgument: a ranking names an artist twice.
    """
    for name, ranking in (("a", a), ("b", b)):
        if len(set(ranking)) < len(ranking):
            raise InvalidArgument(name, "names an artist twice; a ranking names each once")
    toss = random.Random(seed)  # noqa: S311  # who picks first, not a secret
    shown: list[InterleavedItem] = []
    while len(shown) < length and (picks := _round(a, b, {item.artist for item in shown}, toss)):
        shown += picks
    return shown[:length]


def _round(a: Sequence[str], b: Sequence[str], taken: set[str], toss: random.Random) -> list[InterleavedItem]:
    """One pick per team in random order; one for neither team where both pick the same artist; none at the end."""
    next_a, next_b = _next(a, taken), _next(b, taken)
    if next_a == next_b:
        return [] if next_a is None else [InterleavedItem(artist=next_a, team=Team.NEITHER)]
    first, second = (a, b) if toss.random() < 0.5 else (b, a)
    teams = {id(a): Team.A, id(b): Team.B}
    picks: list[InterleavedItem] = []
    for ranking in (first, second):
        wanted = _next(ranking, taken | {pick.artist for pick in picks})
        if wanted is not None:
            picks.append(InterleavedItem(artist=wanted, team=teams[id(ranking)]))
    return picks


def _next(ranking: Sequence[str], taken: set[str]) -> str | None:
    return next((artist for artist in ranking if artist not in taken), None)


def credit(shown: Mapping[int, Team], clicked: Iterable[int]) -> int:
    """Clicks for A minus clicks for B in one session; a place clicked twice counts once.

    Args:
        shown: position -> team.
        clicked: positions that were clicked.

    Raises:
        InvalidArgument: a clicked position was not shown.
    """
    places = set(clicked)
    if places - shown.keys():
        raise InvalidArgument("clicked", f"position {min(places - shown.keys())} was not shown in this session")
    counts = Counter(shown[place] for place in places)
    return counts[Team.A] - counts[Team.B]


def preference(credits: Iterable[int]) -> Preference:
    """Two-sided sign test over sessions, from the :func:`credit` of each.

    >>> preference([1, 2, 1, 3, 1, 0, -1]).p_value
    0.21875
    """
    differences = list(credits)
    won_a, won_b = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    p = float(stats.binomtest(won_a, won_a + won_b).pvalue) if won_a + won_b else float("nan")
    return Preference(won_a=won_a, won_b=won_b, tied=len(differences) - won_a - won_b, p_value=p)


def win_interval(found: Preference) -> tuple[float, float]:
    """Exact 95 % interval of the share of decided sessions that A wins (Clopper and Pearson 1934); NaN for none.

    >>> low, high = win_interval(Preference(won_a=9, won_b=1, tied=0, p_value=0.02))
    >>> round(low, 3), round(high, 3)
    (0.555, 0.997)
    """
    decided = found.won_a + found.won_b
    if not decided:
        return float("nan"), float("nan")
    interval = stats.binomtest(found.won_a, decided).proportion_ci(confidence_level=0.95, method="exact")
    return float(interval.low), float(interval.high)


def users_per_arm(rate_a: float, rate_b: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Users needed in each of two groups, so that a two-sided test finds the difference between two rates.

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
    """Sessions without a tie that the sign test needs when the better ranking wins ``win_rate`` of them.

    Raises InvalidArgument unless the rate is inside (0.5, 1).

    >>> sessions_needed(0.55)
    783
    """
    if not 0.5 < win_rate < 1:
        raise InvalidArgument("win_rate", f"is {win_rate:g}; it must be above 0.5 and below 1")
    reach = 0.5 * stats.norm.ppf(1 - alpha / 2) + sqrt(win_rate * (1 - win_rate)) * stats.norm.ppf(power)
    return ceil((float(reach) / (win_rate - 0.5)) ** 2)


def impression_lines(setting: SessionSettings, drafted: Sequence[InterleavedItem]) -> Iterator[str]:
    """Log lines of a list that was shown, one per place; positions start at 1."""
    for position, place in enumerate(drafted, start=1):
        line = {"event": "shown", "position": position, "artist": place.artist, "team": place.team.value}
        yield json.dumps(line | asdict(setting), sort_keys=True)


def click_line(session: str, position: int) -> str:
    """Log line of a click on ``position``, counted from 1."""
    return json.dumps({"event": "click", "position": position, "session": session}, sort_keys=True)


def session_credits(lines: Iterable[str]) -> dict[str, int]:
    """Session -> clicks for A minus clicks for B, for every session in the log.

    Raises:
        BadInput: a line is not of this log, is a click on a position that was not shown, compares other profiles than
            the lines before, or shows another list in a session; the error names the line.
    """
    log = _Log()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            _take(log, number, line)
    return {session: credit(places, log.clicked[session]) for session, places in log.shown.items()}


def compared_profiles(lines: Iterable[str]) -> tuple[str, str]:
    """Profiles A and B of the log; two empty names for a log without a session. Raises as :func:`session_credits`."""
    log = _Log()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            _take(log, number, line)
    return log.profiles or ("", "")


@dataclass(slots=True)
class _Log:
    """What the lines of a log have said so far."""

    profiles: tuple[str, str] | None = None
    shown: dict[str, dict[int, Team]] = field(default_factory=dict)
    """Session -> position -> team; likewise below."""
    artists: dict[str, dict[int, str]] = field(default_factory=dict)
    clicked: dict[str, list[int]] = field(default_factory=dict)


def _take(log: _Log, number: int, line: str) -> None:
    try:
        data = json.loads(line)
        event, session, position = data["event"], str(data["session"]), int(data["position"])
        team = Team(data["team"]) if event == "shown" else None
        profiles = (str(data["profile_a"]), str(data["profile_b"])) if event == "shown" else ("", "")
    except (ValueError, OverflowError, KeyError, TypeError) as error:
        raise BadInput("bad_log", f"line {number} is not of an interleaving log ({error})") from error
    if team is not None:
        _show(log, number, profiles, session)
        artist = str(data.get("artist"))
        if (
            log.artists[session].setdefault(position, artist) != artist
            or log.shown[session].get(position, team) != team
        ):
            raise BadInput("bad_log", f"line {number}: session {session!r} was shown another list before")
        log.shown[session][position] = team
    elif event == "click" and position in log.shown.get(session, {}):
        log.clicked[session].append(position)
    else:
        raise BadInput("bad_log", f"line {number}: {event!r} on position {position}, which was not shown before")


def _show(log: _Log, number: int, profiles: tuple[str, str], session: str) -> None:
    """Make room for ``session``. Raises BadInput where the log compares other profiles: their wins do not add up."""
    if log.profiles and log.profiles != profiles:
        before, now = (" with ".join(each) for each in (log.profiles, profiles))
        raise BadInput("bad_log", f"line {number} compares {now}, the lines before {before}; use one log for each pair")
    log.profiles = profiles
    for part in (log.shown, log.artists):
        part.setdefault(session, {})
    log.clicked.setdefault(session, [])
