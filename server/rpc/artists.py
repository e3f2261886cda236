"""The RPCs that rank artists: SimilarArtists, BatchSimilarArtists and RankArtists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from google.rpc import code_pb2

from pb import soundkin_pb2 as pb
from recommender.errors import NotFound, SoundkinError
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import ScoredArtist
from server.interceptors import fault_of, to_suggestions
from server.reload.loaded_generation import Snapshot
from server.rpc import page_tokens, responses
from server.rpc.line_up import best_of_groups, find_line_up, read_group_limit
from server.rpc.requests import check_sizes, read_artist_query, read_limit

Turn: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Waits until a part of the work may be done, and holds its turn during the block."""


def similar_artists(snapshot: Snapshot, request: pb.SimilarArtistsRequest) -> pb.SimilarArtistsResponse:
    """Artists most like the seeds, best first."""
    recommender = snapshot.recommender
    query = read_artist_query(recommender, request)
    limit, offset = read_limit(request.limit), page_tokens.read_offset(request, recommender)
    # One more than the page shows whether there is another page.
    ranked = recommender.rank_artists(query, offset=offset, n=limit + 1)
    more, seeds = len(ranked) > limit, _rows(query)
    return pb.SimilarArtistsResponse(
        generation=responses.generation(snapshot),
        artists=_scored(recommender, ranked[:limit], query, explain=request.explain),
        next_page_token=page_tokens.make_token(request, recommender, offset + limit) if more else "",
        not_indexed=responses.not_indexed(recommender, seeds),
        seeds=responses.artists(recommender, seeds),
    )


def batch_similar_artists(
    snapshot: Snapshot, request: pb.BatchSimilarArtistsRequest, *, turn: Turn = nullcontext
) -> pb.BatchSimilarArtistsResponse:
    """One entry a request, in order, all from one generation; a request that is refused does not affect the others.

    ``turn`` waits until this entry may be worked on; what it raises ends the batch.
    """
    check_sizes(request)
    entries = []
    for one in request.requests:
        with turn():
            entries.append(_entry(snapshot, one))
    return pb.BatchSimilarArtistsResponse(entries=entries)


def _entry(snapshot: Snapshot, request: pb.SimilarArtistsRequest) -> pb.BatchSimilarArtistsEntry:
    try:
        return pb.BatchSimilarArtistsEntry(response=similar_artists(snapshot, request))
    except SoundkinError as error:
        fault = fault_of(error)
        return pb.BatchSimilarArtistsEntry(
            code=code_pb2.Code.Value(fault.code.name),
            message=fault.message,
            suggestions=to_suggestions(error.suggestions) if isinstance(error, NotFound) else (),
        )


def rank_artists(snapshot: Snapshot, request: pb.RankArtistsRequest) -> pb.RankArtistsResponse:
    """A line-up in order of similarity to the seeds; at its end, by id, the artists without a score."""
    recommender = snapshot.recommender
    query = read_artist_query(recommender, request)
    limit = read_group_limit(request.group_limit)
    line_up = find_line_up(recommender, request.candidates, request.line_up)
    query = replace(query, candidates=frozenset(line_up.groups_of))
    ranked = recommender.rank_artists(query, offset=0, n=len(line_up.groups_of))
    unscored = sorted(line_up.groups_of.keys() - {scored.row for scored in ranked})
    seeds = _rows(query)
    lines = [
        *_scored(recommender, ranked, query, explain=request.explain),
        *(pb.ScoredArtist(artist=artist) for artist in responses.artists(recommender, unscored)),
    ]
    for row, line in zip([*(scored.row for scored in ranked), *unscored], lines, strict=True):
        line.groups.extend(line_up.groups_of[row])
    places = [(scored.row, scored.score) for scored in ranked]
    return pb.RankArtistsResponse(
        generation=responses.generation(snapshot),
        artists=lines,
        not_found=[artist.ref for artist in line_up.missing],
        unresolved=line_up.missing,
        readings=line_up.readings,
        seeds=responses.artists(recommender, seeds),
        not_indexed=responses.not_indexed(recommender, seeds),
        groups=best_of_groups(recommender, line_up, places, limit=limit),
    )


def _rows(query: ArtistQuery) -> list[int]:
    """The seeds, which are all in the catalog: a request names them by reference."""
    return [seed for seed in query.seeds if isinstance(seed, int)]


def _scored(
    recommender: Recommender, ranked: Sequence[ScoredArtist], query: ArtistQuery, *, explain: bool
) -> list[pb.ScoredArtist]:
    """Reply lines; explanations are of the first seed."""
    why = partial(responses.explanation, recommender, _rows(query)[0], mix=query.mix) if explain else None
    return responses.scored_artists(recommender, ranked, query, explain=why)
