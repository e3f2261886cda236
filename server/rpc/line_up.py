"""Reads the line-up of a request: who plays, in which groups, what was not found; and tells the best of each group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pb import soundkin_pb2 as pb
from recommender.errors import AmbiguousName, InvalidArgument, NotFound
from recommender.lookup import Directory
from recommender.ranking.artists import Recommender
from server.limits import MAX_GROUP_NAMES, MAX_GROUPS, MAX_REFS
from server.rpc import responses
from server.rpc.requests import look_up_artist
from server.rpc.second_try import Budget, second_try

DEFAULT_OF_GROUP = 3
"""Artists shown of each group when the request does not say."""


@dataclass(slots=True, kw_only=True)
class FoundLineUp:
    """The artists of a line-up, why others were not found, and which were found by another reading of the name."""

    groups_of: dict[int, list[str]] = field(default_factory=dict)
    """Row of an artist -> its groups, in the order of the request."""
    group_names: tuple[str, ...] = ()
    """All groups, in the order in which they are first named."""
    missing: list[pb.ResolvedArtist] = field(default_factory=list)
    readings: list[pb.ResolvedArtist] = field(default_factory=list)

    def add(self, row: int, groups: Iterable[str]) -> None:
        """The artist at ``row`` plays, in ``groups`` beside those that it already has."""
        known = self.groups_of.setdefault(row, [])
        known += [group for group in dict.fromkeys(groups) if group not in known]

    def add_reading(self, directory: Directory, answer: pb.ResolvedArtist, groups: Sequence[str]) -> None:
        """Add the answer of a second try."""
        parts = answer.parts or [answer]
        found = [part for part in parts if part.resolution == pb.RESOLUTION_FOUND]
        for part in found:
            self.add(directory.artist_by_id(part.candidates[0].id), groups)
        self.missing += [part for part in parts if part.resolution != pb.RESOLUTION_FOUND]
        if found:
            self.readings.append(answer)


def check_line_up(entries: Sequence[pb.LineUpEntry]) -> None:
    """Raise InvalidArgument for groups that are too many, too long or blank."""
    for number, entry in enumerate(entries):
        name = f"line_up[{number}].groups"
        if len(entry.groups) > MAX_GROUPS:
            raise InvalidArgument(name, f"has {len(entry.groups)} entries, at most {MAX_GROUPS}")
        for group in entry.groups:
            if not group.strip() or len(group) > MAX_GROUP_NAMES:
                raise InvalidArgument(name, f"has a name of {len(group)} characters; 1 to {MAX_GROUP_NAMES}, not blank")
    names = group_names(entries)
    if len(names) > MAX_GROUP_NAMES:
        raise InvalidArgument("line_up", f"has {len(names)} different groups, at most {MAX_GROUP_NAMES}")


def group_names(entries: Iterable[pb.LineUpEntry]) -> tuple[str, ...]:
    """All groups, each once, in the order in which they are first named."""
    return tuple(dict.fromkeys(group for entry in entries for group in entry.groups))


def find_line_up(
    recommender: Recommender, candidates: Sequence[pb.ArtistRef], entries: Sequence[pb.LineUpEntry]
) -> FoundLineUp:
    """Look up ``candidates``, which have no groups, and ``entries``.

    Raises InvalidArgument for an empty reference, groups as :func:`check_line_up` says, and too many of both together.
    """
    check_line_up(entries)
    if len(candidates) + len(entries) > MAX_REFS:
        total = len(candidates) + len(entries)
        raise InvalidArgument("line_up", f"has with candidates {total} entries, at most {MAX_REFS}")
    line_up, budget = FoundLineUp(group_names=group_names(entries)), Budget()
    named: list[tuple[pb.ArtistRef, str, Sequence[str]]]
    named = [(ref, f"candidates[{number}]", ()) for number, ref in enumerate(candidates)]
    named += [(entry.artist, f"line_up[{number}].artist", entry.groups) for number, entry in enumerate(entries)]
    for ref, name, groups in named:
        try:
            line_up.add(look_up_artist(recommender.directory, ref, name), groups)
        except NotFound as error:
            line_up.add_reading(recommender.directory, second_try(recommender, ref, error, budget), groups)
        except AmbiguousName as error:
            line_up.missing.append(responses.unresolved(recommender, ref, error))
    return line_up


def read_group_limit(limit: int) -> int:
    """How many to show of each group; 0 means 3. Raises InvalidArgument above 100."""
    if limit > MAX_GROUP_NAMES:
        raise InvalidArgument("group_limit", f"is {limit}, at most {MAX_GROUP_NAMES}")
    return limit or DEFAULT_OF_GROUP


def best_of_groups(
    recommender: Recommender, line_up: FoundLineUp, ranked: Sequence[tuple[int, float]], *, limit: int
) -> list[pb.RankedGroup]:
    """The first ``limit`` of each group of ``line_up``; ``ranked`` is the whole ranking, as rows and scores."""
    groups = {name: pb.RankedGroup(name=name) for name in line_up.group_names}
    for names in line_up.groups_of.values():
        for name in names:
            groups[name].artists += 1
    for rank, (row, score) in enumerate(ranked, start=1):
        wanting = [groups[name] for name in line_up.groups_of[row] if len(groups[name].best) < limit]
        if wanting:
            place = pb.GroupPlace(artist=responses.artist(recommender, row), score=score, rank=rank)
            for group in wanting:
                group.best.append(place)
    return list(groups.values())
