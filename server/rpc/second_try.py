"""Answers a reference that is no artist's name as given: reads it in another way, or suggests who may be meant."""

from __future__ import annotations

from dataclasses import dataclass

from pb import soundkin_pb2 as pb
from recommender.errors import AmbiguousName, NotFound
from recommender.lookup.line_up_entry import read_names
from recommender.ranking.artists import Recommender
from server.limits import MAX_REFS
from server.rpc import responses
from server.rpc.requests import look_up_artist

MAX_SUGGESTED = 20
"""Unknown references of one request that get suggestions: each takes about 7 ms where there are 300,000 names."""
MAX_READ = 50_000
"""Characters of unknown references of one request that are read in another way: about 2 s of work in the worst case."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """What one request may still cost."""

    suggested: int = MAX_SUGGESTED
    """References that still get suggestions."""
    characters: int = MAX_READ
    """Characters that may still be read in another way."""
    names: int = MAX_REFS
    """Names that references may still be read as."""


def second_try(recommender: Recommender, ref: pb.ArtistRef, error: NotFound, budget: Budget) -> pb.ResolvedArtist:
    """The answer to ``ref``, for which ``error`` was raised: another reading, or else why not, with suggestions."""
    names = _read_names(recommender, ref, budget)
    if len(names) == 1:
        answer = _answer(recommender, names[0], budget)
        answer.ref.CopyFrom(ref)
        answer.read_as = names[0]
        return answer
    if names:
        parts = [_answer(recommender, name, budget) for name in names]
        message = f"read as {len(names)} names: {', '.join(names)}"
        return pb.ResolvedArtist(ref=ref, resolution=pb.RESOLUTION_SEVERAL, parts=parts, message=message)
    return responses.unresolved(recommender, ref, with_suggestions(recommender, ref, error, budget))


def _read_names(recommender: Recommender, ref: pb.ArtistRef, budget: Budget) -> tuple[str, ...]:
    if ref.WhichOneof("ref") != "name" or len(ref.name) > budget.characters:
        return ()
    budget.characters -= len(ref.name)
    names = read_names(recommender.directory, ref.name)
    if len(names) > budget.names:
        return ()
    budget.names -= len(names)
    return names


def _answer(recommender: Recommender, name: str, budget: Budget) -> pb.ResolvedArtist:
    """The answer to one name that a reference was read as."""
    ref = pb.ArtistRef(name=name)
    try:
        return responses.resolved(recommender, ref, look_up_artist(recommender.directory, ref, "name"))
    except NotFound as error:
        return responses.unresolved(recommender, ref, with_suggestions(recommender, ref, error, budget))
    except AmbiguousName as error:
        return responses.unresolved(recommender, ref, error)


def with_suggestions(recommender: Recommender, ref: pb.ArtistRef, error: NotFound, budget: Budget) -> NotFound:
    """``error``, which was raised for ``ref``, with those that may be meant as far as ``budget`` allows."""
    if ref.WhichOneof("ref") != "name" or not budget.suggested:
        return error
    budget.suggested -= 1
    return error.suggesting(recommender.directory.suggest_artists(ref.name))
