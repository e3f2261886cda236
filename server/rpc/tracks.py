"""The RPC SimilarTracks: ranks tracks by similarity to a track of the catalog, a vector, or an encoded clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pb import soundkin_pb2 as pb
from recommender.errors import BadInput, InvalidArgument
from recommender.ranking.audio_query import clip_vectors
from recommender.ranking.tracks import TrackQuery
from recommender.types import LayerMix
from server.reload.loaded_generation import Snapshot
from server.rpc import page_tokens, requests, responses
from server.rpc.clip_stream import Clip, read_clip
from server.rpc.encoder_client import Encoded
from server.rpc.requests import check_sizes, find_track


def similar_tracks(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> pb.SimilarTracksResponse:
    """Tracks like a track, or like a vector from outside; :func:`like_clip` gives those like a clip."""
    check_sizes(request)
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
        exclude_artist=int(recommender.generation.contents.tracks.artist[row]) if request.exclude_same_artist else -1,
    )
    reply = _ranked(snapshot, request, query)
    reply.seed.CopyFrom(responses.track(recommender, row))
    reply.not_indexed = vectors is None
    return reply


def _like_vector(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> pb.SimilarTracksResponse:
    """A vector has no artist, so ``exclude_same_artist`` has no effect."""
    space = snapshot.recommender.generation.manifest.space
    vector = requests.read_vector(request.vector, space)
    query = _conditions(request, requests.read_vector_listening(request, space))
    return _ranked(snapshot, request, replace(query, vectors={request.vector.layer: vector}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTracksQuery:
    """A request by clip that was checked on one snapshot."""

    snapshot: Snapshot
    request: pb.SimilarTracksRequest
    clip: Clip
    query: TrackQuery
    """Without vectors until the clip is encoded."""


def read(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> ClipTracksQuery:
    """Check a request by clip, before anything is encoded. Raises what :func:`similar_tracks` raises."""
    check_sizes(request)
    manifest = snapshot.recommender.generation.manifest
    clip = read_clip(0, request.clip)
    query = _conditions(request, requests.read_listening(request.listening, manifest.space))
    _page(snapshot, request)
    return ClipTracksQuery(snapshot=snapshot, request=request, clip=clip, query=query)


def like_clip(clip_query: ClipTracksQuery, encoded: Sequence[Encoded]) -> pb.SimilarTracksResponse:
    """Tracks like the clip; ``encoded`` is the encoder's result for it. A clip has no artist, as a vector has none.

    Raises InvalidArgument when it could not be encoded.
    """
    (embedding,) = encoded
    if isinstance(embedding, BadInput):
        problem = clip_query.clip.describe_problem(embedding.reason, embedding.detail)
        raise InvalidArgument("clip", f"cannot be used: {problem}")
    vectors = clip_vectors(clip_query.snapshot.recommender.generation.manifest.space, embedding[None])
    query = replace(clip_query.query, vectors={layer: vectors[layer][0] for layer in clip_query.query.mix})
    return _ranked(clip_query.snapshot, clip_query.request, query)


def _conditions(request: pb.SimilarTracksRequest, mix: LayerMix) -> TrackQuery:
    """All of ``request`` but its seed."""
    return TrackQuery(
        vectors={},
        mix=mix,
        max_per_artist=request.max_per_artist,
        keep_duplicates=request.allow_near_duplicates,
        genres=requests.read_genres(request.filter),
    )


def _page(snapshot: Snapshot, request: pb.SimilarTracksRequest) -> tuple[int, int]:
    """Size of the page, and where it starts."""
    return requests.read_limit(request.limit), page_tokens.read_offset(request, snapshot.recommender)


def _ranked(snapshot: Snapshot, request: pb.SimilarTracksRequest, query: TrackQuery) -> pb.SimilarTracksResponse:
    recommender = snapshot.recommender
    limit, offset = _page(snapshot, request)
    # One more than the page shows whether there is another page.
    ranked = recommender.tracks.rank(query, offset=offset, n=limit + 1) if query.vectors else []
    more = len(ranked) > limit
    return pb.SimilarTracksResponse(
        generation=responses.generation(snapshot),
        tracks=[responses.scored_track(recommender, scored) for scored in ranked[:limit]],
        next_page_token=page_tokens.make_token(request, recommender, offset + limit) if more else "",
    )
