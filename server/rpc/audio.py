"""The answer for an act of which only audio is known, from one snapshot and what the encoder made of its clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pb import soundkin_pb2 as pb
from recommender.errors import BadInput, InvalidArgument
from recommender.explain.sentence import sound_nearest
from recommender.ranking import audio_query
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.audio_query import Newcomer
from server.reload.loaded_generation import Snapshot
from server.rpc import requests, responses
from server.rpc.artists import conditions
from server.rpc.clip_stream import Clip, Received
from server.rpc.encoder_client import Encoded
from server.rpc.lookups import generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that makes sense on one snapshot."""

    snapshot: Snapshot
    received: Received
    query: ArtistQuery
    limit: int


def read(snapshot: Snapshot, received: Received) -> Asked:
    """Understand the options, before anything is encoded.

    Raises what SimilarArtists raises, and InvalidArgument for seeds, negative seeds or a page token.
    """
    options = received.options
    for field in ("seeds", "negative_seeds", "page_token"):
        if getattr(options, field):
            raise InvalidArgument(f"options.{field}", "cannot go with clips; the clips are the seed, on one page")
    query, limit = conditions(snapshot.recommender, options), requests.read_limit(options.limit)
    return Asked(snapshot=snapshot, received=received, query=query, limit=limit)


def similar_to_audio(asked: Asked, encoded: Sequence[Encoded]) -> pb.SimilarArtistsToAudioResponse:
    """Artists like the act; ``encoded`` is what became of each clip.

    Raises InvalidArgument when none of them could be used, or they cancel one another.
    """
    recommender = asked.snapshot.recommender
    pairs = list(zip(asked.received.clips, encoded, strict=True))
    bad = [(clip, one) for clip, one in pairs if isinstance(one, BadInput)]
    used = [(clip, one) for clip, one in pairs if not isinstance(one, BadInput)]
    if not used:
        reasons = "; ".join(clip.describe_problem(one.reason, one.detail) for clip, one in bad)
        raise InvalidArgument("clip", f"none can be used: {reasons}")
    heard = audio_query.hear(recommender.generation, np.stack([one for _, one in used]), asked.query.mix)
    ranked = audio_query.rank_for(recommender, heard, asked.query, n=asked.limit)
    in_order = [*(clip.rejected(one.reason, one.detail) for clip, one in bad), *asked.received.repeated]
    in_order.sort(key=lambda clip: clip.place)
    names = _Named(clips=[clip for clip, _ in used], newcomer=heard)
    explain = asked.received.options.explain
    return pb.SimilarArtistsToAudioResponse(
        generation=generation(asked.snapshot),
        artists=[
            responses.scored_artist(
                recommender,
                scored,
                asked.query.mix,
                explanation=names.why(recommender, scored.row) if explain else None,
                depth=asked.query.depth,
            )
            for scored in ranked
        ],
        rejected=in_order,
        evidence=responses.to_evidence(heard.evidence),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """The clips that were used, and the newcomer they make."""

    clips: list[Clip]
    newcomer: Newcomer

    def why(self, recommender: Recommender, artist: int) -> pb.Explanation:
        """The clip and the track that sound nearest; nothing else is known of a newcomer."""
        near = audio_query.nearest_clip(recommender, self.newcomer, artist)
        if near is None:
            return pb.Explanation()
        clip, theirs = self.clips[near.clip], responses.track(recommender, near.track)
        title = clip.name or f"clip {clip.place}"
        pair = pb.NearestTracks(a=pb.TrackSummary(title=title), b=theirs, cosine=near.cosine, aspect=near.aspect)
        told = f"The clips and {theirs.artist.name}: {sound_nearest(title, theirs.title, near.aspect)}."
        return pb.Explanation(nearest_tracks=pair, sentence=told if near.cosine > 0 else "")
