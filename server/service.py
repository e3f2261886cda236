"""The gRPC service: one short method an RPC, each answered from one snapshot of one generation."""

# ruff: noqa: N802 - methods have the names of the contract
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from pb import soundkin_pb2 as pb
from pb import soundkin_pb2_grpc as pb_grpc
from recommender.errors import EncoderMissing, Overloaded
from server.admission import Admission
from server.call import Call
from server.metrics import Metrics, Refusal
from server.reload.generation_watcher import GenerationWatcher
from server.reload.loaded_generation import Snapshot
from server.rpc import artists, audio, lookups, playlist, rank_batch, tracks
from server.rpc.byte_budget import ByteBudget
from server.rpc.clip_stream import Clip, receive
from server.rpc.encoder_client import MAX_DURATION_S, Encoded, EncoderClient

NAME: str = pb.DESCRIPTOR.services_by_name["SimilarityService"].full_name
"""``soundkin.v1.SimilarityService``."""

MAX_AUDIO_REQUESTS = 4
"""Requests whose clips are encoded at the same time; others wait, once all their clips have come."""
MAX_STREAMS = 200
"""Streams of clips that are open at once; each holds two threads."""

Context: TypeAlias = Any  # Any: grpc's context, which has no types for it
Request = TypeVar("Request")
Reply = TypeVar("Reply")


class SimilarityService(pb_grpc.SimilarityServiceServicer):
    """Answers from the generation that ``watcher`` has when the request arrives. The interceptor handles errors.

    Rankings wait for their turn (server/admission.py); lookups of known things are answered at once.
    """

    def __init__(
        self, watcher: GenerationWatcher, admission: Admission, encoder: EncoderClient | None, metrics: Metrics
    ) -> None:
        self._watcher = watcher
        self._admission = admission
        self._encoder = encoder
        self._metrics = metrics
        self.budget = ByteBudget(metrics)
        self._encoding = threading.BoundedSemaphore(MAX_AUDIO_REQUESTS)
        self._streams = threading.BoundedSemaphore(MAX_STREAMS)

    def _rank(self, answer: Callable[[Snapshot, Request], Reply], request: Request, context: Context) -> Reply:
        with self._admission.turn(Call(context)):
            return answer(self._watcher.snapshot(), request)

    def SimilarArtists(self, request: pb.SimilarArtistsRequest, context: Context) -> pb.SimilarArtistsResponse:
        return self._rank(artists.similar_artists, request, context)

    def CompareArtists(self, request: pb.CompareArtistsRequest, context: Context) -> pb.CompareArtistsResponse:
        return self._rank(lookups.compare_artists, request, context)

    def SimilarTracks(self, request: pb.SimilarTracksRequest, context: Context) -> pb.SimilarTracksResponse:
        if request.WhichOneof("seed") == "clip":
            return self._tracks_like_clip(request, Call(context))
        return self._rank(tracks.similar_tracks, request, context)

    def MakePlaylist(self, request: pb.MakePlaylistRequest, context: Context) -> pb.MakePlaylistResponse:
        return self._rank(playlist.make_playlist, request, context)

    def ResolveArtists(self, request: pb.ResolveArtistsRequest, context: Context) -> pb.ResolveArtistsResponse:
        return self._rank(lookups.resolve_artists, request, context)

    def GetArtist(self, request: pb.GetArtistRequest, context: Context) -> pb.GetArtistResponse:
        return lookups.get_artist(self._watcher.snapshot(), request)

    def GetTrack(self, request: pb.GetTrackRequest, context: Context) -> pb.GetTrackResponse:
        return lookups.get_track(self._watcher.snapshot(), request)

    def ListAspects(self, request: pb.ListAspectsRequest, context: Context) -> pb.ListAspectsResponse:
        return lookups.list_aspects(self._watcher.snapshot(), request)

    def GetIndexInfo(self, request: pb.GetIndexInfoRequest, context: Context) -> pb.GetIndexInfoResponse:
        return lookups.get_index_info(self._watcher.snapshot(), request)

    def BatchSimilarArtists(
        self, request: pb.BatchSimilarArtistsRequest, context: Context
    ) -> pb.BatchSimilarArtistsResponse:
        call = Call(context)
        with self._admission.batch():
            snapshot = self._watcher.snapshot()
            return artists.batch_similar_artists(snapshot, request, turn=lambda: self._admission.entry(call))

    def RankArtists(self, request: pb.RankArtistsRequest, context: Context) -> pb.RankArtistsResponse:
        return self._rank(artists.rank_artists, request, context)

    def BatchRankArtists(self, request: pb.BatchRankArtistsRequest, context: Context) -> pb.BatchRankArtistsResponse:
        call = Call(context)
        with self._admission.batch():
            snapshot = self._watcher.snapshot()
            return rank_batch.batch_rank_artists(snapshot, request, turn=lambda: self._admission.entry(call))

    def SimilarArtistsToAudio(
        self, requests: Iterator[pb.SimilarArtistsToAudioRequest], context: Context
    ) -> pb.SimilarArtistsToAudioResponse:
        encoder, call = self._require_encoder(), Call(context)
        with self._stream(), self.budget.share() as share:
            received = receive(requests, share)
            request = audio.read(self._watcher.snapshot(), received)
            encoded = self._encode(encoder, received.clips, request.snapshot, call)
            with self._admission.turn(call):
                return audio.similar_to_audio(request, encoded)

    @contextmanager
    def _stream(self) -> Iterator[None]:
        if not self._streams.acquire(blocking=False):
            self._metrics.refused(Refusal.AUDIO)
            raise Overloaded(f"{MAX_STREAMS} clients send clips or wait for their answer")
        try:
            yield
        finally:
            self._streams.release()

    def _tracks_like_clip(self, request: pb.SimilarTracksRequest, call: Call) -> pb.SimilarTracksResponse:
        encoder = self._require_encoder()
        with self.budget.share() as share:
            share.take(len(request.clip.file))
            query = tracks.read(self._watcher.snapshot(), request)
            encoded = self._encode(encoder, [query.clip], query.snapshot, call)
            with self._admission.turn(call):
                return tracks.like_clip(query, encoded)

    def _encode(self, encoder: EncoderClient, clips: Sequence[Clip], snapshot: Snapshot, call: Call) -> list[Encoded]:
        """Embed ``clips`` when fewer than :data:`MAX_AUDIO_REQUESTS` others are embedded."""
        if not self._encoding.acquire(timeout=min(call.seconds_left(), MAX_DURATION_S)):
            self._metrics.refused(Refusal.AUDIO)
            raise Overloaded(f"{MAX_AUDIO_REQUESTS} requests with clips are ahead")
        try:
            return encoder.encode(clips, snapshot.recommender.generation.manifest.space, call)
        finally:
            self._encoding.release()

    def _require_encoder(self) -> EncoderClient:
        if self._encoder is None:
            raise EncoderMissing
        return self._encoder
