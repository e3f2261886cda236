"""The RPCs that rank artists: for one request, for many, and for a line-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from google.rpc import code_pb2

from pb import soundkin_pb2 as pb
from recommender.errors import AmbiguousName, InvalidArgument, NotFound, SoundkinError
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import ScoredArtist
from server.error_status import fault_of
from server.limits import MAX_BATCHED, MAX_REFS, MAX_SEEDS, check_size
from server.reload.loaded_generation import Snapshot
from server.rpc import page_tokens, requests, responses
from server.rpc.lookups import generation
from server.rpc.requests import find_artist, find_artists


def similar_artists(snapshot: Snapshot, request: pb.SimilarArtistsRequest) -> pb.SimilarArtistsResponse:
    """Artists most like the seeds, best first."""
    query = _artist_query(snapshot.recommender, request)
    manifest = snapshot.recommender.generation.manifest
    limit, offset = requests.read_limit(request.limit), page_tokens.read_offset(request, manifest)
    found = snapshot.recommender.rank_artists(query, offset=offset, n=limit + 1)
    page, more = page_tokens.cut(found, limit)
    return pb.SimilarArtistsResponse(
        generation=generation(snapshot),
        artists=_lines(snapshot.recommender, page, query, explain=request.explain),
        next_page_token=page_tokens.make_token(request, manifest, offset + limit) if more else "",
        not_indexed=responses.not_indexed(snapshot.recommender, query.seeds),
        seeds=[responses.artist(snapshot.recommender, row) for row in query.seeds],
    )


def batch_similar_artists(snapshot: Snapshot, request: pb.BatchSimilarArtistsRequest) -> pb.BatchSimilarArtistsResponse:
    """Each request answered by itself, in order, from one generation; one that cannot be fails alone."""
    check_size(request.requests, "requests", MAX_BATCHED)
    return pb.BatchSimilarArtistsResponse(entries=[_entry(snapshot, each) for each in request.requests])


def _entry(snapshot: Snapshot, request: pb.SimilarArtistsRequest) -> pb.BatchSimilarArtistsEntry:
    try:
        return pb.BatchSimilarArtistsEntry(response=similar_artists(snapshot, request))
    except SoundkinError as error:
        fault = fault_of(error)
        return pb.BatchSimilarArtistsEntry(code=code_pb2.Code.Value(fault.code.name), message=fault.message)


def rank_artists(snapshot: Snapshot, request: pb.RankArtistsRequest) -> pb.RankArtistsResponse:
    """A line-up in the order of a person who likes the seeds; last, by id, those that no signal can place."""
    recommender = snapshot.recommender
    check_size(request.candidates, "candidates", MAX_REFS)
    seeds = _find_seeds(recommender, request.seeds)
    found, missing = _find_line_up(recommender, request.candidates)
    query = ArtistQuery(
        seeds=seeds,
        mix=requests.read_listening(request.listening, recommender.generation.manifest.space),
        weights=requests.read_weights(request, recommender.generation.calibration.choices),
        candidates=found,
        keep_seeds=True,
    )
    ranked = recommender.rank_artists(query, offset=0, n=len(found))
    unplaced = sorted(found - {scored.row for scored in ranked})
    return pb.RankArtistsResponse(
        generation=generation(snapshot),
        artists=[
            *_lines(recommender, ranked, query, explain=request.explain),
            *(pb.ScoredArtist(artist=responses.artist(recommender, row)) for row in unplaced),
        ],
        not_found=[each.ref for each in missing],
        unresolved=missing,
        seeds=[responses.artist(recommender, row) for row in seeds],
        not_indexed=responses.not_indexed(recommender, seeds),
    )


def _find_line_up(
    recommender: Recommender, refs: Sequence[pb.ArtistRef]
) -> tuple[frozenset[int], list[pb.ResolvedArtist]]:
    """Rows of those that are found, and what became of the others. Raises InvalidArgument for an empty reference."""
    found: set[int] = set()
    missing: list[pb.ResolvedArtist] = []
    for place, ref in enumerate(refs):
        try:
            found.add(find_artist(recommender.directory, ref, f"candidates[{place}]"))
        except (NotFound, AmbiguousName) as error:
            missing.append(responses.unresolved(recommender, ref, error))
    return frozenset(found), missing


def _artist_query(recommender: Recommender, request: pb.SimilarArtistsRequest) -> ArtistQuery:
    _check_sizes(request)
    seeds = _find_seeds(recommender, request.seeds)
    unlike = tuple(find_artists(recommender.directory, request.negative_seeds, "negative_seeds"))
    return replace(conditions(recommender, request), seeds=seeds, negative_seeds=unlike)


def conditions(recommender: Recommender, request: pb.SimilarArtistsRequest) -> ArtistQuery:
    """Everything that ``request`` asks but whom the answers are to be like. Raises as SimilarArtists does."""
    _check_sizes(request)
    directory = recommender.directory
    candidates = find_artists(directory, request.candidates, "candidates")
    return ArtistQuery(
        seeds=(),
        mix=requests.read_listening(request.listening, recommender.generation.manifest.space),
        weights=requests.read_weights(request, recommender.generation.calibration.choices),
        candidates=frozenset(candidates) if candidates else None,
        exclude=frozenset(find_artists(directory, request.exclude, "exclude")),
        genres=requests.read_genres(request.filter),
        min_tracks=request.filter.min_tracks,
        popularity=requests.read_popularity(request.filter),
        depth=requests.read_depth(request),
    )


def _check_sizes(request: pb.SimilarArtistsRequest) -> None:
    """Before anything is looked up."""
    check_size(request.seeds, "seeds", MAX_SEEDS)
    check_size(request.negative_seeds, "negative_seeds", MAX_SEEDS)
    check_size(request.candidates, "candidates", MAX_REFS)
    check_size(request.exclude, "exclude", MAX_REFS)


def _find_seeds(recommender: Recommender, refs: Sequence[pb.ArtistRef]) -> tuple[int, ...]:
    check_size(refs, "seeds", MAX_SEEDS)
    if not refs:
        raise InvalidArgument("seeds", "is empty; name at least one artist")
    return tuple(find_artists(recommender.directory, refs, "seeds"))


def _lines(
    recommender: Recommender, ranked: Sequence[ScoredArtist], query: ArtistQuery, *, explain: bool
) -> list[pb.ScoredArtist]:
    first, mix = query.seeds[0], query.mix

    def why(row: int) -> pb.Explanation | None:
        if not explain:
            return None
        return responses.why(recommender, first, row, recommender.explain(first, row, mix=mix))

    return [
        responses.scored_artist(recommender, each, mix, explanation=why(each.row), depth=query.depth) for each in ranked
    ]
