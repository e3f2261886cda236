"""The RPCs that rank artists: SimilarArtists, BatchSimilarArtists and RankArtists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from google.rpc import code_pb2

from pb import soundkin_pb2 as pb
from recommender.errors import AmbiguousName, NotFound, SoundkinError
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import ScoredArtist
from server.interceptors import fault_of
from server.reload.loaded_generation import Snapshot
from server.rpc import page_tokens, responses
from server.rpc.requests import check_sizes, find_artist, read_artist_query, read_limit


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


def batch_similar_artists(snapshot: Snapshot, request: pb.BatchSimilarArtistsRequest) -> pb.BatchSimilarArtistsResponse:
    """One entry a request, in order, all from one generation; a request that is refused does not affect the others."""
    check_sizes(request)
    return pb.BatchSimilarArtistsResponse(entries=[_entry(snapshot, one) for one in request.requests])


def _entry(snapshot: Snapshot, request: pb.SimilarArtistsRequest) -> pb.BatchSimilarArtistsEntry:
    try:
        return pb.BatchSimilarArtistsEntry(response=similar_artists(snapshot, request))
    except SoundkinError as error:
        fault = fault_of(error)
        return pb.BatchSimilarArtistsEntry(code=code_pb2.Code.Value(fault.code.name), message=fault.message)


def rank_artists(snapshot: Snapshot, request: pb.RankArtistsRequest) -> pb.RankArtistsResponse:
    """A line-up in order of similarity to the seeds; at its end, by id, the artists without a score."""
    recommender = snapshot.recommender
    query = read_artist_query(recommender, request)
    line_up, missing = _find_line_up(recommender, request.candidates)
    query = replace(query, candidates=line_up)
    ranked = recommender.rank_artists(query, offset=0, n=len(line_up))
    unscored = sorted(line_up - {scored.row for scored in ranked})
    seeds = _rows(query)
    return pb.RankArtistsResponse(
        generation=responses.generation(snapshot),
        artists=[
            *_scored(recommender, ranked, query, explain=request.explain),
            *(pb.ScoredArtist(artist=artist) for artist in responses.artists(recommender, unscored)),
        ],
        not_found=[artist.ref for artist in missing],
        unresolved=missing,
        seeds=responses.artists(recommender, seeds),
        not_indexed=responses.not_indexed(recommender, seeds),
    )


def _find_line_up(
    recommender: Recommender, refs: Sequence[pb.ArtistRef]
) -> tuple[frozenset[int], list[pb.ResolvedArtist]]:
    """Rows of the artists that are found, and why the others are not. Raises InvalidArgument for an empty reference."""
    rows: set[int] = set()
    missing: list[pb.ResolvedArtist] = []
    for number, ref in enumerate(refs):
        try:
            rows.add(find_artist(recommender.directory, ref, f"candidates[{number}]"))
        except (NotFound, AmbiguousName) as error:
            missing.append(responses.unresolved(recommender, ref, error))
    return frozenset(rows), missing


def _rows(query: ArtistQuery) -> list[int]:
    """The seeds, which are all in the catalog: a request names them by reference."""
    return [seed for seed in query.seeds if isinstance(seed, int)]


def _scored(
    recommender: Recommender, ranked: Sequence[ScoredArtist], query: ArtistQuery, *, explain: bool
) -> list[pb.ScoredArtist]:
    """Reply lines; explanations are of the first seed."""
    why = partial(responses.explanation, recommender, _rows(query)[0], mix=query.mix) if explain else None
    return responses.scored_artists(recommender, ranked, query, explain=why)
