"""The RPCs that do not rank: comparing two artists, resolving references, and details of artists, tracks and the index.

One function an RPC makes the whole answer from one snapshot, without I/O and without gRPC.
"""

from __future__ import annotations

import math

from pb import soundkin_pb2 as pb
from recommender.errors import AmbiguousName, InvalidArgument, NotFound
from recommender.ranking.artists import Recommender
from recommender.ranking.tracks import tracks_of
from server.reload.loaded_generation import Snapshot
from server.rpc import requests, responses
from server.rpc.requests import check_sizes, find_artist, find_track, look_up_artist
from server.rpc.second_try import Budget, second_try


def compare_artists(snapshot: Snapshot, request: pb.CompareArtistsRequest) -> pb.CompareArtistsResponse:
    """One pair with everything that is known about it."""
    check_sizes(request)
    recommender = snapshot.recommender
    a = find_artist(recommender.directory, request.a, "a")
    b = find_artist(recommender.directory, request.b, "b")
    mix = requests.read_listening(request.listening, recommender.generation.manifest.space)
    scored = recommender.compare(a, b, mix=mix, weights=requests.read_weights(request, recommender.choices))
    summary_a, summary_b = responses.artists(recommender, [a, b])
    reliability_a, reliability_b = recommender.reliability([a, b], mix)
    return pb.CompareArtistsResponse(
        generation=responses.generation(snapshot),
        a=summary_a,
        b=summary_b,
        score=None if math.isnan(scored.score) else scored.score,
        breakdown=map(responses.to_signal_score, scored.breakdown),
        explanation=responses.explanation(recommender, a, b, mix=mix),
        not_indexed=responses.not_indexed(recommender, (a, b)),
        base=scored.base,
        evidence_a=responses.to_evidence(reliability_a),
        evidence_b=responses.to_evidence(reliability_b),
    )


def resolve_artists(snapshot: Snapshot, request: pb.ResolveArtistsRequest) -> pb.ResolveArtistsResponse:
    """The artist of each reference, in order, or why it is not exactly one."""
    check_sizes(request)
    budget = Budget()
    artists = [_resolve(snapshot.recommender, ref, budget) for ref in request.refs]
    return pb.ResolveArtistsResponse(generation=responses.generation(snapshot), artists=artists)


def _resolve(recommender: Recommender, ref: pb.ArtistRef, budget: Budget) -> pb.ResolvedArtist:
    try:
        return responses.resolved(recommender, ref, look_up_artist(recommender.directory, ref, "ref"))
    except NotFound as error:
        return second_try(recommender, ref, error, budget)
    except (InvalidArgument, AmbiguousName) as error:
        return responses.unresolved(recommender, ref, error)


def get_artist(snapshot: Snapshot, request: pb.GetArtistRequest) -> pb.GetArtistResponse:
    """One artist with its names, ids, genres and tracks."""
    recommender = snapshot.recommender
    row = find_artist(recommender.directory, request.artist, "artist")
    signals = recommender.signals().items()
    (reliability,) = recommender.reliability([row])
    return pb.GetArtistResponse(
        generation=responses.generation(snapshot),
        artist=responses.artist(recommender, row),
        aliases=responses.aliases(recommender, row),
        external_ids=responses.external_ids(recommender, row),
        genres=responses.genres(recommender, row),
        tracks=[responses.track(recommender, int(track)) for track in tracks_of(recommender.generation, row)],
        not_indexed=bool(responses.not_indexed(recommender, [row])),
        signals=[responses.to_signal(name) for name, signal in signals if signal.known[row]],
        evidence=responses.to_evidence(reliability),
    )


def get_track(snapshot: Snapshot, request: pb.GetTrackRequest) -> pb.GetTrackResponse:
    """One track."""
    recommender = snapshot.recommender
    row = find_track(recommender.directory, request.track, "track")
    contents = recommender.generation.contents
    tracks, facts = contents.tracks, contents.details.at(row)
    return pb.GetTrackResponse(
        generation=responses.generation(snapshot),
        track=responses.track(recommender, row),
        not_indexed=bool(tracks.vector_row[row] < 0),
        clips=int(tracks.clips[row]),
        album_artist=facts.album_artist,
        disc=facts.disc,
        number=facts.number,
        year=facts.year,
    )


def list_aspects(snapshot: Snapshot, request: pb.ListAspectsRequest) -> pb.ListAspectsResponse:
    """The aspects, in the order of the space."""
    aspects = map(responses.to_aspect, snapshot.recommender.generation.manifest.space.aspects)
    return pb.ListAspectsResponse(generation=responses.generation(snapshot), aspects=aspects)


def get_index_info(snapshot: Snapshot, request: pb.GetIndexInfoRequest) -> pb.GetIndexInfoResponse:
    """What the loaded generation contains."""
    recommender = snapshot.recommender
    manifest = recommender.generation.manifest
    return pb.GetIndexInfoResponse(
        generation=responses.generation(snapshot),
        built_at=manifest.built_at,
        encoder=manifest.space.name,
        encoder_revision=manifest.space.revision,
        encoder_licence=manifest.space.licence,
        dim=manifest.space.dim,
        layers=responses.to_layers(manifest, recommender.generation.calibration.layers),
        artists=manifest.counts.artists,
        artists_indexed=manifest.counts.artists_indexed,
        tracks=manifest.counts.tracks,
        tracks_indexed=manifest.counts.tracks_indexed,
        signals=[
            pb.SignalInfo(signal=responses.to_signal(name), artists=int(signal.known.sum()))
            for name, signal in recommender.signals().items()
        ],
        weight_profiles=sorted(recommender.choices.named),
        profile=manifest.use,
        default_weight_profile=recommender.choices.default.name,
        candidates=responses.to_candidates(manifest.candidates),
    )
