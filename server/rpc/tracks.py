"""The RPC that ranks tracks: like a track of the catalog, like a vector, or like a clip that the encoder heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pb import soundkin_pb2 as pb
from recommender.errors import BadInput, InvalidArgument
from recommender.ranking.artists import Recommender
from recommender.ranking.audio_query import clip_vectors
from recommender.ranking.tracks import TrackQuery
from recommender.types import LayerMix
from server.reload.loaded_generation import Snapshot
from server.rpc import page_tokens, requests, responses
from server.rpc.clip_stream import Clip, read_clip
from server.rpc.encoder_client import Encoded
from server.rpc.lookups import generation
from server.rpc.requests import find_track


def similar_tracks(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> pb.SimilarTracksResponse:
    """Tracks like a track, or like a vector from outside; those like a clip are :func:`like_clip`."""
    match request.WhichOneof("seed"):
        case "track":
            return _like_track(snapshot, request)
        case "vector":
            return _like_vector(snapshot, request)
    raise InvalidArgument("seed", "is unset; give a track, a clip or a vector")


def _like_track(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> pb.SimilarTracksResponse:
    recommender = snapshot.recommender
    row = find_track(recommender.directory, request.track, "track")
    mix = requests.read_listening(request.listening, recommender.generation.manifest.space)
    vectors = recommender.tracks.vectors(row, mix)
    query = replace(
        _conditions(request, mix),
        vectors=vectors or {},
        exclude_track=row,
        exclude_artist=_owner(recommender, row) if request.exclude_same_artist else -1,
    )
    reply = _ranked(snapshot, request, query)
    reply.seed.CopyFrom(responses.track(recommender, row))
    reply.not_indexed = vectors is None
    return reply


def _owner(recommender: Recommender, track: int) -> int:
    return int(recommender.generation.contents.tracks.artist[track])


def _like_vector(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> pb.SimilarTracksResponse:
    """A vector has no artist: ``exclude_same_artist`` then leaves out nobody."""
    space = snapshot.recommender.generation.manifest.space
    vector = requests.read_vector(request.vector, space)
    query = _conditions(request, requests.read_vector_listening(request, space))
    return _ranked(snapshot, request, replace(query, vectors={request.vector.layer: vector}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTracksQuery:
    """A request by clip that makes sense on one snapshot."""

    snapshot: Snapshot
    request: pb.SimilarTracksRequest
    clip: Clip
    query: TrackQuery
    """Without vectors, which only the encoder can give."""


def read(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> ClipTracksQuery:
    """Understand a request by clip, before anything is encoded. Raises what the others raise for the same fields."""
    manifest = snapshot.recommender.generation.manifest
    clip = read_clip(0, request.clip)
    query = _conditions(request, requests.read_listening(request.listening, manifest.space))
    _page(snapshot, request)
    return ClipTracksQuery(snapshot=snapshot, request=request, clip=clip, query=query)


def like_clip(asked: ClipTracksQuery, encoded: Sequence[Encoded]) -> pb.SimilarTracksResponse:
    """Tracks like the clip; ``encoded`` is what became of it. It has no artist, as a vector has none.

    Raises InvalidArgument when it could not be used.
    """
    (heard,) = encoded
    if isinstance(heard, BadInput):
        raise InvalidArgument("clip", f"cannot be used: {asked.clip.describe_problem(heard.reason, heard.detail)}")
    vectors = clip_vectors(asked.snapshot.recommender.generation.manifest.space, heard[None])
    query = replace(asked.query, vectors={layer: vectors[layer][0] for layer in asked.query.mix})
    return _ranked(asked.snapshot, asked.request, query)


def _conditions(request: pb.SimilarTracksRequest, mix: LayerMix) -> TrackQuery:
    """Everything that ``request`` asks but what the answers are to be like."""
    return TrackQuery(
        vectors={},
        mix=mix,
        max_per_artist=request.max_per_artist,
        keep_duplicates=request.allow_near_duplicates,
        genres=requests.read_genres(request.filter),
    )


def _page(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> tuple[int, int]:
    """How many to answer, and after how many."""
    manifest = snapshot.recommender.generation.manifest
    return requests.read_limit(request.limit), page_tokens.read_offset(request, manifest)


def _ranked(snapshot: Snapshot, request: pb.SimilarTracksRequest, query: TrackQuery) -> pb.SimilarTracksResponse:
    recommender = snapshot.recommender
    limit, offset = _page(snapshot, request)
    found = recommender.tracks.rank(query, offset=offset, n=limit + 1) if query.vectors else []
    page, more = page_tokens.cut(found, limit)
    manifest = recommender.generation.manifest
    return pb.SimilarTracksResponse(
        generation=generation(snapshot),
        tracks=[responses.scored_track(recommender, scored) for scored in page],
        next_page_token=page_tokens.make_token(request, manifest, offset + limit) if more else "",
    )
