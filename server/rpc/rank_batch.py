"""BatchRankArtists: one line-up in order for each of many users, who share the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from google.rpc import code_pb2

from pb import soundkin_pb2 as pb
from recommender.errors import AmbiguousName, InvalidArgument, NotFound, SoundkinError
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.line_up import LineUp, LineUpRanking, Taste
from server.interceptors import fault_of
from server.limits import MAX_EXPLAINED, MAX_KEY, MAX_LINES, MAX_PAIRS, MAX_REPLY_BYTES
from server.reload.loaded_generation import Snapshot
from server.rpc import responses
from server.rpc.artists import Turn
from server.rpc.line_up import FoundLineUp, best_of_groups, check_line_up, find_line_up, group_names, read_group_limit
from server.rpc.requests import check_sizes, look_up_artist, read_limit, read_listening, read_weights
from server.rpc.second_try import Budget, with_suggestions

NO_ROOM = "the reply has no room left for this user; ask for it in another call, or for less of each"


@dataclass(slots=True, kw_only=True)
class _User:
    """What was understood of one user, or why nothing can be answered."""

    reply: pb.UserRanking
    seeds: list[int] = field(default_factory=list)
    negative_seeds: list[int] = field(default_factory=list)

    def refuse(self, error: SoundkinError) -> None:
        """``error`` is the answer."""
        fault = fault_of(error)
        self.reply.code, self.reply.message = code_pb2.Code.Value(fault.code.name), fault.message


def batch_rank_artists(
    snapshot: Snapshot, request: pb.BatchRankArtistsRequest, *, turn: Turn = nullcontext
) -> pb.BatchRankArtistsResponse:
    """One ranking a user, in order, all from one generation; a user that is refused does not affect the others.

    ``turn`` waits until the line-up, or the next user, may be worked on; what it raises ends the batch. Raises
    InvalidArgument for what would be too much work or too long a reply, before anything is looked up.
    """
    limits = _checked_limits(request)
    recommender = snapshot.recommender
    mix = read_listening(request.listening, recommender.generation.manifest.space)
    weights = read_weights(request, recommender.choices)
    with turn():
        found = find_line_up(recommender, (), request.line_up)
    people = _find_users(recommender, request.users, turn)
    rows = np.array(sorted(found.groups_of), dtype=np.int64)
    line_up = LineUp(recommender=recommender, rows=rows, mix=mix, weights=weights)
    tastes = [
        Taste(seeds=tuple(user.seeds), negative_seeds=tuple(user.negative_seeds)) for user in people if user.seeds
    ]
    rankings = line_up.rank(tastes, n=limits.each)
    writer = _Writer(line_up, found, limits, request.explain)
    for user in people:
        with turn():
            writer.write(user, rankings)
    return pb.BatchRankArtistsResponse(
        generation=responses.generation(snapshot),
        users=[user.reply for user in people],
        unresolved=found.missing,
        readings=found.readings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """Artists to show to each user."""

    each: int
    of_group: int


def _checked_limits(request: pb.BatchRankArtistsRequest) -> _Limits:
    """How much to answer. Raises InvalidArgument where that is too much work, or too long."""
    check_sizes(request)
    check_line_up(request.line_up)
    limits = _Limits(each=read_limit(request.limit), of_group=read_group_limit(request.group_limit))
    users, acts = len(request.users), len(request.line_up)
    pairs = acts * sum(len(user.seeds) + len(user.negative_seeds) for user in request.users)
    if pairs > MAX_PAIRS:
        raise InvalidArgument("users", f"have with the line-up {pairs} pairs of a seed and an act, at most {MAX_PAIRS}")
    shown = min(limits.each, acts)
    lines = users * (shown + limits.of_group * len(group_names(request.line_up)))
    if lines > MAX_LINES:
        raise InvalidArgument("limit", f"asks for {lines} artists over all users and groups, at most {MAX_LINES}")
    if request.explain and users * shown > MAX_EXPLAINED:
        raise InvalidArgument("explain", f"asks for {users * shown} explanations, at most {MAX_EXPLAINED}")
    return limits


def _find_users(recommender: Recommender, users: Sequence[pb.LineUpUser], turn: Turn) -> list[_User]:
    budget = Budget()
    found = []
    for number, asked in enumerate(users):
        user = _User(reply=pb.UserRanking(key=asked.key[:MAX_KEY]))
        try:
            with turn():
                _find_taste(recommender, user, asked, budget)
        except InvalidArgument as error:
            user.seeds.clear()
            user.refuse(InvalidArgument(f"users[{number}].{error.field}", error.problem))
        except (NotFound, AmbiguousName) as error:
            user.refuse(error)
        found.append(user)
    return found


def _find_taste(recommender: Recommender, user: _User, asked: pb.LineUpUser, budget: Budget) -> None:
    """Look up the seeds; raises the error of the first when none of them is exactly one artist."""
    if len(asked.key) > MAX_KEY:
        raise InvalidArgument("key", f"has {len(asked.key)} characters, at most {MAX_KEY}")
    check_sizes(asked)
    if not asked.seeds:
        raise InvalidArgument("seeds", "is empty; name at least one artist")
    errors: list[NotFound | AmbiguousName] = []
    for refs, rows, name in (
        (asked.seeds, user.seeds, "seeds"),
        (asked.negative_seeds, user.negative_seeds, "negative_seeds"),
    ):
        for number, ref in enumerate(refs):
            try:
                rows.append(look_up_artist(recommender.directory, ref, f"{name}[{number}]"))
            except NotFound as error:
                errors.append(with_suggestions(recommender, ref, error, budget))
                user.reply.unresolved.append(responses.unresolved(recommender, ref, errors[-1]))
            except AmbiguousName as error:
                errors.append(error)
                user.reply.unresolved.append(responses.unresolved(recommender, ref, error))
    user.reply.seeds.extend(responses.artists(recommender, user.seeds))
    user.reply.not_indexed.extend(responses.not_indexed(recommender, user.seeds))
    if not user.seeds:
        raise errors[0]  # that of a seed: they come before negative seeds


class _Writer:
    """Writes the rankings of one batch as replies, as long as there is room."""

    def __init__(self, line_up: LineUp, found: FoundLineUp, limits: _Limits, explain: bool) -> None:
        self._line_up = line_up
        self._found = found
        self._limits = limits
        self._explain = explain
        self._room = MAX_REPLY_BYTES - sum(answer.ByteSize() for answer in (*found.missing, *found.readings))

    def write(self, user: _User, rankings: Iterator[LineUpRanking]) -> None:
        """Put the next of ``rankings`` into the reply of ``user``; where nothing more has room it says only that."""
        if user.seeds and self._room > 0:
            self._fill(user, next(rankings))
        self._room -= user.reply.ByteSize()
        if self._room <= 0:
            code = code_pb2.Code.Value("RESOURCE_EXHAUSTED")
            user.reply.CopyFrom(pb.UserRanking(key=user.reply.key, code=code, message=NO_ROOM))

    def _fill(self, user: _User, ranking: LineUpRanking) -> None:
        user.reply.artists.extend(self._lines(user, ranking))
        places = list(zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True))
        limit = self._limits.of_group
        user.reply.groups.extend(best_of_groups(self._line_up.recommender, self._found, places, limit=limit))

    def _lines(self, user: _User, ranking: LineUpRanking) -> Iterator[pb.ScoredArtist]:
        """The first of the ranking; at its end, by id, the artists without a score."""
        recommender, mix = self._line_up.recommender, self._line_up.mix
        query = ArtistQuery(seeds=tuple(user.seeds), mix=mix)
        why = partial(responses.explanation, recommender, user.seeds[0], mix=mix) if self._explain else None
        lines = responses.scored_artists(recommender, ranking.first, query, explain=why)
        rows = [scored.row for scored in ranking.first]
        left = self._limits.each - len(rows)
        if left > 0:
            unscored = np.setdiff1d(self._line_up.rows, ranking.rows)[:left].tolist()
            lines += [pb.ScoredArtist(artist=artist) for artist in responses.artists(recommender, unscored)]
            rows += unscored
        for row, line in zip(rows, lines, strict=True):
            line.groups.extend(self._found.groups_of[row])
            yield line
