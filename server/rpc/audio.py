"""The RPC SimilarArtistsToAudio: ranks artists by clips of one that is not in the catalog.

:func:`read` checks the request on one snapshot, before anything is encoded; :func:`similar_to_audio` makes the answer
from what the encoder returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pb import soundkin_pb2 as pb
from recommender.errors import BadInput, InvalidArgument
from recommender.explain.sentence import sound_nearest
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.audio_query import from_clips, nearest_clip
from recommender.signals.audio import AudioQuery
from server.reload.loaded_generation import Snapshot
from server.rpc import responses
from server.rpc.clip_stream import Clip, ReceivedClips
from server.rpc.encoder_client import Encoded
from server.rpc.requests import read_artist_query, read_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRequest:
    """A request that was checked on one snapshot."""

    snapshot: Snapshot
    received: ReceivedClips
    query: ArtistQuery
    """Without seeds: the clips are the seed, once they are encoded."""
    limit: int


def read(snapshot: Snapshot, received: ReceivedClips) -> AudioRequest:
    """Check the options, before anything is encoded.

    Raises what SimilarArtists raises, and InvalidArgument for seeds, negative seeds or a page token.
    """
    options = received.options
    for field in ("seeds", "negative_seeds", "page_token"):
        if getattr(options, field):
            raise InvalidArgument(f"options.{field}", "cannot go with clips; the clips are the seed, on one page")
    query = read_artist_query(snapshot.recommender, options, by_clips=True)
    return AudioRequest(snapshot=snapshot, received=received, query=query, limit=read_limit(options.limit))


def similar_to_audio(request: AudioRequest, encoded: Sequence[Encoded]) -> pb.SimilarArtistsToAudioResponse:
    """Artists like the one that made the clips; ``encoded`` is the encoder's result for each clip.

    Raises InvalidArgument when none of the clips could be encoded, or they cancel one another.
    """
    recommender, received = request.snapshot.recommender, request.received
    pairs = list(zip(received.clips, encoded, strict=True))
    used = [(clip, embedding) for clip, embedding in pairs if not isinstance(embedding, BadInput)]
    rejected = [(clip, problem) for clip, problem in pairs if isinstance(problem, BadInput)]
    if not used:
        reasons = "; ".join(clip.describe_problem(problem.reason, problem.detail) for clip, problem in rejected)
        raise InvalidArgument("clip", f"none can be used: {reasons}")
    seed = from_clips(recommender.generation, np.stack([embedding for _, embedding in used]), request.query.mix)
    query = replace(request.query, seeds=(seed,))
    ranked = recommender.rank_artists(query, offset=0, n=request.limit)

    def explain(artist: int) -> pb.Explanation:
        return _explanation(recommender, [clip for clip, _ in used], seed, artist)

    unused = [*(clip.rejected(problem.reason, problem.detail) for clip, problem in rejected), *received.repeated]
    unused.sort(key=lambda clip: clip.place)
    return pb.SimilarArtistsToAudioResponse(
        generation=responses.generation(request.snapshot),
        artists=responses.scored_artists(
            recommender, ranked, query, explain=explain if received.options.explain else None
        ),
        rejected=unused,
        evidence=responses.to_evidence(seed.reliability),
    )


def _explanation(recommender: Recommender, clips: Sequence[Clip], seed: AudioQuery, artist: int) -> pb.Explanation:
    """The clip and the track that sound most alike: of an artist from clips nothing but audio is known."""
    nearest = nearest_clip(recommender, seed, artist)
    if nearest is None:
        return pb.Explanation()
    clip, track = clips[nearest.clip], responses.track(recommender, nearest.track)
    title = clip.name or f"clip {clip.position}"
    pair = pb.NearestTracks(a=pb.TrackSummary(title=title), b=track, cosine=nearest.cosine, aspect=nearest.aspect)
    sentence = f"The clips and {track.artist.name}: {sound_nearest(title, track.title, nearest.aspect)}."
    return pb.Explanation(nearest_tracks=pair, sentence=sentence if nearest.cosine > 0 else "")
